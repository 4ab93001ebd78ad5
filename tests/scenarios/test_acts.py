"""What people do about an incident: remembered with who and when, told to whoever was told, and by two people where it is about much money."""

from __future__ import annotations

import pytest

from service.messages.build import of_notice
from service.messages.message import plain
from tests.scenarios.story import Story

BUDGET = "budgets: [{name: day, scope: {agent: indexer}, period: day, limit_usd: 10, thresholds: [50]}]\n"
TWO = BUDGET + "pauses: {two_person_usd: 5}\n"


def begun(policy: str = BUDGET) -> tuple[Story, str]:
    story = Story(policy).call("6").wait("+1m")
    return story, story.incidents()[-1].id


def acts(story: Story) -> list[tuple[str, str]]:
    return [(act.what, act.by) for act in story.incidents()[-1].acts]


def test_who_presses_second_changes_nothing() -> None:
    story, incident = begun()
    story.says("acknowledge", incident=incident).says("acknowledge", incident=incident, by="bob")
    assert acts(story) == [("acknowledge", "ann")]
    assert story.untold()[-1] == "control_not_while_acknowledged"


def test_a_snooze_that_cannot_be_leaves_the_earlier_one() -> None:
    story, incident = begun()
    story.says("verdict", incident=incident, verdict="expected").says("snooze", incident=incident, until_ms=story.at("+1h"))
    assert acts(story) == [("expected", "ann")]
    assert story.incidents()[-1].state == "resolved"


def test_of_each_thing_the_last_is_remembered() -> None:
    story, incident = begun()
    for minutes in (30, 60):
        story.says("snooze", "+1s", incident=incident, until_ms=story.at(f"+{minutes}m"))
    story.says("note", "+1s", incident=incident, reason="looking")
    assert [(act.what, act.until_ms, act.reason) for act in story.incidents()[-1].acts] == [
        ("snooze", story.at("-2s") + 3_600_000, ""),
        ("note", None, "looking"),
    ]


def test_a_pause_by_hand_and_its_end_are_told() -> None:
    story, incident = begun()
    story.says("pause", incident=incident, reason="looks odd").says("resume", "+1m", incident=incident, by="bob", reason="fixed")
    pause, resume = [notice for notice in story.notices() if notice.reason.endswith("_ordered")]
    assert "Pausing agent indexer" in plain(of_notice(pause, ""))
    assert "Resumed on Tue 3 Nov 09:02 UTC: the spending may go on." in plain(of_notice(resume, ""))
    assert "Resume ordered by bob on Tue 3 Nov 09:02 UTC (fixed)." in plain(of_notice(resume, ""))
    assert acts(story) == [("pause", "ann"), ("resume", "bob")]


@pytest.mark.parametrize("approved_by", ["", "ann"])
def test_what_is_about_much_money_takes_two_people(approved_by: str) -> None:
    story, incident = begun(TWO)
    story.says("pause", incident=incident, approved_by=approved_by)
    assert story.orders() == []
    assert story.untold()[-1] == "control_needs_a_second_person"
    (pause,) = story.says("pause", incident=incident, approved_by="bob").orders()
    story.says("resume", "+1m", scope=pause.scope)
    assert story.orders("resume") == [], "naming the scope alone does not go around it"
    story.says("resume", "+1m", scope=pause.scope, approved_by="bob")
    assert len(story.orders("resume")) == 1


JIRA = BUDGET + "receivers: [{name: here, kind: console}, {name: tickets, kind: jira, url: 'https://x.example', project: FIN}]\n"
ROUTES = JIRA + "routes: [{match: {kind: budget_threshold}, to: [here]}]\n"


def test_a_ticket_goes_to_whoever_makes_tickets_whatever_the_routes_say() -> None:
    story, incident = begun(ROUTES)
    assert {notice.receiver for notice in story.notices()} == {"here"}
    story.says("ticket", incident=incident)
    assert [(notice.receiver, notice.reason) for notice in story.notices()][-1] == ("tickets", "ticket")
    assert acts(story) == [("ticket", "ann")]


def test_a_ticket_without_a_jira_is_said_to_be_none() -> None:
    story, incident = begun()
    assert story.says("ticket", incident=incident).untold()[-1] == "control_no_receiver_for_tickets"
