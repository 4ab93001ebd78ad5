"""The live executions of a partition: begun at their first record, ended by their outcome or by thirty minutes of silence.

Children count in their root. What a run may not do is in `rules.py`.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct, field

from service.facts import CALLS_TAUGHT, CHILDREN_TAUGHT
from service.meter.habits import Habits
from service.meter.plan import NO_LIMITS, Limits
from service.records import Usage

SILENT_MINUTES: Final = 30
LOOP_FADES: Final = 0.998
LOOP_TEACHES: Final = 1.5  # an agent that repeats itself for a living is told a few times, each time later; a real loop goes far beyond
LOOP_LEAST: Final = 10.0
RUNS_MAX: Final = 200_000  # live runs per partition; a run beyond it is tallied but not followed
CAP, CALLS, DEPTH, CHILDREN, DURATION, LOOP, STREAK, FAN_OUT, GROWTH, STUCK, LONG, ENDLESS, SWARM = (
    1 << n for n in range(13)
)  # the rules that can have spoken of a run


class Run(Struct, gc=False):
    """One live execution with its children. `told` is a set of bits: the rules that have spoken.

    The last three signatures lie, as checksums, in `ring` (two of them, in 64 bits) and `oldest`.
    """

    agent: str
    use_case: str
    business_unit: str
    workflow: str
    started_s: int
    last_minute: int
    limits: Limits
    expected_nanos: int
    cap_nanos: int
    nanos: int = 0
    calls: int = 0
    last_ms: int = 0
    told: int = 0
    ended: bool = False
    watched: bool = False
    ring: int = 0
    oldest: int = 0
    loop: float = 0.0
    repeats: int = 0
    size: int = 0
    streak: float = 0.0
    most: float = 0.0
    opening: int = 0
    largest: int = 0
    other_agent: str = ""
    children: dict[str, int] | None = None

    @property
    def growth_percent(self) -> int:
        """The largest prompt of the run's own calls, beside the largest of its first ones."""
        return self.largest * 100 // self.opening if self.opening else 0


class Runs(Struct):
    """The live runs of one partition, by tenant and root; `watched` are those a finding named and that changed since the last mark."""

    live: dict[str, dict[str, Run]] = field(default_factory=dict)
    count: int = 0
    dropped: int = 0
    watched: set[tuple[str, str]] = field(default_factory=set)

    def begin(self, u: Usage, root: str, agent: str, use_case: str, event_ms: int, minute: int, limits: Limits, habits: Habits) -> Run | None:
        """A new run, or None when RUNS_MAX are live."""
        if self.count >= RUNS_MAX:
            self.dropped += 1
            return None
        usual = habits.usual(u.tenant, u.workflow, use_case) if limits.expected_nanos is None else (limits.expected_nanos, 0)
        expected, tail = usual or (0, 0)
        cap = limits.limit_nanos
        if expected and limits.factor_percent:
            learned = expected * limits.factor_percent // 100
            if limits is NO_LIMITS:
                learned = max(learned, tail)
            cap = learned if cap is None else min(cap, learned)
        run = Run(agent, use_case, u.business_unit, u.workflow, event_ms // 1000, minute, limits, expected, cap or 0)
        self.live.setdefault(u.tenant, {})[root] = run
        self.count += 1
        return run

    def end(self, tenant: str, run: Run, habits: Habits) -> None:
        """The run teaches its total once; one that a finding named sets no records."""
        if run.ended:
            return
        run.ended = True
        habits.teach(tenant, run.workflow, run.use_case, run.nanos)
        records = habits.of(tenant, run.agent)
        records.runs += 1
        records.loop = max(records.loop * LOOP_FADES, min(run.most, LOOP_TEACHES * max(records.loop, LOOP_LEAST)))
        records.children = _taught(records.children, len(run.children or ()), CHILDREN_TAUGHT)
        records.calls = _taught(records.calls, run.calls, CALLS_TAUGHT)
        if run.told & ~CAP:
            return
        records.nanos = max(records.nanos - records.nanos // 256, run.nanos)
        records.growth_percent = max(records.growth_percent, run.growth_percent)

    def silent(self, minute: int) -> list[tuple[str, str, Run]]:
        """Runs without a record for SILENT_MINUTES."""
        return [(tenant, root, run) for tenant, runs in self.live.items() for root, run in runs.items() if run.last_minute <= minute - SILENT_MINUTES]

    def forget(self, tenant: str, root: str, run: Run, habits: Habits) -> None:
        """Such a run has ended and is followed no more."""
        del self.live[tenant][root]
        self.count -= 1
        self.end(tenant, run, habits)
        self.watched.discard((tenant, root))


def _taught(record: int, reached: int, at_once: int) -> int:
    """A record goes up in steps: by half at most, where it is not small."""
    return max(record, min(reached, max(at_once, record * 3 // 2)))
