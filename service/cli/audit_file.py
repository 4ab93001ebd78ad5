"""The audit as a file of JSON lines, plain or `.gz`: what `spendwarden export --what audit` writes and `audit verify` reads.

The last line is no entry: it says how far each chain has come, so that a file that was cut short is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from service.audit.verify import Name, Verification, line_of, of_line
from service.facts import Audited
from service.log import file
from service.log.ports import LogError

if TYPE_CHECKING:
    from service.ledger import Ledger

TRAILER: Final = "spendwarden"


def hear(path: Path, seen: Verification) -> None:
    """Raises LogError where it is no such file; one that was cut short misses its last line."""
    trailer: dict[str, Any] | None = None
    for number, raw in enumerate(file.lines(path), 1):
        try:
            line = msgspec.json.decode(raw)
            if isinstance(line, dict) and TRAILER in line:
                trailer = line
                continue
            seen.hear(of_line(line), "" if trailer is None else "it comes after the end of the export")
        except (msgspec.DecodeError, ValueError) as wrong:
            raise LogError(f"{path}: line {number}: {wrong}; give what `spendwarden export --what audit` wrote") from None
    if trailer is None:
        raise LogError(f"{path}: cut short, its last line is missing; export it again")
    for end in trailer["heads"]:
        seen.ends(Name(end["tenant"], end["journal"]), end["sequence"])


def exported(books: Ledger) -> Iterator[dict[str, Any]]:
    """The lines of `export --what audit`: every entry, and at the end how far each chain has come."""
    heads: dict[tuple[str, int], Audited] = {}
    for kept in books.whole_audit():
        if not kept.entry.body:
            raise LogError(f"{kept.odd}; `spendwarden audit verify` tells more, a backup or `spendwarden ledger rebuild` may mend it")
        heads[kept.entry.tenant, kept.entry.journal] = kept.entry
        yield line_of(kept.entry)
    ends = [{"tenant": it.tenant, "journal": it.journal, "sequence": it.sequence, "digest": it.digest} for it in heads.values()]
    yield {TRAILER: "audit", "heads": ends}
