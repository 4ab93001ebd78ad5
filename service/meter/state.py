"""What the meter of one stream partition remembers."""

from __future__ import annotations

from msgspec import Struct, field

from service.facts import Counts, Fact, PolicySet
from service.meter.cells import Minute
from service.meter.habits import Habits
from service.meter.plan import EMPTY_PLAN, Plan
from service.meter.repeats import Repeats
from service.meter.runs import Runs


class Meter(Struct):
    """The state of one stream partition. `coming` is a policy whose time has not come; `pending` waits for the next mark; `said` are findings told once a day, by arrival minute.

    `plan` is derived from the policy. `arrival_ms`: the greatest arrival so far.
    """

    partition: int
    policy: PolicySet | None = None
    coming: PolicySet | None = None
    next_mark_ms: int = 0
    said_ms: int = 0
    members_ms: int = 0
    heard: int = -1
    counts: Counts = field(default_factory=Counts)
    repeats: Repeats = field(default_factory=Repeats)
    minute: Minute = field(default_factory=Minute)
    runs: Runs = field(default_factory=Runs)
    habits: Habits = field(default_factory=Habits)
    pending: list[Fact] = field(default_factory=list)
    said: dict[str, int] = field(default_factory=dict)
    plan: Plan = EMPTY_PLAN
    arrival_ms: int = 0
