"""What wardens decide: the rows of the outbox."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

import msgspec
from msgspec import Struct

from service.facts.names import HOUR_MS, Cell, Kind, Scope
from service.facts.reported import Report
from service.facts.said import Reckoning, Vote


class DriverShare(NamedTuple):
    """One driver's part of an excess."""

    driver: str
    nanos: int


class DimensionShare(NamedTuple):
    """One member's part of an excess, 0..1."""

    kind: str
    name: str
    share: float


class Cause(Struct, array_like=True):
    """Why a scope's spend differs from what was expected; the drivers' nanos sum to the excess exactly."""

    driver: str
    share: float
    drivers: list[DriverShare]
    dimensions: list[DimensionShare]
    changes: list[str] = msgspec.field(default_factory=list)


class Evidence(Struct, array_like=True, omit_defaults=True):
    """One detector's or rule's vote, with the numbers behind it; a detector's with what its score comes from and the other `votes` on that window."""

    detector: str
    score: float
    expected: float
    observed: float
    detail: str = ""
    reckoning: Reckoning | None = None
    votes: list[Vote] = msgspec.field(default_factory=list)


UNDELIVERED_MS: Final = 60_000  # after so long without an answer a person is told that nobody was stopped yet


class Ordered(Struct, array_like=True, tag="D"):
    """What was ordered because of an incident and what has become of it, as far as is known at this step; `time_ms` is the order's.

    `state` is the order's (`requested` ... `failed`), in observe mode `requested` for ever: it was decided, not sent. `saved_nanos`
    is what an hour at the pace before the order would have cost. `scope` is the order's own where it is not the incident's.
    `second`: it took the second way. From `stopped_ms` to `ended_ms` (0 while it holds) the scope is proved to have stood still.
    """

    id: str
    action: str
    mode: str
    state: str
    time_ms: int
    expires_ms: int
    reason: str = ""
    overshoot_nanos: int = 0
    saved_nanos: int | None = None
    tier: str = ""
    scope: Scope | None = None
    second: bool = False
    stopped_ms: int = 0
    ended_ms: int = 0

    def avoided(self, now_ms: int) -> tuple[int, int] | None:
        """Nanos not spent until `now_ms` at the pace before the order; None where nothing is proved.

        At least: had somebody stopped it within an hour. At most: had nobody until the order ended.
        """
        if not self.stopped_ms or self.saved_nanos is None:
            return None
        held_ms = max(min(self.ended_ms or now_ms, now_ms, self.expires_ms) - self.stopped_ms, 0)
        return self.saved_nanos * min(held_ms, HOUR_MS) // HOUR_MS, self.saved_nanos * held_ms // HOUR_MS


class Act(Struct, array_like=True, omit_defaults=True):
    """What a person did about an incident: `what` is the control's action or, of a verdict, its word; `until_ms` ends a snooze or an order."""

    time_ms: int
    what: str
    by: str
    until_ms: int | None = None
    reason: str = ""
    approved_by: str = ""


class Incident(Struct, array_like=True, tag="I"):
    """One step of an incident, whole: what it is now, why it was said, and the last of each thing that people did about it.

    `hindered`: the name of what kept the service from ordering by itself what was last asked for; empty where nothing did.
    """

    time_ms: int
    action: str
    id: str
    tenant: str
    scope: Scope
    kinds: list[Kind]
    severity: str
    state: str
    opened_ms: int
    revision: int
    spend_nanos: int
    excess_nanos: int
    limit_nanos: int | None
    cause: Cause | None
    evidence: list[Evidence]
    reason: str
    owner: str = ""
    detail: str = ""
    executions: list[str] = msgspec.field(default_factory=list)
    budget: str = ""
    threshold: float | None = None
    thresholds: list[float] = msgspec.field(default_factory=list)
    pace: float | None = None
    period_start_ms: int | None = None
    period_end_ms: int | None = None
    runs_out_ms: tuple[int, int, int] | None = None
    parent: str = ""
    order: str = ""
    ordered: Ordered | None = None
    acts: list[Act] = msgspec.field(default_factory=list)
    hindered: str = ""

    def member(self, kind: str) -> str:
        """The first member of that kind that the cause names; empty where it names none."""
        dimensions = self.cause.dimensions if self.cause is not None else []
        return next((part.name for part in dimensions if part.kind == kind), "")


class Order(Struct, array_like=True, tag="O"):
    """An order to whoever runs the agents; a receiver obeys only a greater `sequence` than it has seen for the scope.

    `to`: the receivers of its second way, where the first has failed; empty for all on the first.
    """

    time_ms: int
    action: str
    id: str
    tenant: str
    scope: Scope
    incident: str
    reason: str
    mode: str
    expires_ms: int
    sequence: int
    executions: list[str] | None = None
    by: str = ""
    approved_by: str = ""
    tier: str = ""
    to: list[str] = msgspec.field(default_factory=list)


class OrderState(Struct, array_like=True, tag="S"):
    """A step in an order's life."""

    time_ms: int
    id: str
    tenant: str
    scope: Scope
    state: str
    overshoot_nanos: int
    reason: str = ""
    receiver: str = ""
    saved_nanos: int | None = None


class Kept(NamedTuple):
    """An incident that a storm kept from being told by itself."""

    incident: str
    title: str


class Notice(Struct, array_like=True, tag="N"):
    """One receiver is told one thing about an incident; `about` is the step it tells, `mention` whom to call up by name.

    `kept` are the first of those that a storm's one notice stands for. With a `report` it is about no incident: `about` says whose it is.
    """

    time_ms: int
    id: str
    tenant: str
    incident: str
    receiver: str
    reason: str
    title: str
    about: Incident
    budget: str = ""
    threshold: float | None = None
    thresholds: list[float] = msgspec.field(default_factory=list)
    mention: str = ""
    kept: list[Kept] = msgspec.field(default_factory=list)
    report: Report | None = None


class Untold(Struct, array_like=True, tag="U"):
    """A step that nobody was told of, and the named reason."""

    time_ms: int
    incident: str
    tenant: str
    reason: str


class PricedLate(Struct, array_like=True, tag="L"):
    """Tokens that nobody could price when they came have a price now: so much more belongs to that cell and event minute."""

    time_ms: int
    cell: Cell
    event_minute: int
    nanos: int


class Audited(Struct, array_like=True, tag="A"):
    """An entry of the audit: `body` is the JSON text that was hashed, `digest` its SHA-256, which the next entry's text holds as `before`.

    Known by its tenant (empty: the policies), the partition of the journal, and its place in their chain, counted from 1.
    """

    time_ms: int
    tenant: str
    journal: int
    sequence: int
    body: str
    digest: str


Decision: TypeAlias = Incident | Order | OrderState | Notice | Untold | PricedLate | Audited


class Outbox(Struct, array_like=True):
    """What one journal row made the warden decide; `at` is that row's offset, so a repetition is known as one."""

    at: int
    decisions: list[Decision]
