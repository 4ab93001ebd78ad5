"""The audit as a file of JSON lines, plain or `.gz`: what `spendwarden export --what audit` writes and `audit verify` reads.

The last line is no entry: it says how far each chain has come, so that a file that was cut short is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from service.audit.verify import Name, Verification, line_of, of_line
from service.log import file
from service.log.ports import LogError

if TYPE_CHECKING:
    from service.ledger import Ledger

TRAILER: Final = "spendwarden"


class Head(Struct):
    """How far a chain has come."""

    tenant: str
    journal: int
    sequence: int
    digest: str


class End(Struct):
    """The last line."""

    heads: list[Head]


def hear(path: Path, seen: Verification) -> None:
    """Raises LogError where it is no such file; one that was cut short misses its last line."""
    end: End | None = None
    for number, raw in enumerate(file.lines(path), 1):
        try:
            line = msgspec.json.decode(raw)
            if isinstance(line, dict) and TRAILER in line:
                end = msgspec.convert(line, End)
                continue
            seen.hear(of_line(line), "" if end is None else "it comes after the end of the export")
        except (msgspec.DecodeError, ValueError) as wrong:
            raise LogError(f"{path}: line {number}: {wrong}; give what `spendwarden export --what audit` wrote") from None
    if end is None:
        raise LogError(f"{path}: cut short, its last line is missing; export it again")
    for head in end.heads:
        seen.ends(Name(head.tenant, head.journal), head.sequence)


def exported(books: Ledger) -> Iterator[dict[str, Any]]:
    """The lines of `export --what audit`: every entry, and at the end how far each chain has come."""
    heads: dict[tuple[str, int], Head] = {}
    for it, odd in books.whole_audit():
        if not it.body:
            raise LogError(f"{odd}; `spendwarden audit verify` tells more, a backup or `spendwarden ledger rebuild` may mend it")
        heads[it.tenant, it.journal] = Head(it.tenant, it.journal, it.sequence, it.digest)
        yield line_of(it)
    yield {TRAILER: "audit", "heads": list(heads.values())}
