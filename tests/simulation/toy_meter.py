"""The small meter: repeats, a cap per run learned from a mean, absolute tallies spoken at marks and once more as the last word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from service.facts import PolicySet, Tick, encode
from service.log.ports import JOURNAL, STREAM
from tests.simulation.toy_facts import JOURNALS, MINUTE_MS, Capped, Fact, Minute, Record, Tally, packed

MARK_MS = 10_000
NO_CAP = 10**9
SEEN_PARTS = 8
_decode_stream = msgspec.msgpack.Decoder(Record | Tick | PolicySet).decode


@dataclass
class Meter:
    stream: int
    seen: dict[str, None] = field(default_factory=dict)
    runs: dict[str, list[int]] = field(default_factory=dict)
    mean: list[int] = field(default_factory=lambda: [0, 0])
    cells: dict[str, tuple[int, int, int, int]] = field(default_factory=dict)
    mark: int = -1
    minute: int = -1
    spoken: int = 0
    policy: tuple[int, int, int] = (0, 0, 4)


@dataclass
class MeterToy:
    """`breaks`: forgetful, differences, no_final, half_state, by_batch."""

    breaks: str = ""
    kind: str = "meter"
    version: int = 1
    source: str = STREAM
    sink: str = JOURNAL

    def empty(self, partition: int) -> Meter:
        return Meter(partition)

    def decode(self, raw: bytes) -> Any:
        return _decode_stream(raw)

    def fold(self, state: Meter, items: Iterable[tuple[int, int, Any]]) -> list[tuple[int, bytes]]:
        before = {key: cell[2] for key, cell in state.cells.items()}
        facts = [fact for item in items for fact in self._hear(state, *item)]
        if self.breaks == "by_batch":
            facts += self._tallies(state, 0)
        return [(journal, encode(fact)) for fact in self._spoil(facts, before) for journal in _readers(fact)]

    def _hear(self, state: Meter, offset: int, arrival_ms: int, item: Any) -> Iterator[Fact]:
        now = max(state.minute, arrival_ms // MINUTE_MS)
        if arrival_ms // MARK_MS > state.mark:
            state.mark = arrival_ms // MARK_MS
            yield from self._tallies(state, state.spoken)
            state.spoken = offset
        if now > state.minute:
            yield from self._tallies(state, 0)
            state.cells, state.minute = {}, now
            yield Minute(state.stream, now)
        if isinstance(item, PolicySet) and item.version > state.policy[0]:
            state.policy = (item.version, *msgspec.msgpack.decode(item.body))
        if isinstance(item, Record) and item.id not in state.seen:
            state.seen[item.id] = None
            yield from self._count(state, offset, arrival_ms, item)

    def _count(self, state: Meter, offset: int, arrival_ms: int, item: Record) -> Iterator[Fact]:
        key = f"{item.cell}/{item.event_minute}"
        total = state.cells[key][2] if key in state.cells else 0
        state.cells[key] = (item.cell, item.event_minute, total + item.nanos, offset)
        spent, cap = state.runs.get(item.run, (0, 0))
        if not spent:
            runs, nanos = state.mean
            factor = state.policy[2] if arrival_ms >= state.policy[1] else 4
            cap = factor * nanos // runs if runs > 20 else NO_CAP
            state.mean = [runs + 1, nanos + item.nanos]
        if spent <= cap < spent + item.nanos:
            yield Capped(item.run, cap, spent + item.nanos)
        state.runs[item.run] = [spent + item.nanos, cap]

    def _tallies(self, state: Meter, since: int) -> list[Tally]:
        return [Tally(state.stream, cell, event, state.minute, total, at) for cell, event, total, at in state.cells.values() if at >= since]

    def _spoil(self, facts: list[Fact], before: Mapping[str, int]) -> list[Fact]:
        if self.breaks == "differences":
            return [msgspec.structs.replace(f, total=f.total - before.get(f"{f.cell}/{f.event_minute}", 0)) if isinstance(f, Tally) else f for f in facts]
        if self.breaks == "no_final":
            last = max((i for i, f in enumerate(facts) if isinstance(f, Minute)), default=-1)
            return [f for i, f in enumerate(facts) if not (isinstance(f, Tally) and i < last)]
        if self.breaks == "half_state":
            return [f for f in facts if not isinstance(f, Tally) or f.offset % 7]
        return facts

    def dump(self, state: Meter) -> dict[str, bytes]:
        parts = packed(state)
        del parts["seen"]
        for part in range(SEEN_PARTS):
            parts[f"seen-{part}"] = encode([seen for seen in state.seen if int(seen) % SEEN_PARTS == part])
        return parts

    def load(self, parts: Mapping[str, bytes], partition: int) -> Meter:
        seen: dict[str, None] = {}
        if self.breaks != "forgetful":
            seen = dict.fromkeys(each for name, value in parts.items() if name.startswith("seen-") for each in msgspec.msgpack.decode(value))
        rest = {name: msgspec.msgpack.decode(value) for name, value in parts.items() if not name.startswith("seen-")}
        return Meter(**{**rest, "seen": seen, "policy": tuple(rest["policy"])})

    def policy_version(self, state: Meter) -> int:
        return state.policy[0]


def _readers(fact: Fact) -> Sequence[int]:
    match fact:
        case Tally(cell=cell):
            return [cell % JOURNALS]
        case Capped(run=run):
            return [int(run) % JOURNALS]
        case _:
            return range(JOURNALS)
