"""Twelve meters and a warden in memory, fed one record at a time in the order of the files.

Facts reach the warden in the order in which the rows that caused them came, whichever partition they are of; so nothing depends on
how the input is cut, and a state that was saved goes on exactly where it stopped. Ticks are put where an owner's would lie: a second
after a partition has something unsaid, and each minute.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from service.facts import MINUTE_MS, Decision, Envelope, PolicySet, Scope, Tick, encode
from service.folder import PARTITIONS
from service.intake.partition import partition_of, root_of
from service.meter import snapshot as meter_snapshot
from service.meter.fold import Meter
from service.meter.fold import hear as meter_hear
from service.records import Change, Outcome, Usage
from service.warden import snapshot as warden_snapshot
from service.warden.fold import hear as warden_hear
from service.warden.state import Warden

SECOND_MS: Final = 1000
FAR_MS: Final = 1 << 60
_EACH_MINUTE: Final = 180  # of a silence; beyond it time goes by hours, and beyond a hundred days by days
_EACH_HOUR: Final = 100 * 24
_TICK: Final = Tick()


class Engine:
    """The two folds over one stream. `partitions` is part of what is decided: the same number, the same ids."""

    def __init__(self, policy: PolicySet, partitions: int = PARTITIONS) -> None:
        self.partitions = partitions
        self.policy = policy
        self.meters = [Meter(p) for p in range(partitions)]
        self.warden = Warden(0, partitions)
        self._waiting = [False] * partitions
        self._due: deque[tuple[int, int]] = deque()
        self._minute = -1
        self._offsets = [0] * partitions
        self._begun = False
        self.listener: Callable[[Envelope, Sequence[Decision]], None] | None = None  # hears all that is said and decided
        self._next_ms = -1  # when something is due next; until then a record takes the short way

    def hear(self, arrival_ms: int, record: Usage | Outcome | Change) -> list[Decision]:
        """One record; returns what was decided by then."""
        out: list[Envelope] = []
        begun: list[Decision] = []
        if arrival_ms >= self._next_ms:
            begun = self._begin(arrival_ms)
            self._pass(arrival_ms, out)
        p = partition_of(record.tenant, root_of(record), self.partitions)
        offset = self._offsets[p]
        self._offsets[p] = offset + 1
        meter_hear(self.meters[p], offset, arrival_ms, record, out)
        if not self._waiting[p]:
            self._waiting[p] = True
            self._due.append(((arrival_ms // SECOND_MS + 1) * SECOND_MS, p))
            self._next_ms = min(self._next_ms, self._due[0][0])
        return begun + self._decide(out) if out or begun else []

    def finish(self, arrival_ms: int) -> list[Decision]:
        """The end of the files: the open minute says its last word."""
        if not self._begun:
            return []
        out: list[Envelope] = []
        self._pass((arrival_ms // MINUTE_MS + 1) * MINUTE_MS, out)
        return self._decide(out)

    def _begin(self, arrival_ms: int) -> list[Decision]:
        """The policy is heard first, once; returns what it made the warden say."""
        if self._begun:
            return []
        self._begun = True
        self._minute = arrival_ms // MINUTE_MS
        for p, meter in enumerate(self.meters):
            meter_hear(meter, self._next(p), arrival_ms, self.policy, [])
        said, self.warden.out = warden_hear(self.warden, arrival_ms, self.policy), []
        return said

    def _next(self, p: int) -> int:
        offset = self._offsets[p]
        self._offsets[p] = offset + 1
        return offset

    def _pass(self, arrival_ms: int, out: list[Envelope]) -> None:
        """Time goes on to `arrival_ms`: ticks that are due by then, in their order."""
        while True:
            minute_ms = self._next_minute(arrival_ms // MINUTE_MS) * MINUTE_MS
            if self._due and self._due[0][0] < min(minute_ms, arrival_ms + 1):
                due_ms, p = self._due.popleft()
                self._waiting[p] = False
                meter_hear(self.meters[p], self._next(p), due_ms, _TICK, out)
            elif minute_ms <= arrival_ms:
                self._minute = minute_ms // MINUTE_MS
                self._due.clear()
                for p, meter in enumerate(self.meters):
                    self._waiting[p] = False
                    meter_hear(meter, self._next(p), minute_ms, _TICK, out)
            else:
                self._next_ms = min((self._minute + 1) * MINUTE_MS, self._due[0][0] if self._due else FAR_MS)
                return

    def _next_minute(self, until: int) -> int:
        silence = until - self._minute
        if silence > _EACH_HOUR * 60:
            return self._minute + 1440
        return self._minute + (60 if silence > _EACH_MINUTE else 1)

    def _decide(self, out: list[Envelope]) -> list[Decision]:
        decisions: list[Decision] = []
        for envelope in out:
            found = warden_hear(self.warden, max(envelope.mark_ms, self.warden.now_ms), envelope)
            if found:
                decisions += found
                self.warden.out = []
            if self.listener is not None:
                self.listener(envelope, found)
        return decisions

    def dump(self) -> dict[str, bytes]:
        """Everything, so that a later engine goes on as if it had never stopped."""
        found = {"clockwork": encode((self._minute, list(self._due), self._offsets, self._begun, self.policy))}
        for p, meter in enumerate(self.meters):
            found |= {f"m{p}/{name}": raw for name, raw in meter_snapshot.dump(meter).items()}
        return found | {f"w/{name}": raw for name, raw in warden_snapshot.dump(self.warden).items()}

    @classmethod
    def load(cls, saved: Mapping[str, bytes]) -> Engine:
        """The engine that was dumped."""
        kind = tuple[int, list[tuple[int, int]], list[int], bool, PolicySet]
        minute, due, offsets, begun, policy = msgspec.msgpack.decode(saved["clockwork"], type=kind)
        engine = cls(policy, len(offsets))
        engine._minute, engine._due, engine._offsets, engine._begun = minute, deque(due), offsets, begun
        for _, p in due:
            engine._waiting[p] = True
        engine.meters = [meter_snapshot.load(_under(saved, f"m{p}/")) for p in range(len(offsets))]
        engine.warden = warden_snapshot.load(_under(saved, "w/"))
        return engine


def _under(saved: Mapping[str, bytes], prefix: str) -> dict[str, bytes]:
    return {name.removeprefix(prefix): raw for name, raw in saved.items() if name.startswith(prefix)}


def totals(warden: Warden, kind: str) -> dict[str, int]:
    """Spend by member of a kind of scope over all tenants, nanos, in the order of the names."""
    spend: dict[str, int] = {}
    for tenant in warden.tenants.values():
        for scope, (_, nanos) in tenant.totals.items():
            if Scope(*scope).kind == kind:
                spend[scope[1]] = spend.get(scope[1], 0) + nanos
    return dict(sorted(spend.items()))
