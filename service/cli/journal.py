"""`spendwarden replay --journal`: a live service's journal once more, from its data folder or from an exported file."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Final

import msgspec

from service.cli.failures import USAGE, fail
from service.cli.folder import opened
from service.log import file
from service.log.ports import JOURNAL, REFUSED, Log, LogError, Row
from service.log.sqlite import SqliteLog
from service.replay.journal import Repetition
from service.replay.run import Line, Tallies, counted, lines_of, summary

READ_ROWS: Final = 1_000
_encode: Final = msgspec.json.Encoder().encode


def repeat(journal: Path, *, as_json: bool) -> None:
    """Prints the lines that `export --what transcript` prints, byte for byte, then a summary.

    A file does not hold what was refused, so its summary counts none.
    """
    started = perf_counter()
    with source(journal) as (rows, stream_partitions, refused):
        repetition, seen, kept = Repetition(stream_partitions), Tallies(refused=refused), list[Line]()
        for partition, piece in rows:
            lines = lines_of(repetition.hear(partition, piece), seen)
            if as_json:
                sys.stdout.buffer.write(b"".join(_encode(line) + b"\n" for line in lines))
            else:
                kept += lines
    counts = counted(repetition.counts())
    seen.events = counts["records"] + refused
    last = summary(counts, repetition.spend_by, seen, perf_counter() - started)
    if as_json:
        sys.stdout.buffer.write(_encode(last) + b"\n")
        sys.stdout.buffer.flush()
    else:
        from service.cli.screen import show_summary  # noqa: PLC0415 -- rich is not needed for --json

        show_summary(list(repetition.wardens.values()), last, kept)


Rows = Iterator[tuple[int, list[Row]]]


@contextmanager
def source(journal: Path) -> Iterator[tuple[Rows, int, int]]:
    """Of a folder or an exported file: the rows by partition, piece by piece; the number of stream partitions; how many records were refused."""
    if journal.is_dir():
        with opened(journal) as (log, partitions):
            yield _of_log(log), partitions, asyncio.run(_length(log, REFUSED))
        return
    try:
        header, _ = file.read(journal)
        if header.topic != JOURNAL or not header.stream_partitions:
            fail(f"{journal}: holds {header.topic}, and to be repeated it must be a journal written by `spendwarden export --what journal`", USAGE)
        yield _of_file(journal, header.spans), header.stream_partitions, 0
    except LogError as wrong:
        fail(str(wrong))


def _of_file(journal: Path, partitions: Iterable[int]) -> Rows:
    """Partition by partition, as a transcript is exported; the file, which is by arrival, is read once for each."""
    for wanted in sorted(partitions):
        yield from ((partition, [row]) for partition, row in file.read(journal)[1] if partition == wanted)


def _of_log(log: SqliteLog) -> Rows:
    offset = 0
    first, end = asyncio.run(log.span(JOURNAL, 0))
    if first:
        raise LogError(f"the journal begins at row {first}: what lies before was trimmed by retention, so it cannot be repeated from nothing")
    while offset < end:
        rows = asyncio.run(log.read(JOURNAL, 0, offset, min(READ_ROWS, end - offset)))
        yield 0, rows
        offset = rows[-1].offset + 1


async def _length(log: Log, topic: str) -> int:
    return (await log.span(topic, 0))[1]
