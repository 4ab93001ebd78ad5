"""`spendwarden export`: a log as it lies there, or what a live service decided as a transcript."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from contextlib import closing, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from service.cli import cluster
from service.cli.cluster import kafka
from service.cli.examples import examples
from service.cli.failures import USAGE, fail
from service.cli.folder import opened
from service.log import file
from service.log.ports import JOURNAL, OUTBOX, REFUSED, STREAM, Log, LogError
from service.replay.outbox import decided
from service.replay.run import Tallies, lines_of

app = typer.Typer(rich_markup_mode=None, add_completion=False)
_encode: Final = msgspec.json.Encoder().encode


class What(StrEnum):
    """What can be written."""

    STREAM = STREAM
    JOURNAL = JOURNAL
    OUTBOX = OUTBOX
    REFUSED = REFUSED
    TRANSCRIPT = "transcript"
    AUDIT = "audit"


@app.command(
    epilog=examples(
        "spendwarden export --what transcript --data ./data",
        "spendwarden export --what transcript --brokers 127.0.0.1:9092",
        "spendwarden export --what audit --data ./data --out audit.jsonl && spendwarden audit verify audit.jsonl",
        "spendwarden export --what journal --data ./data --out journal.jsonl.gz && spendwarden replay --journal journal.jsonl.gz --json",
    )
)
def command(
    what: Annotated[
        What, typer.Option(help="transcript: the decisions, a JSON object a line; audit: who did what, chained; the others: a log, whole, row by row.")
    ],
    data: Annotated[Path, typer.Option(envvar="SPENDWARDEN_DATA", help="The service's data folder; it may run meanwhile.")] = Path("spendwarden-data"),
    out: Annotated[Path | None, typer.Option(help="A file, packed where its name ends in .gz; without one standard output.")] = None,
    *,
    brokers: Annotated[str | None, typer.Option(envvar="SPENDWARDEN_BROKERS", help="The brokers of a service on Kafka, instead of a folder.")] = None,
    database: Annotated[str | None, typer.Option(envvar="SPENDWARDEN_DATABASE", help="Of the audit: the database of `serve`, instead of a folder.")] = None,
    partitions: Annotated[int, typer.Option(envvar="SPENDWARDEN_PARTITIONS", min=1, max=1024, help="With --brokers: as `topics` was told.")] = 12,
    journal_partitions: Annotated[int, typer.Option(envvar="SPENDWARDEN_JOURNAL_PARTITIONS", min=1, max=1024, help="The same.")] = 1,
) -> None:
    """Write a log of a service, the transcript of its decisions, or its audit, which is kept for ever.

    The transcript holds each decision once, whatever was killed in between, as far back as the outbox is kept (35 days). Rows of a log
    are written with their offsets and arrivals, so that a journal can be repeated bit for bit.
    """
    if what == What.AUDIT and brokers is not None and database is None:
        fail("the audit is in the books: give --database, the one that `serve` was started with", USAGE)
    settings = kafka(brokers) if brokers is not None else None

    async def written(target: file.Out) -> int:
        if what == What.AUDIT:
            return _write_audit(data, database, target)
        if settings is None:
            with opened(data) as (log, settled):
                return await _write(log, what, {STREAM: settled}, target)
        async with cluster.opened(settings, (partitions, journal_partitions)) as kafka_log:
            counts = {STREAM: partitions, REFUSED: partitions, JOURNAL: journal_partitions, OUTBOX: journal_partitions}
            return await _write(kafka_log, what, counts, target)

    try:
        with file.appearing(out) if out is not None else nullcontext(sys.stdout.buffer) as target:
            count = asyncio.run(written(target))
    except BrokenPipeError:
        sys.stderr.close()
        raise typer.Exit(1) from None
    except LogError as failed:
        fail(str(failed))
    sys.stderr.write(
        f"{count:,} {'lines' if what == What.TRANSCRIPT else 'entries' if what == What.AUDIT else 'rows'} of {what} written{f' to {out}' if out else ''}\n"
    )


def _write_audit(data: Path, database: str | None, target: file.Out) -> int:
    """Returns the number of entries; the last line is none."""
    from service.cli.audit_file import exported  # noqa: PLC0415 -- the other logs need no books
    from service.cli.books import books_of  # noqa: PLC0415

    written = -1
    with closing(books_of(data, database)) as books:
        for line in exported(books):
            target.write(_encode(line) + b"\n")
            written += 1
    return written


async def _write(log: Log, what: What, partitions: Mapping[str, int], target: file.Out) -> int:
    """`partitions` of each log; one where it is not named."""
    if what != What.TRANSCRIPT:
        return await file.write(log, what, partitions.get(what, 1), target, partitions[STREAM] if what == What.JOURNAL else 0)
    seen, written = Tallies(), 0
    for partition in range(partitions.get(OUTBOX, 1)):
        async for decisions in decided(log, partition):
            lines = lines_of(decisions, seen)
            target.write(b"".join(_encode(line) + b"\n" for line in lines))
            written += len(lines)
    return written
