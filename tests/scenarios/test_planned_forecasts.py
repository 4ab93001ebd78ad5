"""Stories of budgets that know the calendar: a launch that was announced counts once, goes on in no pace, and what is left of it is awaited."""

from __future__ import annotations

from typing import Any

import pytest

from service.facts import Incident, Scope
from service.policy import load
from service.warden.forecast import Coming, Outlook, at_the_end, pace, paces, runs_out
from service.warden.plan import Limit
from service.warden.planned import outlook
from service.warden.standing import standings
from service.warden.state import Period
from tests.core.streams import DAY_MS, HOUR_MS
from tests.scenarios.story import Story

BUDGET = "budgets: [{name: month, scope: {use_case: migration}, period: month, limit_usd: 1000, thresholds: [100]}]\n"
LAUNCH = "planned: [{match: {use_case: migration}, from: 2026-11-15T00:00:00Z, to: 2026-11-15T12:00:00Z, extra_usd: 600}]\n"
LATER = LAUNCH.replace("11-15T00", "11-20T00").replace("11-15T12", "11-22T00")


def month(policy: str, until: str, launch_usd: int = 0, announced_usd: int = 0) -> Story:
    """Ten dollars a day from the first on; on the fifteenth a launch of so many dollars in two hours."""
    story = Story(policy, "2026-11-01T00:00:00Z")
    if announced_usd:
        times: dict[str, Any] = {"from_ms": story.at("2026-11-15T00:00:00Z"), "until_ms": story.at("2026-11-15T12:00:00Z")}
        story.says("plan", scope=Scope("use_case", "migration"), extra_nanos=announced_usd * 10**9, **times)
    launched = False
    while story.now_ms < story.at(until):
        if launch_usd and not launched and story.now_ms >= story.at("2026-11-15T00:00:00Z"):
            launched = True
            for number in range(60):
                story.call(str(launch_usd / 60), "+2m", use_case="migration", execution_id=f"launch-{number}")
        story.call("2.5", "+6h", use_case="migration", execution_id=f"run-{story.now_ms}")
    return story.wait("+2h")


def forecasts(story: Story) -> list[Incident]:
    return [step for step in story.incidents() if step.reason == "forecast"]


@pytest.fixture(scope="module")
def planned() -> Story:
    return month(BUDGET + LAUNCH, "2026-11-17T00:00:00Z", launch_usd=600)


def test_a_launch_nobody_knew_of_is_taken_to_go_on() -> None:
    assert forecasts(month(BUDGET, "2026-11-17T00:00:00Z", launch_usd=600))


def test_a_launch_that_was_planned_counts_once_and_is_in_no_pace(planned: Story) -> None:
    assert forecasts(planned) == []
    (standing,) = standings(planned.engine.warden, None, None)
    assert standing.spent_nanos == 760 * 10**9, "sixteen days and the launch"
    assert standing.pace == pytest.approx(0.3, abs=0.02), "ten dollars a day where a thousand a month are allowed"
    assert standing.runs_out_ms is not None
    assert standing.runs_out_ms[1] > planned.at("2026-12-01T00:00:00Z")


def test_what_a_person_announced_is_as_good_as_the_calendar() -> None:
    assert forecasts(month(BUDGET, "2026-11-17T00:00:00Z", launch_usd=600, announced_usd=600)) == []


def test_while_a_launch_goes_on_it_is_not_counted_twice_and_goes_in_no_pace() -> None:
    story = Story(BUDGET.replace("[100]", "[30, 60]") + LAUNCH, "2026-11-14T23:00:00Z")
    for _ in range(12):  # two lines are crossed before a window of the launch has closed
        story.call("50", "+70s" if story.now_ms >= story.at("2026-11-15T00:00:00Z") else "+62m", use_case="migration")
    (limit,) = story.engine.warden.plan.limits()
    tenant = story.engine.warden.tenants["default"]
    now = outlook(story.engine.warden, tenant, limit, "migration")
    assert now.lately >= 150 * 10**9
    assert now.lately + sum(part.nanos for part in now.coming) == 600 * 10**9 - tenant.planned_used.get(next(iter(tenant.planned_used), 0), 0)
    steps = [step for step in story.wait("+3h").incidents() if step.reason == "line_crossed"]
    assert [step.thresholds for step in steps] == [[30.0], [60.0]]
    assert all(step.pace is not None and step.pace < 0.2 for step in steps), "all but the last minute is known to be planned"
    assert outlook(story.engine.warden, tenant, limit, "migration") == Outlook(0, ()), "all of it is spent"
    (period,) = tenant.periods.values()
    assert (period.spent, period.planned, sum(period.buckets.values())) == (600 * 10**9, 600 * 10**9, 0)


def test_what_is_left_of_a_plan_is_awaited_by_the_budgets_it_wholly_belongs_to() -> None:
    """Three hundred at the usual pace; with nine hundred that are planned for the 20th it will not do."""
    policy = BUDGET.replace("}]", "}, {name: agents, scope: {agent: '*'}, period: month, limit_usd: 1000}]")
    (told,) = forecasts(month(policy + LATER.replace("600", "900"), "2026-11-16T00:00:00Z"))
    assert told.budget == "month"
    assert told.pace == pytest.approx(0.33, abs=0.05)
    assert told.runs_out_ms is not None
    assert told.time_ms < Story("", "2026-11-20T00:00:00Z").now_ms < told.runs_out_ms[0], "not before the launch"
    assert forecasts(month(policy + LATER, "2026-11-16T00:00:00Z")) == []


def test_the_money_is_gone_when_pace_and_plans_together_have_used_it() -> None:
    limit = Limit(load(BUDGET).budgets[0], "UTC")
    now_ms = 10 * DAY_MS
    period = Period("k", 0, 30 * DAY_MS, spent=200 * 10**9, planned=100 * 10**9, last_ms=now_ms)
    assert paces(limit, period, now_ms)[0] * DAY_MS == pytest.approx(10 * 10**9)
    assert pace(limit, period, now_ms) == 0.3
    plan = Outlook(0, (Coming(12 * DAY_MS, 16 * DAY_MS, 400 * 10**9),))
    assert at_the_end(limit, period, now_ms, plan) == pytest.approx(600 * 10**9), "the slowest pace is none"
    assert ran_out(limit, period, now_ms, plan, 550) == 15, "ten a day, and a hundred more from the twelfth"
    assert ran_out(limit, period, now_ms, plan, 330) == 13
    assert ran_out(limit, period, now_ms, plan, 670) == 17
    assert ran_out(limit, period, now_ms, Outlook(), 330) == 23


def ran_out(limit: Limit, period: Period, now_ms: int, plan: Outlook, limit_usd: int) -> int | None:
    """The day on which it is gone at the fastest pace: ten dollars a day, the last day's unlike the last hours'."""
    period.buckets = {(now_ms - 20 * HOUR_MS) // HOUR_MS: 10 * 10**9}
    limit.amount = limit_usd * 10**9
    runs = runs_out(limit, period, now_ms, plan)
    return None if runs is None else round(runs[0] / DAY_MS)
