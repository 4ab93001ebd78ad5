"""What the meter needs of a policy, compiled once so that the hot path only looks things up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from msgspec import Struct

from service.facts import CELL_KINDS, MINUTE_MS, Cell, Kind, PolicySet
from service.policy import ALL, Cap, Planned, Policy, ScopePattern, matches, parse_dumped
from service.prices import PriceBook, Rates
from service.records import UNATTRIBUTED, Usage

DEFAULT_FACTOR_PERCENT: Final = 400
CACHE_MAX: Final = 50_000
_PLAIN: Final = frozenset({"user", "customer", "api_key"})  # kinds that a record names itself


class Limits(Struct, frozen=True):
    """What one run may use; None is no limit, and so is a factor of 0. `counted`: there is one beside money. `action` is what breaking it asks for, empty for the built-in watch; `tier` to what `degrade` goes."""

    factor_percent: int = DEFAULT_FACTOR_PERCENT
    expected_nanos: int | None = None
    limit_nanos: int | None = None
    calls: int | None = None
    depth: int | None = None
    children: int | None = None
    duration_s: int | None = None
    action: str = ""
    counted: bool = False
    tier: str = ""


NO_LIMITS: Final = Limits()


class Violation(NamedTuple):
    """A rule about models that a cell breaks, in words; `tier` to what `degrade` goes."""

    kind: Kind
    detail: str
    action: str
    tier: str = ""


class Plan:
    """A policy as the meter asks it.

    `members` are scopes beyond the cell's that some limit needs exact totals for: `plain_members` by a field of the record and the
    names asked for (None: all), `patterned_members` by matching.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.book = PriceBook.of(policy)
        patterns = [*(budget.scope for budget in policy.budgets), *(quota.scope for quota in policy.quotas)]
        self.members = tuple(dict.fromkeys(pattern for pattern in patterns if not cell_decides(pattern)))
        plain = [p for p in self.members if len(p.terms) == 1 and not p.tenant and p.kind in _PLAIN]
        self.plain_members = tuple((kind, _names(p.name for p in plain if p.kind == kind)) for kind in dict.fromkeys(p.kind for p in plain))
        self.patterned_members = tuple(p for p in self.members if p not in plain)
        self.planned_by_cell = tuple(p for p in policy.planned if all(key in CELL_KINDS for key, _ in p.match.conditions))
        self.planned_by_member = tuple(p for p in policy.planned if p not in self.planned_by_cell)
        self._limits: dict[tuple[str, str, str, str, str], Limits] = {}

    def patterned(self, u: Usage) -> list[tuple[str, str]]:
        """Each member, (kind, name), that a record counts for by a pattern and by no plain name, once."""
        attributes = attributes_of_usage(u)
        found: list[tuple[str, str]] = []
        for pattern in self.patterned_members:
            scope = pattern.member(attributes)
            if scope is not None:
                member = (member_kind(pattern), scope.name)
                if member not in found and not any(kind == member[0] and (names is None or scope.name in names) for kind, names in self.plain_members):
                    found.append(member)
        return found

    def rates(self, provider: str, model: str, event_minute: int) -> Rates | None:
        """Prices per token, or None where nobody knows them."""
        return self.book.rates(provider, model, event_minute * MINUTE_MS) if model else None

    def unit_pico(self, operation: str, unit: str, event_ms: int) -> int | None:
        """Pico-dollars per unit of another layer."""
        return self.book.unit_pico(operation, unit, event_ms)

    def convert(self, amount: str | float, currency: str, event_ms: int) -> int | None:
        """An amount in another currency as nano-dollars; None without a rate."""
        return self.book.to_nanos(amount, currency or "USD", event_ms)

    def limits(self, tenant: str, agent: str, use_case: str, business_unit: str, workflow: str) -> Limits:
        """What a run with these attributes may use: of several caps the tightest of each sort."""
        if not self.policy.caps:
            return NO_LIMITS
        key = (tenant, agent, use_case, business_unit, workflow)
        known = self._limits.get(key)
        if known is None:
            if len(self._limits) >= CACHE_MAX:
                self._limits.clear()
            attributes = {"tenant": tenant, "agent": agent, "use_case": use_case, "business_unit": business_unit or UNATTRIBUTED, "workflow": workflow}
            known = self._limits[key] = _tightest([cap for cap in self.policy.caps if _applies(cap, attributes)])
        return known

    def is_planned_cell(self, cell: Cell, event_ms: int) -> bool:
        """Whether the calendar expects all spend of this cell at this time."""
        return any(_now(p, event_ms) and matches(p.match, attributes_of(cell)) for p in self.planned_by_cell)

    def is_planned(self, u: Usage, event_ms: int) -> bool:
        """Whether the calendar expects this one record."""
        return any(_now(p, event_ms) and matches(p.match, attributes_of_usage(u)) for p in self.planned_by_member)

    def violations(self, cell: Cell) -> list[Violation]:
        """Which model-tier and batch rules a cell breaks."""
        policy = self.policy
        if not (policy.tiers or policy.batch) or not cell.model or cell.layer != "inference":
            return []
        attributes = attributes_of(cell)
        found: list[Violation] = []
        for rule in policy.tiers:
            if matches(rule.match, attributes):
                tier = self.book.tier(cell.provider, cell.model)
                if tier and tier not in rule.allow:
                    detail = f"{cell.model} is {tier}; allowed are {', '.join(rule.allow)}"
                    found.append(Violation(Kind.TIER_VIOLATION, detail, rule.action, rule.nearest if rule.action == "degrade" else ""))
        if not cell.batch:
            found += [
                Violation(Kind.BATCH_VIOLATION, "not sent through a batch interface", rule.action) for rule in policy.batch if matches(rule.match, attributes)
            ]
        return found


def cell_decides(pattern: ScopePattern) -> bool:
    """Whether a cell's own attributes say to whom its spend belongs."""
    return all(kind in CELL_KINDS for kind, _ in pattern.terms)


def attributes_of(cell: Cell) -> Mapping[str, str]:
    """A cell as policies match it."""
    return {
        "tenant": cell.tenant,
        "agent": cell.agent,
        "use_case": cell.use_case,
        "business_unit": cell.business_unit,
        "workflow": cell.workflow,
        "provider": cell.provider,
        "model": cell.model,
    }


def attributes_of_usage(u: Usage) -> dict[str, str]:
    """A record as policies match it."""
    labels = {f"label.{key}": value for key, value in (u.labels or {}).items()}
    return {
        "tenant": u.tenant,
        "agent": u.agent or UNATTRIBUTED,
        "use_case": u.use_case or UNATTRIBUTED,
        "business_unit": u.business_unit or UNATTRIBUTED,
        "workflow": u.workflow,
        "provider": u.provider,
        "model": u.model,
        "user": u.user,
        "customer": u.customer,
        "api_key": u.api_key,
        "execution": u.root_execution_id or u.parent_execution_id or u.execution_id,
        **labels,
    }


def member_kind(pattern: ScopePattern) -> str:
    """The name under which a pattern's members are tallied: the plain kind, or the whole pattern where it has conditions."""
    return pattern.kind if len(pattern.terms) == 1 else str(pattern)


def compile_plan(policy: PolicySet) -> Plan:
    """The plan of a policy as it travels in the logs."""
    return Plan(parse_dumped(policy.body))


def _names(names: Iterable[str]) -> frozenset[str] | None:
    """The members that limits ask for by name; None where one asks for all."""
    asked = frozenset(names)
    return None if ALL in asked else asked


def _now(planned: Planned, event_ms: int) -> bool:
    return planned.from_ms <= event_ms < planned.to_ms


def _applies(cap: Cap, attributes: Mapping[str, str]) -> bool:
    return cap.scope.covers(attributes)


def _tightest(caps: list[Cap]) -> Limits:
    if not caps:
        return NO_LIMITS
    factors = [cap for cap in caps if cap.factor is not None]
    by_factor = min(factors, key=lambda cap: cap.factor or 0.0, default=None)
    acting = sorted((cap for cap in caps if cap.action != "none"), key=lambda cap: cap.action != "pause")
    return Limits(
        factor_percent=round((by_factor.factor or 4.0) * 100) if by_factor else 0,
        expected_nanos=by_factor.expected_nanos if by_factor else None,
        limit_nanos=_least([cap.limit_nanos for cap in caps]),
        calls=_least([cap.calls for cap in caps]),
        depth=_least([cap.depth for cap in caps]),
        children=_least([cap.children for cap in caps]),
        duration_s=_least([cap.duration_s for cap in caps]),
        action=acting[0].action if acting else "none",
        counted=any(value is not None for cap in caps for value in (cap.calls, cap.depth, cap.children, cap.duration_s)),
        tier=(acting[0].tier or "") if acting and acting[0].action == "degrade" else "",
    )


def _least(values: list[int | None]) -> int | None:
    return min((value for value in values if value is not None), default=None)


EMPTY_PLAN: Final = Plan(Policy())
