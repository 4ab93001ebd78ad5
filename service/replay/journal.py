"""A journal once more: the second fold over the facts that a live service heard decides what it decided, bit for bit.

Only a journal from its first row on can be repeated, with the same number of stream partitions; anything else would decide something.
"""

from __future__ import annotations

from collections.abc import Iterable

from service.facts import Cell, Counts, Decision, Scope, decode_journal
from service.log.ports import LogError, Row
from service.replay.engine import totals
from service.warden.fold import fold
from service.warden.state import Warden


class Repetition:
    """The wardens of all journal partitions, from nothing. Raises LogError for a row that does not follow the one before."""

    def __init__(self, stream_partitions: int) -> None:
        self._partitions = stream_partitions
        self._next: dict[int, int] = {}
        self.wardens: dict[int, Warden] = {}

    def hear(self, partition: int, rows: Iterable[Row]) -> list[Decision]:
        """Folds rows of one journal partition; returns what they made its warden decide."""
        warden = self.wardens.setdefault(partition, Warden(partition, self._partitions))
        decisions: list[Decision] = []
        for row in rows:
            due = self._next.get(partition, 0)
            if row.offset != due:
                raise LogError(f"the journal cannot be repeated: row {due} of partition {partition} is missing, the next one is {row.offset}")
            self._next[partition] = due + 1
            for outbox in fold(warden, [(row.offset, row.arrival_ms, decode_journal(row.value))]):
                decisions += outbox.decisions
        return decisions

    def counts(self) -> list[Counts]:
        """What each stream partition had heard when it last spoke."""
        heard: dict[int, Counts] = {}
        for warden in self.wardens.values():
            heard.update(warden.counts)
        return list(heard.values())

    def spend_by(self, kind: str) -> dict[str, int]:
        """Spend by member of a kind of scope, nanos, with what the minutes still open have said so far."""
        spend: dict[str, int] = {}
        for warden in self.wardens.values():
            for name, nanos in totals(warden, kind).items():
                spend[name] = spend.get(name, 0) + nanos
            for scope, nanos in _open(warden):
                if scope.kind == kind:
                    spend[scope.name] = spend.get(scope.name, 0) + nanos
        return dict(sorted(spend.items()))


def _open(warden: Warden) -> Iterable[tuple[Scope, int]]:
    """What open minutes of cells add to each scope beyond its total."""
    for tenant in warden.tenants.values():
        for words in tenant.heard.values():
            for key, heard in words.items():
                subject = key[0]
                if isinstance(subject, Cell):
                    yield from ((scope, heard.nanos) for scope in warden.plan.view(subject).scopes)
