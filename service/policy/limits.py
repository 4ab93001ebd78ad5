"""Entries that limit spend: budgets, caps, quotas, tiers, batch; and spend that is planned.

An attribute carries the unit it holds (`limit_nanos`), the key in the file the one it is written in (`limit_usd`).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.policy.periods import PeriodText
from service.policy.scopes import Match, RecordMatch, ScopeText
from service.policy.values import Action, Count, Expected, Instant, Name, Number, Percent, Percents, UsdAboveZero, Whole, Zone

DEFAULT_THRESHOLDS: Final = (70.0, 85.0, 100.0)
DEFAULT_FACTOR: Final = 4.0
DEARNESS: Final = ("small", "mid", "large")
CAP_LIMITS: Final = ("factor", "expected_usd", "limit_usd", "calls", "depth", "children", "duration_s")


class Entry(BaseModel):
    """What all entries share: nothing unknown is accepted, nothing changes, names are those of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)


def _with_rolling(schema: dict[str, Any]) -> None:
    """Tells the published schema of the short form."""
    schema["properties"]["rolling"] = {"type": "string", "description": "the same as period: {rolling: 24h}"}
    schema["required"] = [key for key in schema["required"] if key != "period"]


def _unrolled(entry: Any) -> Any:
    """`rolling: 24h` beside a scope is the same as `period: {rolling: 24h}`; that both stand is found elsewhere."""
    if not isinstance(entry, dict) or "rolling" not in entry:
        return entry
    rest = {key: value for key, value in entry.items() if key != "rolling"}
    return {"period": {"rolling": entry["rolling"]}, **rest}


class Budget(Entry):
    """Money for a scope and a period; each line of `thresholds` (percent) is told once a period, and `pause_at` orders a pause."""

    model_config = ConfigDict(json_schema_extra=_with_rolling)

    name: Name
    scope: ScopeText
    period: PeriodText
    limit_nanos: UsdAboveZero = Field(alias="limit_usd")
    thresholds: Percents = DEFAULT_THRESHOLDS
    pause_at: Percent | None = None
    timezone: Zone | None = None

    _unroll = model_validator(mode="before")(_unrolled)

    def line_nanos(self, threshold: float) -> int:
        """The least spend that reaches `threshold` percent, exactly.

        >>> Budget.model_validate({"name": "b", "scope": "total", "period": "day", "limit_usd": "0.000000003"}).line_nanos(70)
        3
        """
        return int(-(-self.limit_nanos * Fraction(repr(threshold)) // 100))


class Quota(Entry):
    """Tokens of all kinds for a scope and a period; `tier` is what the action `degrade` asks for."""

    model_config = ConfigDict(json_schema_extra=_with_rolling)

    scope: ScopeText
    period: PeriodText
    tokens: Whole
    name: Name | None = None
    action: Action = "none"
    timezone: Zone | None = None
    tier: Name | None = None

    _unroll = model_validator(mode="before")(_unrolled)

    @property
    def title(self) -> str:
        """Its name, or what it is about."""
        return self.name or f"{self.scope} {self.period}"


def _some_limit(entry: Any) -> Any:
    """A cap that names no limit is a factor of the learned mean."""
    if isinstance(entry, dict) and not any(entry.get(key) is not None for key in CAP_LIMITS if key != "expected_usd"):
        return {**entry, "factor": DEFAULT_FACTOR}
    return entry


class Cap(Entry):
    """What one execution may use, its children included. `expected_nanos` is None where it is learned; `tier` is what `degrade` asks for."""

    scope: ScopeText
    factor: Annotated[Number, Field(ge=1, le=1000)] | None = None
    expected_nanos: Expected = Field(default=None, alias="expected_usd")
    limit_nanos: UsdAboveZero | None = Field(default=None, alias="limit_usd")
    calls: Whole | None = None
    depth: Count | None = None
    children: Count | None = None
    duration_s: Whole | None = None
    action: Action = "none"
    tier: Name | None = None

    _default = model_validator(mode="before")(_some_limit)


class TierRule(Entry):
    """Which tiers of models are allowed to whom."""

    match: RecordMatch = Match()
    allow: tuple[Name, ...] = Field(min_length=1)
    action: Action = "none"

    @property
    def nearest(self) -> str:
        """The tier that `degrade` asks for: the dearest that is allowed, or the first where none is of the common ones.

        >>> TierRule(allow=("mid", "small")).nearest, TierRule(allow=("own", "other")).nearest
        ('mid', 'own')
        """
        return max(self.allow, key=lambda tier: DEARNESS.index(tier) if tier in DEARNESS else -1)


class BatchRule(Entry):
    """Whose calls must go through a batch interface."""

    match: RecordMatch = Match()
    action: Action = "none"


class Planned(Entry):
    """Spend that is known in advance, up to `extra_nanos` (None: all of it), from `from_ms` until before `to_ms`."""

    match: RecordMatch = Match()
    from_ms: Instant = Field(alias="from")
    to_ms: Instant = Field(alias="to")
    extra_nanos: UsdAboveZero | None = Field(default=None, alias="extra_usd")
    name: Name | None = None
