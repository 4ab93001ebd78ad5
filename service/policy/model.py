"""The policy as a whole: its sections, their defaults, its digest, and the bytes it travels in."""

from __future__ import annotations

from functools import cached_property
from hashlib import sha256
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from service.facts import DAY_MS, Kind
from service.money import NANO
from service.policy.limits import BatchRule, Budget, Cap, Entry, Planned, Quota, TierRule
from service.policy.pricing import Currency, Prices
from service.policy.reports import Report
from service.policy.rotas import Rota
from service.policy.scopes import ScopeText
from service.policy.telling import Owner, Receiver, Route, Source
from service.policy.values import Count, Duration, Name, Number, Percent, Plain, Url, Usd, Whole, Zone, refuse_bool, some

NAMED_MAX = 4  # detectors that a policy names: each costs time and up to 10 kB for every scope
Amount: TypeAlias = Literal["spend", "executions", "calls", "input_tokens", "cached_tokens", "output_tokens"]
WatchedKind: TypeAlias = Literal["agent", "use_case", "business_unit", "total"]


class NamedDetector(Entry):
    """A detector beside those that always watch: one of `detectors/` by its `name`, or by its `class` one of river's, with its settings and what it hears."""

    name: Annotated[Name, Field(max_length=40)]
    class_: Annotated[str, Field(max_length=80)] | None = Field(default=None, alias="class")
    settings: Annotated[dict[str, Plain], Field(max_length=20)] = Field(default_factory=dict)
    hears: Annotated[tuple[Amount, ...], AfterValidator(some)] = ("spend",)
    on: Annotated[tuple[WatchedKind, ...], AfterValidator(some)] = ("agent",)


class Detection(Entry):
    """How eager the detectors are: false alerts accepted per scope and day; and `detectors` beside those that always watch."""

    false_alerts_per_scope_day: Annotated[Number, Field(le=100)] = 0.05
    detectors: Annotated[tuple[NamedDetector, ...], Field(max_length=NAMED_MAX)] = ()


class Pauses(Entry):
    """What may be paused without a person, and who may order by hand: from `two_person_usd` of an incident on only two together.

    `max_usual_share` is the blast radius: of a scope that usually makes more than that percentage of all spend, a person decides.
    `second_route` are receivers that get an order only once it has failed, or was ignored, on its first way.
    """

    mode: Literal["observe", "enforce"] = "observe"
    on: tuple[Kind, ...] = (Kind.LOOP, Kind.RETRY_STORM, Kind.FAN_OUT, Kind.LEAKED_KEY)
    allow: tuple[ScopeText, ...] = ()
    min_loss_nanos: Usd = Field(default=5 * NANO, alias="min_loss_usd")
    per_hour: Count = 6
    per_hour_per_business_unit: Count | None = None
    max_usual_share: Annotated[Percent, Field(le=100)] | None = None
    proof_s: Whole = 20
    expires_ms: Duration = Field(default=DAY_MS, alias="expires")
    approvers: tuple[Name, ...] = ()
    second_route: tuple[Name, ...] = ()
    two_person_nanos: Usd | None = Field(default=None, alias="two_person_usd")


class Policy(Entry):
    """Everything that is decided by people beforehand; an empty one still detects, explains and prints.

    >>> Policy().pauses.mode, Policy().budgets
    ('observe', ())
    """

    version: Annotated[Literal[1], BeforeValidator(refuse_bool)] = 1
    timezone: Zone = "UTC"
    prices: Prices = Prices()
    owners: tuple[Owner, ...] = ()
    rotas: tuple[Rota, ...] = ()
    budgets: tuple[Budget, ...] = ()
    caps: tuple[Cap, ...] = ()
    quotas: tuple[Quota, ...] = ()
    tiers: tuple[TierRule, ...] = ()
    batch: tuple[BatchRule, ...] = ()
    detection: Detection = Detection()
    planned: tuple[Planned, ...] = ()
    pauses: Pauses = Pauses()
    public_url: Url | None = None
    currencies: tuple[Currency, ...] = ()
    sources: tuple[Source, ...] = ()
    receivers: tuple[Receiver, ...] = ()
    routes: tuple[Route, ...] = ()
    reports: tuple[Report, ...] = ()

    @cached_property
    def digest(self) -> str:
        """The same content, the same digest, whatever its layout: 32 hexadecimal digits."""
        return sha256(dump(self)).hexdigest()[:32]

    def zone_of(self, limit: Budget | Quota) -> str:
        """The time zone whose calendar a limit's period follows."""
        return limit.timezone or self.timezone


def dump(policy: Policy) -> bytes:
    """The whole policy as JSON, defaults spelled out so that a journal means the same under later defaults."""
    return policy.model_dump_json(by_alias=True).encode()


def parse_dumped(body: bytes) -> Policy:
    """The policy that was dumped, equal to it; raises pydantic's ValidationError for anything else."""
    return Policy.model_validate_json(body)
