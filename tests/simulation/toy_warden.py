"""The small warden: lines of a budget that only grow, and windows (too high, silent) that close by the least minute of all streams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from service.facts import PolicySet, Tick
from service.log.ports import JOURNAL, OUTBOX
from tests.simulation.toy_facts import CELLS, JOURNALS, START_MINUTE, STREAMS, Capped, Minute, Tally, packed

GRACE, BUDGET, WINDOW_HIGH = 2, 60_000, 3_000
_decode_journal = msgspec.msgpack.Decoder(Tally | Minute | Capped | Tick | PolicySet).decode


@dataclass
class Warden:
    journal: int
    spend: dict[int, int] = field(default_factory=dict)
    heard: dict[str, tuple[int, int, int, int, int, int]] = field(default_factory=dict)
    final: dict[str, tuple[int, int, int, int]] = field(default_factory=dict)
    minutes: dict[int, int] = field(default_factory=dict)
    said: dict[str, None] = field(default_factory=dict)
    closed: int = START_MINUTE - 1
    policy: int = 0


@dataclass
class WardenToy:
    """`breaks`: by_first, differences."""

    breaks: str = ""
    kind: str = "warden"
    version: int = 1
    source: str = JOURNAL
    sink: str = OUTBOX

    def empty(self, partition: int) -> Warden:
        return Warden(partition)

    def decode(self, raw: bytes) -> Any:
        return _decode_journal(raw)

    def fold(self, state: Warden, items: Iterable[tuple[int, int, Any]]) -> list[tuple[int, bytes]]:
        out = []
        for _, _, item in items:
            for what in self._hear(state, item):
                if what not in state.said:
                    state.said[what] = None
                    out.append((state.journal, what.encode()))
        return out

    def _hear(self, state: Warden, item: Any) -> Iterator[str]:
        match item:
            case PolicySet():
                state.policy = max(state.policy, item.version)
            case Capped():
                yield f"cap:{item.run}:{item.cap}:{item.spent}"
            case Minute() if item.minute > state.minutes.get(item.stream, -1):
                yield from self._minute(state, item)
            case Tally() if item.arrival_minute >= state.minutes.get(item.stream, -1):
                yield from self._tally(state, item)

    def _tally(self, state: Warden, item: Tally) -> Iterator[str]:
        key = f"{item.stream}/{item.cell}/{item.event_minute}/{item.arrival_minute}"
        *_, known, known_at = state.heard.get(key, (0, -1))
        if item.offset <= known_at:
            return
        if self.breaks == "differences":
            known = 0
        else:
            state.heard[key] = (item.stream, item.cell, item.event_minute, item.arrival_minute, item.total, item.offset)
        spend = state.spend[item.cell] = state.spend.get(item.cell, 0) + item.total - known
        for line in (70, 85, 100):
            if spend * 100 >= line * BUDGET:
                yield f"budget:{item.cell}:{line}"

    def _minute(self, state: Warden, item: Minute) -> Iterator[str]:
        state.minutes[item.stream] = item.minute
        for key in [k for k, heard in state.heard.items() if heard[0] == item.stream and heard[3] < item.minute]:
            _, cell, event, arrived, total, _ = state.heard.pop(key)  # its last word: it may join its window
            name = f"{cell}/{event}/{arrived}"
            state.final[name] = (cell, event, arrived, total + (state.final[name][3] if name in state.final else 0))
        reach = [state.minutes.get(stream, -1) for stream in range(STREAMS)]
        while state.closed + GRACE < (max(reach) if self.breaks == "by_first" else min(reach)):
            state.closed += 1
            yield from self._close(state, state.closed)

    def _close(self, state: Warden, minute: int) -> Iterator[str]:
        for cell in CELLS:
            if cell % JOURNALS != state.journal:
                continue
            total = sum(total for c, event, arrived, total in state.final.values() if c == cell and event == minute and arrived < minute + GRACE)
            if total > WINDOW_HIGH:
                yield f"high:{cell}:{minute}:{total}"
            if not total:
                yield f"silent:{cell}:{minute}"
        for key in [k for k, (_, event, _, _) in state.final.items() if event < minute - 1]:
            del state.final[key]

    def dump(self, state: Warden) -> dict[str, bytes]:
        return packed(state)

    def load(self, parts: Mapping[str, bytes], partition: int) -> Warden:
        read = {name: msgspec.msgpack.decode(value, strict=False) for name, value in parts.items()}
        return Warden(**{**read, "heard": {k: tuple(v) for k, v in read["heard"].items()}})

    def policy_version(self, state: Warden) -> int:
        return state.policy
