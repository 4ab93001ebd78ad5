"""What the warden needs of a policy, compiled once: limits with their lines, owners, routes, and whom orders may reach."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from service.facts import CELL_KINDS, TOTAL, Cell, Member, PolicySet, Scope, ident
from service.policy import ALL, Budget, Owner, Period, Policy, Quota, ScopePattern, matches, parse_dumped
from service.prices import PriceBook
from service.warden.named import Named
from service.warden.periods import PeriodSpan, period_of

CONSOLE: Final = "console"
ORDERED: Final = frozenset({"pause", "throttle", "degrade"})
VIEWS_MAX: Final = 100_000
DAYS_MAX: Final = 10_000
DAY: Final = Period("day")
ROLLING: Final = "rolling"
ENDLESS_MS: Final = 1 << 60  # the end of a rolling window
TOTALLED: Final = ("agent", "use_case", "business_unit", "workflow", "provider", "model")


class Limit:
    """A budget or quota. `amount` is nanos, or tokens of a quota; `lines` are percentages in rising order."""

    def __init__(self, entry: Budget | Quota, zone: str) -> None:
        self.name = entry.name if isinstance(entry, Budget) else f"quota {entry.title}"
        self.pattern: ScopePattern = entry.scope
        self.kind = entry.scope.kind
        self.tokens = isinstance(entry, Quota)
        self.amount: int = entry.limit_nanos if isinstance(entry, Budget) else entry.tokens
        self.lines: tuple[float, ...] = entry.thresholds if isinstance(entry, Budget) else (100.0,)
        self.pause_at = entry.pause_at if isinstance(entry, Budget) else 100.0 if entry.action in ORDERED else None
        if self.pause_at is not None and self.pause_at not in self.lines:
            self.lines = tuple(sorted({*self.lines, self.pause_at}))
        self.action = entry.action if isinstance(entry, Quota) and entry.action in ORDERED else "pause"
        self.tier = entry.tier or "" if isinstance(entry, Quota) and entry.action == "degrade" else ""
        self.forecast = isinstance(entry, Budget)
        self.period: Period = entry.period
        self.zone = ZoneInfo(zone)
        self.rolling_minutes = entry.period.rolling_ms // 60_000
        self.rolling_key = f"{ROLLING} {self.rolling_minutes}m"
        self.bucket_minutes = max(1, self.rolling_minutes // 288) if self.rolling_minutes else 60
        self._at: dict[float, int] = {}

    def span(self, event_minute: int) -> PeriodSpan:
        """The period that a minute belongs to; a rolling window is one endless period."""
        if self.rolling_minutes:
            return PeriodSpan(self.rolling_key, (event_minute - self.rolling_minutes) * 60_000, ENDLESS_MS)
        return period_of(event_minute, self.period, self.zone)

    def keeps(self, key: str) -> bool:
        """Whether a period of that key is still one of its own; a policy may have made it roll, or roll over another time."""
        return key == self.rolling_key if self.rolling_minutes else not key.startswith(ROLLING)

    def at(self, line: float) -> int:
        """The least spend that has reached `line` percent."""
        at = self._at.get(line)
        if at is None:
            at = self._at[line] = int(-(-self.amount * Fraction(repr(line)) // 100))
        return at


class View(NamedTuple):
    """Where the spend of a cell counts: its scopes, and every limit it runs against with the member's name."""

    scopes: tuple[Scope, ...]
    limits: tuple[tuple[Limit, str], ...]


class Plan:
    """A policy as the warden asks it."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.book = PriceBook.of(policy)
        limits = [*(Limit(b, policy.zone_of(b)) for b in policy.budgets), *(Limit(q, policy.zone_of(q)) for q in policy.quotas)]
        self._by_name = {limit.name: limit for limit in limits}
        self._by_cell = [limit for limit in limits if all(kind in CELL_KINDS for kind, _ in limit.pattern.terms)]
        self._by_member = [limit for limit in limits if limit not in self._by_cell]
        self._views: dict[Cell, View] = {}
        self._members: dict[Member, tuple[tuple[Limit, str], ...]] = {}
        pauses = policy.pauses
        self.mode = pauses.mode
        self.pausing = frozenset(pauses.on)
        self.min_loss_nanos = pauses.min_loss_nanos
        self.per_hour = pauses.per_hour
        self.proof_ms = pauses.proof_s * 1000
        self.expires_ms = pauses.expires_ms
        self.approvers = frozenset(pauses.approvers)
        self.per_hour_per_unit = pauses.per_hour_per_business_unit
        self.max_usual_share = pauses.max_usual_share
        self.second_route = pauses.second_route
        self.two_person_nanos = pauses.two_person_nanos
        self.false_alerts_per_day = policy.detection.false_alerts_per_scope_day
        self.zone = ZoneInfo(policy.timezone)
        self.reports = tuple((ident("", each.kind, each.by, each.per_owner, *each.to), each) for each in policy.reports)
        self._days: dict[int, int] = {}
        self.named = tuple(Named.of(entry) for entry in policy.detection.detectors)

    def day_ms(self, minute: int) -> int:
        """When the calendar day of a minute began."""
        start_ms = self._days.get(minute)
        if start_ms is None:
            if len(self._days) >= DAYS_MAX:
                self._days.clear()
            start_ms = self._days[minute] = period_of(minute, DAY, self.zone).start_ms
        return start_ms

    def limit(self, name: str) -> Limit | None:
        """A limit by its name."""
        return self._by_name.get(name)

    def limits(self) -> list[Limit]:
        """All of them."""
        return list(self._by_name.values())

    def view(self, cell: Cell) -> View:
        """Where a cell counts."""
        view = self._views.get(cell)
        if view is None:
            if len(self._views) >= VIEWS_MAX:
                self._views.clear()
            view = self._views[cell] = self._look(cell)
        return view

    def _look(self, cell: Cell) -> View:
        attributes = {"tenant": cell.tenant, **{kind: getattr(cell, kind) for kind in TOTALLED}}
        scopes = [Scope(kind, attributes[kind]) for kind in TOTALLED if attributes[kind]]
        members = [(limit, limit.pattern.member(attributes)) for limit in self._by_cell]
        return View((*scopes, TOTAL), tuple((limit, member.name) for limit, member in members if member is not None))

    def member_limits(self, member: Member) -> tuple[tuple[Limit, str], ...]:
        """Every limit that a tallied member runs against."""
        known = self._members.get(member)
        if known is None:
            if len(self._members) >= VIEWS_MAX:
                self._members.clear()
            known = self._members[member] = tuple((limit, member.name) for limit in self._by_member if _concerns(limit.pattern, member))
        return known

    def owner(self, attributes: Mapping[str, str]) -> str:
        """The first owner that matches, or nobody."""
        return next((owner.name for owner in self.policy.owners if matches(owner.match, attributes)), "")

    def called(self, owner: str) -> Owner | None:
        """The owner of that name that an incident means: the first."""
        return next((each for each in self.policy.owners if each.name == owner), None)

    def mention(self, owner: str, receiver: str, now_ms: int, *, escalated: bool) -> str:
        """Whom to call up by name: who is on duty, once it is `escalated` who comes next; else the owner's own mention, or the receiver's."""
        whose = self.called(owner)
        rota = next((each for each in self.policy.rotas if whose is not None and each.name == whose.rota), None)
        if rota is not None:
            return rota.on_duty(now_ms, self.policy.timezone, after=int(escalated))
        named = [whose.mention] if whose is not None else []
        named += [each.mention for each in self.policy.receivers if each.kind == "slack" and each.name == receiver]
        return next(filter(None, named), "")

    def ways(self, kind: str, *, second: bool) -> int:
        """To how many receivers an order about this kind of scope goes on its first way, or on its second."""
        takers = [each.name for each in self.policy.receivers if each.takes != "notices" and kind in (each.scopes or (kind,))]
        return len([name for name in takers if (name in self.second_route) == second])

    def receivers(self, attributes: Mapping[str, str]) -> list[str]:
        """Who hears of it: the first route that matches, else everyone who takes notices; the console where nobody is named."""
        takers = [r.name for r in self.policy.receivers if r.takes in ("notices", "all")]
        if not self.policy.receivers:
            return [CONSOLE]
        for route in self.policy.routes:
            if matches(route.match, attributes):
                return [name for name in route.to if name in takers]
        return takers

    def allows(self, scope: Scope, attributes: Mapping[str, str]) -> bool:
        """Whether the policy lets this scope be paused by itself; `attributes` are what else is known of it, its tenant too."""
        known = {**attributes, scope.kind: scope.name}
        return any(pattern.kind == scope.kind and pattern.covers(known) for pattern in self.policy.pauses.allow)


def _concerns(pattern: ScopePattern, member: Member) -> bool:
    if pattern.tenant not in ("", member.tenant):
        return False
    if len(pattern.terms) > 1:
        return str(pattern) == member.kind
    return pattern.kind == member.kind and pattern.name in (ALL, member.name)


def compile_plan(policy: PolicySet) -> Plan:
    """The plan of a policy as it travels in the logs."""
    return Plan(parse_dumped(policy.body))


EMPTY_PLAN: Final = Plan(Policy())
