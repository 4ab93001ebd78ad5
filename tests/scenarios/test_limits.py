"""Stories of budgets, quotas and rules: which line was told to whom, and when."""

from __future__ import annotations

from service.facts import Kind, Scope
from tests.scenarios.story import Story, golden

DAY = "budgets: [{name: day, scope: {agent: indexer}, period: day, limit_usd: 10}]\n"


def test_three_lines_crossed_in_one_second_are_three_steps_and_one_message() -> None:
    story = Story(DAY).call("6.90").wait("+2m")
    assert story.incidents() == []
    for _ in range(4):
        story.call("0.90", "+30ms", execution_id="run")
    story.wait("+2m")
    assert story.lines() == [("indexer", 70.0), ("indexer", 85.0), ("indexer", 100.0)]
    assert [(n.threshold, n.thresholds) for n in story.notices()] == [(100.0, [70.0, 85.0, 100.0])]
    golden("three_lines_at_once", story)


def test_every_agent_has_a_budget_of_its_own() -> None:
    story = Story('budgets: [{name: each, scope: {agent: "*"}, period: day, limit_usd: 10}]')
    story.call("7.5").call("7.4", agent="triage").call("1.2", "+1m", agent="triage").wait("+2m")
    assert story.lines() == [("indexer", 70.0), ("triage", 70.0), ("triage", 85.0)]
    golden("a_budget_for_every_agent", story)


def test_a_month_ends_at_midnight_where_the_budget_lives() -> None:
    """Berlin leaves summer time on 25 October, so November begins there at 23:00 UTC and October has an hour more."""
    policy = (
        "timezone: Europe/Berlin\nbudgets: [{name: month, scope: total, period: month, limit_usd: 10}, {name: day, scope: total, period: day, limit_usd: 10}]"
    )
    story = Story(policy, "2026-10-24T21:59:00Z").call("7.0").call("1.0", "+2m")  # the 24th, then the 25th
    assert [(s.budget, s.thresholds) for s in story.wait("+2m").incidents() if s.reason == "line_crossed"] == [("month", [70.0]), ("day", [70.0])]
    story.call("6.5", "2026-10-25T22:59:00Z").wait("+2m")  # 23:59 local, in the twenty-fifth hour of the 25th
    story.call("1.0", "2026-10-31T22:59:00Z").call("6.9", "2026-10-31T23:00:00Z").wait("+3m")
    lines = [(s.budget, s.thresholds[0], s.period_start_ms) for s in story.incidents() if s.reason == "line_crossed"]
    assert [(budget, line) for budget, line, _ in lines] == [("month", 70.0), ("day", 70.0), ("month", 85.0), ("month", 100.0), ("day", 70.0)]
    golden("a_month_in_berlin", story)


def test_what_was_told_of_a_budget_is_kept_up_to_date_and_nobody_is_told_anew() -> None:
    story = Story("budgets: [{name: month, scope: total, period: month, limit_usd: 100, thresholds: [50]}]", "2026-11-10T09:00:00Z").call("50").wait("+3h")
    for usd in ("2", "2", "2"):
        story.call(usd, "+2h").wait("+2m")  # the third makes it a tenth more
    story.wait("+26h").call("1", "+1m").wait("+2h").wait("2026-12-01T02:00:00Z")
    told = [(s.reason, s.spend_nanos // 10**9, s.runs_out_ms is not None) for s in story.incidents()]
    assert told[:3] == [("line_crossed", 50, True), ("outlook", 56, True), ("outlook", 56, True)], "a tenth more; a day later"
    assert {reason for reason, *_ in told[3:-1]} == {"outlook"}
    assert len(told) < 3 + 21 + 1, "once a day"
    assert told[-1] == ("period_over", 57, False), "what it came to in the end"
    assert [notice.reason for notice in story.notices()] == ["line_crossed", "resolved"]


def test_a_new_month_begins_at_nothing_and_the_old_incident_ends() -> None:
    story = Story("budgets: [{name: month, scope: total, period: month, limit_usd: 10}]", "2026-11-30T23:50:00Z")
    story.call("12").call("6", "+11m").wait("+3h")
    assert story.lines() == [("total", 70.0), ("total", 85.0), ("total", 100.0)]
    assert [s.action for s in story.incidents() if s.id == story.incidents()[0].id][-1] == "resolved"
    golden("a_new_month", story)


def test_what_is_stamped_in_the_next_day_counts_there_although_it_came_before() -> None:
    """A producer's clock is four minutes ahead: its last calls before midnight count as tomorrow's."""
    story = Story(DAY, "2026-11-03T23:58:00Z").call("8", stamped="+4m").call("1.5").wait("+20m").call("0.6").wait("+2m")
    assert [(s.thresholds, s.period_start_ms) for s in story.incidents() if s.thresholds] == [([70.0], 1_793_750_400_000), ([85.0], 1_793_750_400_000)]


def test_a_record_of_yesterday_counts_yesterday_however_late() -> None:
    story = Story(DAY.replace("10}", "10, pause_at: 100}") + 'pauses: {mode: enforce, allow: [{agent: "*"}]}', "2026-11-03T20:00:00Z")
    story.call("6").wait("2026-11-04T22:00:00Z").call("1").call("5", stamped="-26h").wait("+2m")
    assert story.lines() == [("indexer", 70.0), ("indexer", 85.0), ("indexer", 100.0)]
    assert story.orders() == [], "a period that is over pauses no one"
    golden("twenty_six_hours_late", story)


def test_a_quota_of_tokens_for_every_user() -> None:
    story = Story('quotas: [{scope: {user: "*"}, period: day, tokens: 1000}]')
    for user in ("u1", "u2", "u1"):
        story.call("0", "+1s", user=user, input_tokens=500, output_tokens=100)
    story.wait("+2m")
    assert [(s.scope, s.kinds) for s in story.incidents()] == [(Scope("user", "u1"), [Kind.TOKEN_QUOTA])]
    golden("a_quota_for_every_user", story)


def test_a_budget_of_a_label() -> None:
    story = Story("budgets: [{name: team-x, scope: {label.team: x}, period: day, limit_usd: 2}]")
    story.call("1.5", labels={"team": "x"}).call("9", labels={"team": "y"}).call("9").call("0.6", labels={"team": "x", "other": "z"}).wait("+2m")
    assert {s.scope for s in story.incidents()} == {Scope("label.team", "x")}
    assert story.incidents()[-1].spend_nanos == 2_100_000_000
    golden("a_budget_of_a_label", story)


def test_a_dear_model_and_a_call_outside_the_batch_are_said_once_a_day() -> None:
    policy = "tiers: [{match: {workflow: triage}, allow: [small], action: order}]\nbatch: [{match: {workflow: nightly}, action: ticket}]\n"
    story = Story(policy)
    for _ in range(3):
        story.call("0.1", "+1m", workflow="triage", provider="anthropic", model="claude-sonnet-4-5", input_tokens=10)
        story.call("0.1", workflow="nightly", provider="anthropic", model="claude-haiku-4-5", input_tokens=10)
        story.call("0.1", workflow="nightly", provider="anthropic", model="claude-haiku-4-5", input_tokens=10, batch=True)
    story.wait("+2m")
    assert [s.kinds for s in story.incidents()] == [[Kind.TIER_VIOLATION], [Kind.BATCH_VIOLATION]]
    golden("a_dear_model", story)


def test_raising_a_limit_never_tells_a_line_again() -> None:
    story = Story(DAY).call("8").wait("+2m").adopts(DAY.replace("10}", "20}"), 2).call("7", "+1m").wait("+2m")
    assert story.lines() == [("indexer", 70.0)]
    story.call("3", "+1m").wait("+2m")
    assert story.lines() == [("indexer", 70.0), ("indexer", 85.0)]
