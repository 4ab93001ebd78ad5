"""What the warden remembers, per tenant: everything a decision may look at, and nothing else.

All of it is plain data, so a snapshot is its MessagePack; what can be derived from the policy lives in `plan.py` instead. The tables that
grow large and are mostly idle are `Rows`: a snapshot looks only at what was handed out since the last one.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct, field

from detectors.sequences import Signal
from service.audit.chain import Chain
from service.facts import Act, Cause, Cell, Counts, Decision, Evidence, Finding, Kind, Measures, PolicySet, Purpose, Scope
from service.state.rows import Rows
from service.warden.causes import Activity
from service.warden.plan import EMPTY_PLAN, Plan

WINDOW_MINUTES: Final = 10
PERIOD_KEPT_DAYS: Final = 35
SERIES_PER_TENANT_MAX: Final = 50_000
PERIODS_PER_TENANT_MAX: Final = 400_000
FINDINGS_KEPT_MINUTES: Final = 3 * 1440
EVIDENCE_MAX: Final = 12
EXECUTIONS_MAX: Final = 50


class Heard(Struct, array_like=True, gc=False):
    """The newest word on a cell or member whose arrival minute is still open."""

    offset: int
    nanos: int
    tokens: int
    records: int


class Period(Struct):
    """One member of a budget or quota in one of its periods. `spent` is nanos, or tokens for a quota.

    `next_at`: the spend at which the next untold line is reached; `buckets`: spend by hour (or by step of a rolling window),
    without what was `planned`: that is known when its window of ten minutes closes. `past`: its incidents that are over.
    """

    key: str
    start_ms: int
    end_ms: int
    spent: int = 0
    next_at: int = 0
    told: list[float] = field(default_factory=list)
    buckets: dict[int, int] = field(default_factory=dict)
    newest: int = -1
    forecast_told: bool = False
    last_ms: int = 0
    incident: str = ""
    planned: int = 0
    past: int = 0


class Alarm(Struct):
    """A running episode of a scope: its incident, what was done in its windows, what was expected there, who did it."""

    incident: str
    activity: Activity = field(default_factory=Activity)
    expected_nanos: int = 0
    members: dict[Scope, int] = field(default_factory=dict)
    calm: int = 0


class Today(Struct):
    """What a scope has done since midnight UTC, beside what was expected until then."""

    day: int = -1
    activity: Activity = field(default_factory=Activity)
    expected_nanos: int = 0
    members: dict[Scope, int] = field(default_factory=dict)


class Series(Struct):
    """What is normal for one scope: its detectors (dumped), and the fading sum of its past activity, WEIGHT for each window."""

    detectors: dict[str, bytes] = field(default_factory=dict)
    baseline: Activity = field(default_factory=Activity)
    members: dict[Scope, int] = field(default_factory=dict)
    days: dict[int, int] = field(default_factory=dict)
    today: Today = field(default_factory=Today)
    alarm: Alarm | None = None


class Told(Struct, array_like=True, gc=False):
    """When a signal was last told, as the number of its window, and its score then; or why nobody was told, and its highest score since."""

    number: int
    score: float
    why: str = ""


class Habit(Struct, array_like=True, gc=False):
    """How far an agent's runs have gone: how many they are, and the fading most of each, as in `Reached`."""

    runs: int = 0
    calls: float = 0.0
    children: float = 0.0
    growth_percent: float = 0.0
    repeats: float = 0.0
    nanos: float = 0.0


class Watch(Struct):
    """The sequential tests of one scope by name, what of them was told, and the first and the last window in which the scope did anything."""

    signals: dict[str, Signal] = field(default_factory=dict)
    heard: dict[str, int] = field(default_factory=dict)
    told: dict[str, Told] = field(default_factory=dict)
    first: int = -1
    last: int = -1
    returned: int = -1
    habit: Habit = field(default_factory=Habit)


class Look(Struct):
    """What an agent's calls in one workflow looked like, in one window; as in `Shape`."""

    calls: dict[int, int] = field(default_factory=dict)
    lowest: list[int] = field(default_factory=list)
    ended: dict[int, int] = field(default_factory=dict)
    begun: dict[str, int] = field(default_factory=dict)


class Episode(Struct):
    """One incident. What people did (`acts`, `verdict`, `snoozed_until_ms`) lies apart from what was measured."""

    id: str
    tenant: str
    scope: Scope
    family: str
    opened_ms: int
    state: str = ""
    severity: str = "info"
    kinds: list[Kind] = field(default_factory=list)
    revision: int = 0
    found_ms: int = 0
    spend_nanos: int = 0
    excess_nanos: int = 0
    limit_nanos: int | None = None
    cause: Cause | None = None
    evidence: list[Evidence] = field(default_factory=list)
    owner: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    detail: str = ""
    executions: list[str] = field(default_factory=list)
    live_executions: list[str] = field(default_factory=list)
    budget: str = ""
    threshold: float | None = None
    thresholds: list[float] = field(default_factory=list)
    pace: float | None = None
    period_start_ms: int | None = None
    period_end_ms: int | None = None
    runs_out_ms: tuple[int, int, int] | None = None
    parent: str = ""
    order: str = ""
    told: list[str] = field(default_factory=list)
    told_ms: int = 0
    told_nanos: int = 0
    said: list[str] = field(default_factory=list)
    resolved_ms: int = 0
    verdict: str = ""
    snoozed_until_ms: int = 0
    open_since_ms: int = 0
    escalated_ms: int = 0
    shown_nanos: int = 0
    acts: list[Act] = field(default_factory=list)
    shown_ms: int = 0
    hindered: str = ""


class Standing(Struct):
    """An order and how far it has come. `lost`: the receivers that did not get it, or refused it; `stray_ms`: the newest stamp of spend heard after it was answered."""

    id: str
    scope: Scope
    action: str
    mode: str
    incident: str
    at_ms: int
    expires_ms: int
    state: str = "requested"
    answered_ms: int = 0
    stray_ms: int = 0
    overshoot_nanos: int = 0
    pace_nanos_per_hour: int = 0
    reason: str = ""
    tier: str = ""
    late: bool = False
    second: bool = False
    stopped_ms: int = 0
    ended_ms: int = 0
    by: str = ""
    business_unit: str = ""
    lost: list[str] = field(default_factory=list)
    executions: list[str] = field(default_factory=list)


class RunSeen(Struct, array_like=True, gc=False):
    """A run that a finding named: what it has spent.

    `quiet` are findings that wait until the run has cost enough to tell, or gone further than its agent's runs ever did; `asked` one whose order waits until enough is at stake.
    `before_*` is what it had spent when the meter let it go after a long silence.
    """

    agent: str
    offset: int
    nanos: int
    calls: int
    last_ms: int
    ended: bool
    expected_nanos: int
    since_ms: int
    incident: str
    quiet: list[Finding] | None = None
    asked: Finding | None = None
    before_nanos: int = 0
    before_calls: int = 0


class Window(Struct):
    """The last words of one open window: by cell, and who called each agent."""

    cells: dict[Cell, Measures] = field(default_factory=dict)
    members: dict[tuple[str, str, str], list[int]] = field(default_factory=dict)
    looks: dict[tuple[str, str], Look] = field(default_factory=dict)


class Tenant(Struct):
    """Everything of one tenant. `rolled_ms`: up to when its rolling windows were last rolled on.

    `unpriced` are tokens of cells that wait for a price, `unpriced_of` those of members among them, `unpriced_members` how many these are.
    """

    name: str
    heard: dict[int, dict[tuple[tuple[str | bool, ...], int, int], Heard]] = field(default_factory=dict)
    totals: Rows[Scope, list[int]] = field(default_factory=Rows)
    periods: Rows[tuple[str, str, str], Period] = field(default_factory=Rows)
    windows: dict[int, Window] = field(default_factory=dict)
    series: Rows[Scope, Series] = field(default_factory=Rows)
    watches: Rows[Scope, Watch] = field(default_factory=Rows)
    purposes: list[Purpose] = field(default_factory=list)
    found: dict[str, int] = field(default_factory=dict)
    episodes: dict[str, Episode] = field(default_factory=dict)
    runs: Rows[str, RunSeen] = field(default_factory=Rows)
    orders: dict[str, Standing] = field(default_factory=dict)
    released: dict[Scope, int] = field(default_factory=dict)
    tracked: dict[Scope, str] = field(default_factory=dict)
    ordered_ms: list[int] = field(default_factory=list)
    notices_ms: dict[str, list[int]] = field(default_factory=dict)
    storms: dict[str, list[str]] = field(default_factory=dict)
    controls: dict[str, int] = field(default_factory=dict)
    planned_used: dict[int, int] = field(default_factory=dict)
    unpriced: dict[tuple[Cell, int], list[int]] = field(default_factory=dict)
    plans: list[tuple[Scope, int, int, int | None]] = field(default_factory=list)
    sequence: int = 0
    storm_untold: int = 0
    series_folded: int = 0
    periods_folded: int = 0
    rolled_ms: int = 0
    unpriced_of: dict[tuple[Cell, int], dict[Scope, list[int]]] = field(default_factory=dict)
    unpriced_members: int = 0
    unpriced_folded: int = 0
    watches_folded: int = 0
    signals_folded: int = 0
    looks_folded: int = 0
    watches_forgotten: int = 0
    named_silenced: int = 0
    audit: Chain = field(default_factory=Chain)
    days: Rows[tuple[int, tuple[str, str, str, str]], list[int]] = field(default_factory=Rows)
    days_folded: int = 0
    reported: dict[str, int] = field(default_factory=dict)
    reporting: dict[str, str] = field(default_factory=dict)


class Warden(Struct):
    """The state of one journal partition. `marks`: how far each stream partition has been heard, by arrival.

    `days_from_ms`: what is spent in days that began before is not kept for reports. `plan` is derived from the policy; `out` is emptied with each row.
    """

    partition: int
    partitions: int
    policy: PolicySet | None = None
    coming: PolicySet | None = None
    now_ms: int = 0
    closed: int = -1
    marks: list[int] = field(default_factory=list)
    counts: dict[int, Counts] = field(default_factory=dict)
    tenants: dict[str, Tenant] = field(default_factory=dict)
    minute: int = -1
    prove_ms: int = 0
    days_from_ms: int = 0
    plan: Plan = EMPTY_PLAN
    out: list[Decision] = field(default_factory=list)
    audit: Chain = field(default_factory=Chain)

    @property
    def reach_ms(self) -> int:
        """Up to which arrival all stream partitions have been heard."""
        return min(self.marks) if len(self.marks) == self.partitions else 0
