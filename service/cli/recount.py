"""An incident's spend against the books, which add up what the meters said by themselves and know nothing of incidents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from service.books import Books, Span, SpendQuestion
from service.cli.reckoning import Budget, Check
from service.facts import MINUTE_MS, Scope
from service.policy import Policy

WHAT: Final = "spend of the period"


def recount(books: Books, policy: Policy, step: Mapping[str, Any] | None) -> list[Check]:
    """What the books hold for the budget's scope and period, beside what was told at that step.

    The books go on after a step, so they agree when the told amount lies between what they hold of the minutes before the step's and
    what they hold of the whole period by now. Nothing where no budget with a calendar period is concerned.
    """
    budget = Budget.of(step) if step is not None else None
    if step is None or budget is None:
        return []
    told = budget.said(budget.spent)
    hindered = _hindered(policy, step["budget"])
    if hindered:
        return [Check(WHAT, told, "", hindered, None)]
    scope = Scope(step["scope"]["kind"], step["scope"]["name"])
    before = _sum(books, step["tenant"], scope, budget, budget.now_ms // MINUTE_MS)
    now = _sum(books, step["tenant"], scope, budget, budget.end_ms // MINUTE_MS)
    if before is None or now is None:
        return [Check(WHAT, told, "", "of that time the books keep whole hours only", None)]
    return [Check(WHAT, told, budget.said(now), _how(budget, before, now), before <= budget.spent <= now)]


def _sum(books: Books, tenant: str, scope: Scope, budget: Budget, to_minute: int) -> int | None:
    """None where an edge lies so long ago that the books have no minutes there."""
    start = -(-budget.start_ms // MINUTE_MS)
    span = Span(start, max(to_minute, start))
    found = books.spend(SpendQuestion(tenant, scope, span))
    if found.span != span:
        return None
    return found.nanos if budget.unit == "USD" else found.tokens.total


def _how(budget: Budget, before: int, now: int) -> str:
    parts = f"the books: {budget.said(before)} in the minutes before the step, {budget.said(now - before)} from then until now"
    if before > budget.spent:
        return f"{parts}; {budget.said(before - budget.spent)} of the time before it came later"
    return f"{parts}; {budget.said(budget.spent - now)} less than was told" if now < budget.spent else parts


def _hindered(policy: Policy, name: str) -> str:
    """Why the books cannot answer; empty when they can. They keep sums of one kind of scope at a time."""
    limits = {budget.name: budget.scope for budget in policy.budgets} | {f"quota {quota.scope} {quota.period}": quota.scope for quota in policy.quotas}
    if name not in limits:
        return f"the policy in force has no {name} any more"
    return f"the books keep no sums of {limits[name]}" if len(limits[name].terms) > 1 else ""
