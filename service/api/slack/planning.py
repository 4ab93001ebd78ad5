"""`/spend plan SCOPE DOLLARS for 6h`, or `until 2026-11-29T18:00`: spend that is known beforehand, said where people talk of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from service.api.ports import Service
from service.api.problems import Problem
from service.api.slack.asking import asked_for
from service.api.slack.reading import text
from service.facts import MINUTE_MS, Control, Scope, ident
from service.intake.careful import TIME_END_S
from service.log.ports import LogError
from service.messages.slack.text import SLACK, escaped, whispered
from service.money import nanos_of, spoken
from service.phrases import called, capital, moment
from service.policy.times import duration_ms, instant_ms

_PLAN: Final = re.compile(r"plan\s+(?P<scope>.+?)\s+\$?(?P<usd>\d[\d.]*)\s+(?P<how>for|until)\s+(?P<when>\S+)", re.IGNORECASE)
HELP: Final = "Write `/spend plan agent:indexer 200 for 6h`, or `... until 2026-11-29T18:00`: whose spend, how many dollars more, how long."


class Plan(NamedTuple):
    """So much more is expected of a scope until then."""

    scope: Scope
    extra_nanos: int
    until_ms: int


def is_plan(words: str) -> bool:
    """Whether somebody plans, and does not ask."""
    return words.strip().lower().partition(" ")[0] == "plan"


def plan_of(words: str, now_ms: int, zone: str) -> Plan:
    """What is planned; raises ValueError, or a Problem, with what is wrong.

    >>> plan_of("plan agent indexer $200 for 6h", 0, "UTC")
    Plan(scope=Scope(kind='agent', name='indexer'), extra_nanos=200000000000, until_ms=21600000)
    """
    found = _PLAN.fullmatch(words.strip())
    if found is None:
        raise ValueError("That cannot be read.")
    when = found["when"]
    until_ms = now_ms + duration_ms(when) if found["how"].lower() == "for" else instant_ms(when, ZoneInfo(zone))
    if until_ms <= now_ms:
        raise ValueError("That is over already.")
    if until_ms >= TIME_END_S * 1000:
        raise ValueError("That lies beyond the year 9999.")
    return Plan(asked_for(found["scope"]), nanos_of(found["usd"]), until_ms)


async def plan(service: Service, tenant: str, form: Mapping[str, Any]) -> dict[str, Any]:
    """Takes it up, and says so to all in the channel, so that nobody wonders why an alarm is missing."""
    words, user, now_ms = text(form, "text"), text(form, "user_id"), service.now_ms()
    by, approvers = f"{SLACK}{user}", service.policy.pauses.approvers
    try:
        planned = plan_of(words, now_ms, service.policy.timezone)
    except Problem as problem:
        return whispered(f"Not planned: {escaped(problem.detail)} {HELP}")
    except ValueError as wrong:
        return whispered(f"Not planned: {escaped(str(wrong))} {HELP}")
    if not user or (approvers and by not in approvers):
        return whispered("Not planned: you are not among the policy's `pauses.approvers`.")
    mark = text(form, "trigger_id") or f"{words}\0{now_ms // MINUTE_MS}"
    control = Control(
        ident("ctl", tenant, "slack", by, "plan", mark),
        tenant,
        "plan",
        by,
        scope=planned.scope,
        from_ms=now_ms,
        until_ms=planned.until_ms,
        extra_nanos=planned.extra_nanos,
        reason=words,
    )
    try:
        await service.tell(control)
    except LogError:
        return whispered("Not planned: the service cannot write at the moment. Try again in a minute.")
    who, until = capital(called(planned.scope)), moment(planned.until_ms)
    said = f"{escaped(who)} may spend {spoken(planned.extra_nanos)} more until {until}, planned by <@{user}>. Nobody is alarmed for it; budgets count it."
    return {"response_type": "in_channel", "text": said}
