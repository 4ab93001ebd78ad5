"""What a report says: figures of a day or a week that is over, as whole numbers, whoever words them."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct, field

from service.facts.names import Scope


class Spent(NamedTuple):
    """What one name cost, beside the period before and a usual one; None where nothing was kept of those. Empty is who has no name."""

    name: str
    nanos: int
    before_nanos: int | None = None
    usual_nanos: int | None = None


class Happened(NamedTuple):
    """An incident that began in the period, as it stood when it was reported."""

    incident: str
    title: str
    severity: str
    state: str
    driver: str


class Stopped(NamedTuple):
    """An order of the period: what was still spent after it, and what at least and at most was not; None where nothing is proved."""

    order: str
    action: str
    scope: Scope
    mode: str
    state: str
    overshoot_nanos: int
    avoided_nanos: tuple[int, int] | None


class Filling(NamedTuple):
    """A budget as it stands: when its money is likely gone, None where that is not before its end."""

    budget: str
    scope: Scope
    limit_nanos: int
    spent_nanos: int
    runs_out_ms: int | None
    end_ms: int


class Quality(NamedTuple):
    """How good the figures are, and how well prompts were cached: calls, those without a price, dollars without an agent, input tokens, and those read from the cache."""

    records: int = 0
    unpriced: int = 0
    unattributed_nanos: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0


class Report(Struct, array_like=True):
    """`owner` None: of everybody. `spent` are the dearest, `others` the sum of so many more. `entries` and `head` are how far the audit had come."""

    kind: str
    owner: str | None
    start_ms: int
    end_ms: int
    timezone: str
    by: str
    total: Spent
    spent: list[Spent] = field(default_factory=list)
    others: Spent | None = None
    others_count: int = 0
    happened: list[Happened] = field(default_factory=list)
    happened_more: int = 0
    stopped: list[Stopped] = field(default_factory=list)
    filling: list[Filling] = field(default_factory=list)
    quality: Quality = Quality()
    quality_before: Quality = Quality()
    entries: int = 0
    head: str = ""
