"""Stories of what is normal: a burst is told with its cause, unless the calendar knew of it; budgets count it all the same."""

from __future__ import annotations

import random
from typing import Any

import pytest

from service.facts import Incident, Scope
from tests.scenarios.story import Story

HABIT_DAYS = 12
BURST = "2026-11-16T10:00:00Z"
PLANNED = "planned: [{match: {use_case: migration}, from: 2026-11-16T09:00:00Z, to: 2026-11-16T14:00:00Z, extra_usd: 100}]\n"
BUDGET = "budgets: [{name: day, scope: {use_case: migration}, period: day, limit_usd: 20}]\n"


def habit(policy: str, announced_usd: int = 0) -> Story:
    """Twelve days of six calls an hour for about five cents each, then, on a Monday morning, forty dollars in two hours, and three hours as ever."""
    chance = random.Random(5)
    story = Story(policy, "2026-11-04T00:00:00Z")
    while story.now_ms < story.at(BURST):
        story.call(f"{0.04 + 0.02 * chance.random():.4f}", "+10m", use_case="migration", business_unit="it", execution_id=f"run-{story.now_ms}")
    if announced_usd:
        times: dict[str, Any] = {"from_ms": story.now_ms - 3_600_000, "until_ms": story.now_ms + 4 * 3_600_000}
        story.says("plan", scope=Scope("agent", "indexer"), extra_nanos=announced_usd * 10**9, **times)
    for number in range(800):
        story.call("0.05", "+9s", use_case="migration", business_unit="it", execution_id=f"burst-{number}")
    for _ in range(18):
        story.call("0.05", "+10m", use_case="migration", business_unit="it", execution_id=f"run-{story.now_ms}")
    return story.wait("+10m")


def found(story: Story) -> list[Incident]:
    return [step for step in story.incidents() if step.action == "opened" and "budget_threshold" not in step.kinds and "budget_forecast" not in step.kinds]


@pytest.fixture(scope="module")
def surprised() -> Story:
    return habit(BUDGET)


def test_a_burst_is_found_and_its_drivers_add_up(surprised: Story) -> None:
    opened = found(surprised)
    assert opened, "forty dollars where three are usual"
    assert {step.scope.name for step in opened} & {"indexer", "migration", "it", "total"}
    for step in surprised.incidents():
        if step.cause is not None and step.cause.drivers:
            assert sum(part.nanos for part in step.cause.drivers) == step.excess_nanos


def test_what_the_calendar_knew_is_told_by_no_detector_and_counted_by_every_budget(surprised: Story) -> None:
    planned = habit(PLANNED + BUDGET)
    assert found(planned) == []
    assert planned.lines() == surprised.lines() == [("migration", 70.0), ("migration", 85.0), ("migration", 100.0)]


def test_beyond_what_was_planned_it_is_found_again() -> None:
    assert found(habit(PLANNED.replace("extra_usd: 100", "extra_usd: 5") + BUDGET))


def test_what_a_person_announced_is_as_good_as_the_calendar_up_to_its_sum() -> None:
    assert found(habit(BUDGET, announced_usd=100)) == []
    assert found(habit(BUDGET, announced_usd=5))


def test_two_entries_do_not_pay_for_the_same_money(surprised: Story) -> None:
    """Half of the burst by the calendar and half announced: together they cover it."""
    half = PLANNED.replace("extra_usd: 100", "extra_usd: 22")
    assert found(habit(half + BUDGET, announced_usd=22)) == []
    assert found(habit(half + BUDGET, announced_usd=5))
