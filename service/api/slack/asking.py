"""`/spend SCOPE`: what the books and the budgets say of a scope, for the one who asks."""

from __future__ import annotations

from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool

from service.api.ports import Service
from service.api.problems import Problem
from service.api.queries import KINDS, scope_of
from service.books import ListQuestion, Span, Spend, SpendQuestion
from service.facts import MINUTE_MS, TOTAL, Incident, Scope
from service.log.ports import LogError
from service.messages.slack.spend import OPEN_MAX, Stands, answer, help_text
from service.messages.slack.text import whispered
from service.policy import Period
from service.warden.periods import period_of

OPEN: Final = ("open", "acknowledged", "snoozed")
UNITS: Final[tuple[Literal["day", "month"], ...]] = ("day", "month")


async def spend(service: Service, tenant: str, text: str) -> dict[str, Any]:
    """The answer, of that tenant's books; what cannot be read is answered with what to write."""
    try:
        scope = asked_for(text)
    except Problem as problem:
        return help_text(problem.detail)
    try:
        return answer(await _stands(service, tenant, scope))
    except LogError:
        return whispered("The books cannot be asked at the moment. Try again in a minute.")


async def _stands(service: Service, tenant: str, scope: Scope) -> Stands:
    now_ms = service.now_ms()
    today, month = [await run_in_threadpool(_spent, service, tenant, scope, Period(unit), now_ms) for unit in UNITS]
    incidents = await run_in_threadpool(_open, service, tenant, scope)
    return Stands(scope, today, month, await service.budgets(tenant, None if scope == TOTAL else scope), incidents)


def asked_for(text: str) -> Scope:
    """A scope as people write it; raises a Problem.

    >>> asked_for(""), asked_for("agent indexer"), asked_for("use_case:kyc")
    (Scope(kind='total', name='total'), Scope(kind='agent', name='indexer'), Scope(kind='use_case', name='kyc'))
    """
    written = text.strip() or "total"
    kind, blank, name = written.partition(" ")
    return scope_of(f"{kind}:{name.strip()}" if blank and kind in KINDS else written)


def _spent(service: Service, tenant: str, scope: Scope, period: Period, now_ms: int) -> Spend:
    span = period_of(now_ms // MINUTE_MS, period, ZoneInfo(service.policy.timezone))
    return service.books.spend(SpendQuestion(tenant, scope, Span(span.start_ms // MINUTE_MS, span.end_ms // MINUTE_MS)))


def _open(service: Service, tenant: str, scope: Scope) -> list[Incident]:
    """One more than is shown, so that it can be said that there are more."""
    about = None if scope == TOTAL else scope
    found = [each for state in OPEN for each in service.books.incidents(ListQuestion(tenant, state, about, OPEN_MAX + 1)).items]
    return sorted(found, key=lambda each: -each.opened_ms)
