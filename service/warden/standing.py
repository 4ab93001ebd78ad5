"""How every budget stands now: the answer to `/v1/budgets`, read from the warden's own state."""

from __future__ import annotations

from service.books import BudgetStanding
from service.facts import Scope
from service.warden import planned
from service.warden.forecast import pace, runs_out
from service.warden.state import Warden


def standings(w: Warden, tenant: str | None, scope: Scope | None) -> list[BudgetStanding]:
    """Budgets of one tenant or all, of one scope or all, in their present periods, the fullest first."""
    found: list[tuple[float, BudgetStanding]] = []
    for t in w.tenants.values():
        if tenant is not None and t.name != tenant:
            continue
        lately = planned.lately(w, t)
        for (name, member, key), period in t.periods.items():
            limit = w.plan.limit(name)
            if limit is None or limit.tokens or not limit.keeps(key) or not period.start_ms <= w.now_ms < period.end_ms:
                continue
            start_ms, end_ms = (w.now_ms - limit.rolling_minutes * 60_000, w.now_ms) if limit.rolling_minutes else (period.start_ms, period.end_ms)
            whose = Scope(limit.kind, member)
            if scope is None or scope == whose:
                outlook = planned.outlook(w, t, limit, member, lately)
                standing = BudgetStanding(
                    t.name,
                    name,
                    whose,
                    str(limit.period),
                    limit.amount,
                    period.spent,
                    pace(limit, period, w.now_ms, outlook),
                    runs_out(limit, period, w.now_ms, outlook) if period.spent < limit.amount else None,
                    start_ms,
                    end_ms,
                )
                found.append((period.spent / limit.amount, standing))
    return [standing for _, standing in sorted(found, key=lambda each: -each[0])]
