"""Files, globs and standard input as lines, plain or `.gz`; several files are merged by the time they have come to.

A line is read up to a bound, whatever its length; a `.gz` file that breaks off gives all that came before the break and one refusal.
"""

from __future__ import annotations

import gzip
import heapq
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Final

import msgspec

from service.intake import FORMATS, Reason, Refusal, Unknown
from service.records import RECORD_BYTES_MAX
from service.replay.arrivals import Item, arriving

LINE_BYTES_MAX: Final = RECORD_BYTES_MAX + 1
STDIN: Final = "-"


class FilesError(Exception):
    """A file that cannot be read at all; the text names it and the fix."""


def expand(names: Iterable[str]) -> list[str]:
    """File names with their globs resolved; raises FilesError for what matches nothing."""
    paths: list[str] = []
    for name in names:
        if name == STDIN or Path(name).is_file():
            paths.append(name)
            continue
        pattern = Path(name)
        found = sorted(str(p) for p in pattern.parent.glob(pattern.name) if p.is_file()) if pattern.name else []
        if not found:
            raise FilesError(f"{name}: no such file; give files of records, one JSON object a line, plain or .gz, or - for standard input")
        paths += found
    return paths


def arrivals(paths: Iterable[str], form: str, unknown: Unknown, on_bytes: Callable[[int], None]) -> Iterator[tuple[int, Item]]:
    """All records of all files in the order of their arrival; `on_bytes` hears of progress in (compressed) bytes."""
    streams = [arriving(Records(path, form, unknown, on_bytes)) for path in paths]
    if len(streams) == 1:
        return streams[0]
    return heapq.merge(*streams, key=lambda heard: heard[0])


class Records:
    """Each line of one file as a record or a refusal; empty lines are nothing."""

    def __init__(self, path: str, form: str, unknown: Unknown, on_bytes: Callable[[int], None]) -> None:
        self._path, self._unknown, self._on_bytes = path, unknown, on_bytes
        self._parse = FORMATS[form]
        self._line = 0

    @property
    def where(self) -> str:
        """File and line of the last item."""
        return f"{self._path}:{self._line}"

    def __iter__(self) -> Iterator[Item]:
        parse, unknown = self._parse, self._unknown
        for raw in _lines(self._path, self._on_bytes):
            self._line += 1
            if isinstance(raw, str):
                yield Refusal(reason=Reason.BROKEN_GZIP, detail=raw, where=self.where)
                return
            if not raw or raw.isspace():
                continue
            item = parse(raw, "", unknown)
            yield msgspec.structs.replace(item, where=self.where) if type(item) is Refusal else item


def _lines(path: str, on_bytes: Callable[[int], None]) -> Iterator[bytes | str]:
    """Lines as bytes, cut at LINE_BYTES_MAX; a text at the end says that the file broke off."""
    try:
        with _opened(path) as (file, raw):
            told = 0
            for count, line in enumerate(_bounded(file)):
                yield line
                if count & 0xFFF == 0:
                    at = raw.tell() if raw.seekable() else 0
                    on_bytes(at - told)
                    told = at
    except (EOFError, zlib.error, gzip.BadGzipFile) as broken:
        yield f"The .gz file breaks off here ({str(broken).rstrip('.')}); what came before counts, send the rest again."
    except OSError as failed:
        raise FilesError(f"{path}: {failed.strerror or failed}") from failed


class _opened:  # noqa: N801 -- used as a function
    """A file or standard input for reading, with the raw file beneath for its position."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._path == STDIN:
            self._raw = sys.stdin.buffer
            return self._raw, self._raw
        self._raw = Path(self._path).open("rb")
        return (gzip.GzipFile(fileobj=self._raw) if self._path.endswith(".gz") else self._raw), self._raw  # type: ignore[return-value]

    def __exit__(self, *_: object) -> None:
        if self._path != STDIN:
            self._raw.close()


def _bounded(file: IO[bytes]) -> Iterator[bytes]:
    """Lines of at most LINE_BYTES_MAX bytes; the rest of a longer one is passed over."""
    readline = file.readline
    while line := readline(LINE_BYTES_MAX + 1):
        yield line
        while len(line) > LINE_BYTES_MAX and not line.endswith(b"\n"):
            line = readline(LINE_BYTES_MAX + 1)
