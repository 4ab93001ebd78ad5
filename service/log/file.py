"""A topic as a file of JSON lines, plain or `.gz`: what `spendwarden export` writes and `replay --journal` reads.

The first line says which topic it is and which offsets of each partition follow; then every row on its own line, in the
order of arrival over all partitions, with its value's bytes in base64. What comes back is what was there, bit for bit: a file
that was cut short, or a row that is missing, is an error and never a shorter log.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from service.log.memory import MemoryLog
from service.log.ports import Log, LogError, Row

READ_ROWS: Final = 1_000


class Header(Struct, tag="export", tag_field="spendwarden", omit_defaults=True):
    """`spans`: partition -> the first offset that follows and the one behind the last.

    `stream_partitions` is what a journal needs to be repeated; 0 where it was not said.
    """

    topic: str
    spans: dict[int, tuple[int, int]]
    stream_partitions: int = 0


class Line(Struct):
    """One row."""

    partition: int
    offset: int
    arrival_ms: int
    value: bytes


class Out(Protocol):
    """Whatever takes bytes."""

    def write(self, data: bytes, /) -> object:
        """Takes them all."""
        ...


_encode: Final = msgspec.json.Encoder().encode
_decode_header: Final = msgspec.json.Decoder(Header).decode
_decode_line: Final = msgspec.json.Decoder(Line).decode


async def export(log: Log, topic: str, partitions: int, path: Path, stream_partitions: int = 0) -> int:
    """Writes what `topic` holds now and returns the number of rows; under its name the file appears only when it is whole."""
    with appearing(path) as out:
        return await write(log, topic, partitions, out, stream_partitions)


async def write(log: Log, topic: str, partitions: int, out: Out, stream_partitions: int = 0) -> int:
    """The same to whatever takes bytes; what was cut short is known by its first line."""
    header = Header(topic, {partition: await log.span(topic, partition) for partition in range(partitions)}, stream_partitions)
    out.write(_encode(header) + b"\n")
    rows = 0
    async for line in _by_arrival(log, header):
        out.write(_encode(line) + b"\n")
        rows += 1
    return rows


async def _by_arrival(log: Log, header: Header) -> AsyncIterator[Line]:
    """Merges the partitions; each is read in pieces of READ_ROWS."""
    pieces = {partition: await _piece(log, header, partition, first) for partition, (first, _) in header.spans.items()}
    pieces = {partition: piece for partition, piece in pieces.items() if piece}
    while pieces:
        partition = min(pieces, key=lambda p: (pieces[p][-1].arrival_ms, p))
        row = pieces[partition].pop()
        yield Line(partition, *row)
        if not pieces[partition]:
            pieces[partition] = await _piece(log, header, partition, row.offset + 1)
            if not pieces[partition]:
                del pieces[partition]


async def _piece(log: Log, header: Header, partition: int, offset: int) -> list[Row]:
    """The next rows, last first, so that taking one is a pop."""
    end = header.spans[partition][1]
    return (await log.read(header.topic, partition, offset, min(READ_ROWS, end - offset)))[::-1] if offset < end else []


@contextmanager
def appearing(path: Path) -> Iterator[Out]:
    """A file to write, packed where its name ends in `.gz`, that stands under its name only when all of it is there; raises LogError."""
    growing = path.with_name(f".{path.name}.part")
    try:
        with growing.open("wb") as raw:
            if path.suffix == ".gz":
                with gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed:
                    yield packed
            else:
                yield raw
        growing.replace(path)
    except OSError as broken:
        raise LogError(f"cannot write {path}: {broken.strerror}") from broken
    finally:
        growing.unlink(missing_ok=True)


def read(path: Path) -> tuple[Header, Iterator[tuple[int, Row]]]:
    """What the file says it holds, and its rows as (partition, row) in their order; LogError names the line that is wrong."""
    rows = lines(path)
    try:
        header = _decode_header(next(rows, b""))
    except msgspec.DecodeError:
        raise LogError(f"{path}: its first line is not that of an exported topic") from None
    return header, _rows(path, header, rows)


def lines(path: Path) -> Iterator[bytes]:
    """Of an exported file, plain or `.gz`; raises LogError where it cannot be read or was cut short."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield from file
    except EOFError:
        raise LogError(f"{path}: cut short; export it again") from None
    except (OSError, zlib.error) as broken:
        raise LogError(f"cannot read {path}: {broken}") from broken


def _rows(path: Path, header: Header, lines: Iterator[bytes]) -> Iterator[tuple[int, Row]]:
    due = {partition: first for partition, (first, _) in header.spans.items()}
    for number, raw in enumerate(lines, 2):
        try:
            line = _decode_line(raw)
        except msgspec.DecodeError as broken:
            raise LogError(f"{path}: line {number}: {broken}") from None
        if due.get(line.partition) != line.offset:
            raise LogError(f"{path}: line {number}: offset {line.offset} of partition {line.partition} is not the one that comes next")
        due[line.partition] += 1
        yield line.partition, Row(line.offset, line.arrival_ms, line.value)
    for partition, (_, end) in header.spans.items():
        if due[partition] != end:
            raise LogError(f"{path}: cut short, partition {partition} ends at offset {due[partition]} and should reach {end}")


def load(path: Path, log: MemoryLog) -> Header:
    """Puts the file's rows into `log` at their own offsets and arrivals."""
    header, rows = read(path)
    for partition, (first, _) in header.spans.items():
        log.begin(header.topic, partition, first)
    for partition, row in rows:
        log.place(header.topic, partition, row)
    return header
