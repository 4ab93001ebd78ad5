"""Whether chains of the audit are what was made: every digest is worked out again, and each entry must follow the one before.

What was changed, left out, exchanged or put in is found. What is cut off at the end, or forged from some entry on to the end, is only
found by who remembers a digest of then: from the outbox, an alert, a metric, an earlier export.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from service.audit.chain import POLICIES, canonical, digest_of
from service.facts import Audited
from service.phrases import counted, named
from service.records import instant, rfc3339


class Name(NamedTuple):
    """Which chain: of a tenant, or under the empty one of the policies as a partition of the journal heard them."""

    tenant: str
    journal: int

    def __str__(self) -> str:
        """As a person reads it."""
        return f"the policies (journal {self.journal})" if self.tenant == POLICIES else f"tenant {named(self.tenant)}"


class Break(NamedTuple):
    """The first entry of a chain that does not fit, and what about it."""

    chain: Name
    sequence: int
    problem: str


@dataclass
class Found:
    """What there is of one chain. `head` is the last digest that fitted; after a break entries are only counted."""

    entries: int = 0
    sequence: int = 0
    head: str = ""
    first_ms: int = 0
    last_ms: int = 0
    broken: bool = False


@dataclass
class Verification:
    """Hears entries in the order in which they were kept; of each chain the first break is told."""

    chains: dict[Name, Found] = field(default_factory=dict)
    breaks: list[Break] = field(default_factory=list)
    _digests: dict[tuple[Name, int], str] = field(default_factory=dict)

    def hear(self, entry: Audited, odd: str = "") -> None:
        """One more entry; `odd` is what its keeper found wrong with it."""
        name = Name(entry.tenant, entry.journal)
        found = self.chains.setdefault(name, Found())
        found.entries += 1
        if found.broken:
            return
        problem = odd or _problem(entry, found)
        if problem:
            self._breaks(name, entry.sequence, problem)
            return
        found.first_ms = found.first_ms or entry.time_ms
        found.sequence, found.head, found.last_ms = entry.sequence, entry.digest, entry.time_ms
        self._digests[name, entry.sequence] = entry.digest

    def ends(self, name: Name, sequence: int) -> None:
        """A chain must reach this entry."""
        found = self.chains.setdefault(name, Found())
        if not found.broken and found.sequence < sequence:
            self._breaks(name, found.sequence + 1, f"{_span(found.sequence + 1, sequence)} missing at the end")

    def holds(self, digest: str) -> bool:
        """Whether an entry that fits has this digest: then all before it is what it was when the digest was told."""
        return digest in self._digests.values()

    def agrees(self, other: Audited, where: str) -> None:
        """The same entry is kept elsewhere; it must be here, and the same. What is beyond a break, or was pruned there, is not asked."""
        name = Name(other.tenant, other.journal)
        found = self.chains.setdefault(name, Found())
        known = self._digests.get((name, other.sequence))
        if found.broken or known == other.digest:
            return
        self._breaks(name, other.sequence, f"{where} has it otherwise" if known else f"{where} has it, and here it is missing")

    def _breaks(self, name: Name, sequence: int, problem: str) -> None:
        self.chains[name].broken = True
        self.breaks.append(Break(name, sequence, problem))


def _problem(entry: Audited, found: Found) -> str:
    """What does not fit, or nothing."""
    if entry.sequence > found.sequence + 1:
        return f"{_span(found.sequence + 1, entry.sequence - 1)} missing before it"
    if entry.sequence <= found.sequence:
        return f"it comes after entry {found.sequence}: entries were exchanged, or one was put in"
    if digest_of(entry.body) != entry.digest:
        return "its text does not have its digest: the one or the other was changed"
    told = _told(entry)
    if told is None or told != _again(entry):
        return "its text is of another entry"
    if _before(entry.body) != found.head:
        return "it does not follow the entry before it, whose digest is another" if found.head else "it says that an entry comes before it, and it is the first"
    return "it is older than the entry before it" if entry.time_ms < found.last_ms else ""


def _again(entry: Audited) -> tuple[object, ...]:
    return entry.tenant, entry.journal, entry.sequence, entry.time_ms


def _told(entry: Audited) -> tuple[object, ...] | None:
    """What the text itself says of where it belongs."""
    try:
        return _again(of_line({**msgspec.json.decode(entry.body), "digest": ""}))
    except (ValueError, TypeError):
        return None


def _before(body: str) -> str:
    return str(msgspec.json.decode(body).get("before"))


class _Where(Struct):
    digest: str
    tenant: str
    journal: int
    sequence: int
    time: str


def of_line(line: Any) -> Audited:
    """An entry from its exported line; raises ValueError where that is none.

    >>> of_line({"digest": "d", "tenant": "acme", "journal": 0, "sequence": 1, "time": "1970-01-01T00:00:01.500Z"}).time_ms
    1500
    """
    try:
        where = msgspec.convert(line, _Where)
        body = canonical({name: value for name, value in line.items() if name != "digest"})
        return Audited(instant(datetime.fromisoformat(where.time)), where.tenant, where.journal, where.sequence, body, where.digest)
    except (TypeError, ValueError):
        raise ValueError("is no entry of an audit") from None


def line_of(entry: Audited) -> dict[str, Any]:
    """An entry as it is exported and as the API answers: its text with its digest."""
    return {**msgspec.json.decode(entry.body), "digest": entry.digest}


def told(seen: Verification) -> Iterator[str]:
    """In words: each chain with its length, times and head, then what is broken."""
    for name, found in sorted(seen.chains.items()):
        if found.head:
            whole = "whole" if not found.broken else f"fits up to entry {found.sequence:,}"
            yield f"{name}: {counted(found.entries, 'entry', 'entries')}, {rfc3339(found.first_ms)} to {rfc3339(found.last_ms)}, {whole}; head {found.head}"
    for broken in seen.breaks:
        yield f"BROKEN {broken.chain}, entry {broken.sequence:,}: {broken.problem}"


def _span(first: int, last: int) -> str:
    return f"entry {first:,} is" if first == last else f"entries {first:,} to {last:,} are"
