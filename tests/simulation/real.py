"""The product's own two folds under a story that touches everything they remember."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from service.facts import Cell, Envelope, Finding, Incident, Kind, Order, Progress, Receipt, Tally, decode_journal, decode_outbox, encode
from service.meter import repeats
from service.meter.fold import Meter
from service.meter.snapshot import MeterFold
from service.state import parts, rows
from service.warden.snapshot import WardenFold
from service.warden.state import Tenant, Warden
from tests.simulation.case import Case
from tests.simulation.records import STREAMS, story

JOURNALS = 1


def totals(wardens: Sequence[Warden]) -> Mapping[str, int]:
    """What each agent of each tenant has cost, by the last words."""
    spent: defaultdict[str, int] = defaultdict(int)
    for warden in wardens:
        for name, tenant in warden.tenants.items():
            for scope, (_, nanos) in tenant.totals.items():
                if scope.kind == "agent":
                    spent[f"{name}/{scope.name}"] += nanos
    return dict(spent)


def decided(facts: Sequence[bytes], outbox: Sequence[bytes], wardens: Sequence[Warden]) -> frozenset[str]:
    """Findings with their figures, incidents with their kinds, and every line of a budget or quota that was told.

    Left out is what follows the receivers' answers and the hourly number of orders: `pause_ignored`, orders, notices. Those go by
    the order of the journal and are compared with the journal's own replay.
    """
    said: set[str] = set()
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for raw in facts:
        envelope = decode_journal(raw)
        assert isinstance(envelope, Envelope)
        said.update(_found(fact) for fact in envelope.facts if isinstance(fact, Finding))
    for raw in outbox:
        for decision in decode_outbox(raw).decisions:
            if isinstance(decision, Incident):
                kinds[f"incident {decision.id} {'/'.join(decision.scope)}"].update(str(kind) for kind in decision.kinds if kind != Kind.PAUSE_IGNORED)
                said.update(f"line {decision.id} {decision.budget} {'/'.join(decision.scope)} {line}" for line in decision.thresholds)
    return frozenset(said | {f"{incident} {sorted(found)}" for incident, found in kinds.items()})


def _figures(tenant: Tenant) -> Iterator[str]:
    for key, period in tenant.periods.items():
        yield f"period {tenant.name} {' '.join(key)} {period.spent} {period.told}"
    for episode in tenant.episodes.values():
        if episode.family == "runs":
            yield f"runs {episode.id} {sorted(episode.executions)} {episode.spend_nanos} {episode.excess_nanos}"
    for scope, (records, nanos) in tenant.totals.items():
        yield f"total {tenant.name} {'/'.join(scope)} {records} {nanos}"


def _found(f: Finding) -> str:
    run = f"{f.time_ms} {f.spend_nanos} {f.expected_nanos} {f.limit_nanos} {f.observed}" if f.execution else ""
    return f"finding {f.id} {f.kind} {'/'.join(f.scope)} {run}"


def answers(raw: bytes) -> list[bytes]:
    """A receiver that accepts every order, and one that refuses every fifth."""
    orders = [decision for decision in decode_outbox(raw).decisions if isinstance(decision, Order) and decision.mode == "enforce"]
    return [encode(Receipt(order.id, "orchestrator", "refused" if order.id.endswith(tuple("0123")) else "accepted", tenant=order.tenant)) for order in orders]


@contextmanager
def small() -> Iterator[None]:
    """Sealed generations of repeats and tables of several parts, within some hundred records."""
    with patch.object(repeats, "GENERATION_IDS", 64), patch.object(parts, "ROWS_PER_PART", 16), patch.object(rows, "ROWS_PER_GROUP", 4):
        yield


@dataclass(frozen=True)
class BrokenMeter(MeterFold):
    """`breaks`: forgetful, differences, no_final, half_state, by_batch."""

    breaks: str = ""

    def load(self, raw: Mapping[str, bytes], partition: int) -> Meter:
        meter = super().load(raw, partition)
        if self.breaks == "forgetful":
            meter.repeats = repeats.Repeats()
        return meter

    def fold(self, state: Meter, items: Iterable[tuple[int, int, Any]]) -> Sequence[tuple[int, bytes]]:
        before = {(cell.cell, cell.event_minute): cell.sums.nanos for cell in state.minute.cells.values()}
        said = super().fold(state, items)
        if self.breaks == "by_batch":
            state.next_mark_ms = 0
        return [(journal, self._spoil(raw, before)) for journal, raw in said]

    def _spoil(self, raw: bytes, before: Mapping[tuple[Cell, int], int]) -> bytes:
        envelope = decode_journal(raw)
        assert isinstance(envelope, Envelope)
        if self.breaks == "no_final":
            envelope.facts = [fact for fact in envelope.facts if not isinstance(fact, Tally)]
        if self.breaks == "half_state":
            envelope.facts = [fact for fact in envelope.facts if not isinstance(fact, Tally | Progress) or fact.offset % 7]
        if self.breaks == "differences":
            for fact in envelope.facts:
                if isinstance(fact, Tally):
                    fact.sums.nanos -= before.get((fact.cell, fact.event_minute), 0)
        return encode(envelope)


@dataclass(frozen=True)
class BrokenWarden(WardenFold):
    """Windows close and stops are proved by the stream that is furthest."""

    def fold(self, state: Warden, items: Iterable[tuple[int, int, Any]]) -> Sequence[tuple[int, bytes]]:
        said: list[tuple[int, bytes]] = []
        for item in items:
            said += super().fold(state, [item])
            state.marks = [max(state.marks)] * len(state.marks) if state.marks else []
        return said


def real(breaks: str = "", sabotage: str = "") -> Case:
    """The real folds, or what a saboteur made of them."""
    warden = BrokenWarden if breaks == "by_first" else WardenFold
    return Case(
        "real",
        STREAMS,
        JOURNALS,
        lambda: BrokenMeter(breaks=breaks) if breaks else MeterFold(),
        lambda: warden(STREAMS),
        story,
        totals,
        decided,
        answers,
        small,
        0.015,
        sabotage,
    )
