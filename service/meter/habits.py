"""What a partition has learned of its own past: mean cost of runs, and each agent's own records.

Each partition learns for itself, so that the meter stays a fold. Means forget slowly (the weight of a run halves after some
350 newer ones); records are what honest runs reached, and only runs that no finding named may set them.
"""

from __future__ import annotations

import math
from typing import Final

from msgspec import Struct, field

RUNS_TO_LEARN: Final = 20
RUNS_REMEMBERED: Final = 512
TAIL_DEVIATIONS: Final = 4.5
SPREAD_LEAST: Final = 0.1
AGENTS_LEARNED_MAX: Final = 20_000  # per partition; an agent beyond it is judged by the floors alone
CASES_REMEMBERED: Final = 4096
STUCK: Final = 0.9  # how often a run that loops repeats itself
STORM_EVIDENCE: Final = 3.4  # ln(0.3 / 0.01): a third or later try, if three in ten are such tries instead of one in a hundred
CALM_EVIDENCE: Final = -0.346  # ln(0.7 / 0.99)
STORM_CAP: Final = 20.0
STORM_TOLD: Final = 13.0


class Mean(Struct, array_like=True, gc=False):
    """A slowly forgetting mean of whole numbers, and the spread of their logarithms."""

    count: int = 0
    total: int = 0
    log_mean: float = 0.0
    log_square: float = 0.0

    def learn(self, value: int) -> None:
        """Adds one value; beyond RUNS_REMEMBERED an old one's share goes out."""
        if self.count >= RUNS_REMEMBERED:
            self.total -= self.total // self.count
            self.count -= 1
        self.count += 1
        self.total += value
        log = math.log(max(value, 1))
        away = log - self.log_mean
        self.log_mean += away / self.count
        self.log_square += (away * (log - self.log_mean) - self.log_square) / self.count

    @property
    def tail(self) -> int:
        """What a value of this past stays under but for one in some ten thousand, if its logarithm is normal; heavy tails reach far."""
        spread = max(SPREAD_LEAST, math.sqrt(max(self.log_square, 0.0)))
        return int(math.exp(min(self.log_mean + TAIL_DEVIATIONS * spread, 60.0)))


class Share(Struct, array_like=True, gc=False):
    """How often something usual happens: a slowly forgetting share with a prior of one in ten."""

    seen: int = 0
    of: int = 0

    def learn(self, happened: bool) -> None:
        """One more case; both counts halve when the past has grown long."""
        self.of += 1
        if happened:
            self.seen += 1
        if self.of >= CASES_REMEMBERED:
            self.of >>= 1
            self.seen >>= 1

    def surprise(self, happened: bool) -> float:
        """Nats for "it happens nine times in ten" against the usual share.

        >>> share = Share(seen=20, of=200)
        >>> round(share.surprise(True), 2), round(share.surprise(False), 2)
        (2.2, -2.2)
        """
        usual = self.usual
        return math.log(STUCK / usual) if happened else math.log((1.0 - STUCK) / (1.0 - usual))

    @property
    def usual(self) -> float:
        """The share itself, at most eight in ten."""
        return min(0.8, (self.seen + 2.0) / (self.of + 20.0))


class Records(Struct, array_like=True, gc=False):
    """An agent's own past: its greatest honest run, how often it repeats itself and how far that has gone (nats), and its evidence of a retry storm (nats)."""

    runs: int = 0
    children: int = 0
    growth_percent: int = 0
    nanos: int = 0
    storm: float = 0.0
    storming: bool = False
    repeats: Share | None = None
    same_size: Share | None = None
    loop: float = 0.0
    calls: int = 0


class Habits(Struct):
    """Means by (kind, tenant, name) and records by (tenant, agent)."""

    means: dict[tuple[str, str, str], Mean] = field(default_factory=dict)
    agents: dict[tuple[str, str], Records] = field(default_factory=dict)

    def usual(self, tenant: str, workflow: str, use_case: str) -> tuple[int, int] | None:
        """Mean and tail of what a run costs, in nanos: the workflow's, else its use case's, else all; None while too few are known."""
        for key in (("workflow", tenant, workflow), ("use_case", tenant, use_case), ("total", tenant, "total")):
            mean = self.means.get(key)
            if mean is not None and mean.count >= RUNS_TO_LEARN and key[2]:
                return mean.total // mean.count, mean.tail
        return None

    def teach(self, tenant: str, workflow: str, use_case: str, nanos: int) -> None:
        """A run has ended."""
        for key in (("workflow", tenant, workflow), ("use_case", tenant, use_case), ("total", tenant, "total")):
            mean = self.means.get(key)
            if mean is None:
                if len(self.means) >= AGENTS_LEARNED_MAX:
                    continue
                mean = self.means[key] = Mean()
            mean.learn(nanos)

    def of(self, tenant: str, agent: str) -> Records:
        """The agent's records, begun if there is room."""
        records = self.agents.get((tenant, agent))
        if records is None:
            records = Records()
            if len(self.agents) < AGENTS_LEARNED_MAX:
                self.agents[(tenant, agent)] = records
        return records


def storm_begins(records: Records, attempt: int) -> bool:
    """Whether this call tips the agent's evidence into a retry storm; told once until it has been calm again.

    >>> r = Records()
    >>> [storm_begins(r, 3) for _ in range(5)]
    [False, False, False, True, False]
    """
    if attempt >= 3:
        records.storm = min(STORM_CAP, records.storm + STORM_EVIDENCE)
    elif records.storm > 0.0:
        records.storm = max(0.0, records.storm + CALM_EVIDENCE)
        if not records.storm:
            records.storming = False
    if records.storm >= STORM_TOLD and not records.storming:
        records.storming = True
        return True
    return False
