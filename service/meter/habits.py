"""What a partition has learned of its own past: mean cost of runs, and each agent's own records.

Each partition learns for itself, so that the meter stays a fold. Means forget slowly (the weight of a run halves after some
350 newer ones); records are what honest runs reached, and only runs that no finding named may set them.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct, field

RUNS_TO_LEARN: Final = 20
RUNS_REMEMBERED: Final = 512
AGENTS_LEARNED_MAX: Final = 20_000  # per partition; an agent beyond it is judged by the floors alone
STORM_EVIDENCE: Final = 3.4  # ln(0.3 / 0.01): a third or later try, if three in ten are such tries instead of one in a hundred
CALM_EVIDENCE: Final = -0.346  # ln(0.7 / 0.99)
STORM_CAP: Final = 20.0
STORM_TOLD: Final = 13.0


class Mean(Struct, array_like=True, gc=False):
    """A slowly forgetting mean of whole numbers."""

    count: int = 0
    total: int = 0

    def learn(self, value: int) -> None:
        """Adds one value; beyond RUNS_REMEMBERED an old one's share goes out."""
        if self.count >= RUNS_REMEMBERED:
            self.total -= self.total // self.count
            self.count -= 1
        self.count += 1
        self.total += value


class Records(Struct, array_like=True, gc=False):
    """An agent's greatest honest run, and its running evidence of a retry storm (a CUSUM in nats)."""

    runs: int = 0
    repeats: int = 0
    streak: int = 0
    children: int = 0
    growth_percent: int = 0
    calls: int = 0
    storm: float = 0.0
    storming: bool = False


class Habits(Struct):
    """Means by (kind, tenant, name) and records by (tenant, agent)."""

    means: dict[tuple[str, str, str], Mean] = field(default_factory=dict)
    agents: dict[tuple[str, str], Records] = field(default_factory=dict)

    def expected(self, tenant: str, workflow: str, use_case: str) -> int | None:
        """The mean cost of a run in nanos: the workflow's, else its use case's, else all; None while too few are known."""
        for key in (("workflow", tenant, workflow), ("use_case", tenant, use_case), ("total", tenant, "total")):
            mean = self.means.get(key)
            if mean is not None and mean.count >= RUNS_TO_LEARN and key[2]:
                return mean.total // mean.count
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
