"""Stories of orders: who may be paused, how a pause is proved, and what happens when nobody obeys."""

from __future__ import annotations

import pytest

from service.facts import Scope
from service.messages.build import of_notice
from service.messages.message import plain
from service.warden.state import EXECUTIONS_MAX
from tests.scenarios.story import Story, golden

ENFORCE = """
caps: [{scope: {workflow: "*"}, limit_usd: 2, action: pause}]
pauses: {mode: enforce, on: [loop], allow: [{agent: "*"}, {execution: "*"}], min_loss_usd: 0, per_hour: 3, proof_s: 20, expires: 2h}
"""


def runaway(policy: str = ENFORCE, run: str = "run-1") -> Story:
    """A run that crosses its cap of two dollars with its third call."""
    story = Story(policy)
    for _ in range(3):
        story.call("0.90", "+10s", execution_id=run, workflow="daily")
    return story.wait("+1m")


def test_a_run_over_its_cap_is_paused_and_proved_to_have_stopped() -> None:
    story = runaway()
    (order,) = story.orders()
    assert (order.scope.kind, order.scope.name, order.executions) == ("execution", "run-1", ["run-1"])
    story.answers(order, "delivered").answers(order, "accepted").call("0.05", "+2s", execution_id="run-1", workflow="daily").wait("+3m")
    assert story.states(order) == ["requested", "delivered", "accepted", "effective"]
    golden("a_pause_that_works", story)


def test_observe_decides_and_tells_but_sends_nothing() -> None:
    story = runaway(ENFORCE.replace("enforce", "observe")).wait("+3h")
    (order,) = story.orders()
    assert order.mode == "observe"
    assert "delivered" not in story.states(order)
    assert story.orders("resume") == []
    golden("observe", story)


def test_whom_the_list_does_not_name_is_not_paused() -> None:
    story = runaway(ENFORCE.replace('{execution: "*"}', "{execution: another}"))
    assert story.orders() == []
    assert "no_order_not_allowed" in story.untold()
    assert {told.about.hindered for told in story.notices()} == {"not_allowed"}


def test_automatic_orders_are_rationed_by_the_hour() -> None:
    story = Story(ENFORCE)
    for number in range(6):
        story.call("2.5", "+1s", execution_id=f"run-{number}", workflow="daily")
    story.wait("+2m")
    assert len(story.orders()) == 3
    assert story.untold().count("no_order_per_hour") == 3
    story.call("2.5", "+1h", execution_id="run-7", workflow="daily").wait("+2m")
    assert len(story.orders()) == 4


def test_what_would_cost_little_is_not_paused_by_itself() -> None:
    """A loop of cents: found and told, but below `min_loss_usd` an hour."""
    story = Story(ENFORCE.replace("min_loss_usd: 0", "min_loss_usd: 5"))
    for _ in range(60):
        story.call("0.001", "+30s", execution_id="run-1", signature="same", workflow="daily")
    story.wait("+2m")
    assert story.orders() == []
    assert "no_order_below_min_loss" in story.untold()
    assert {n.about.severity for n in story.notices()} == {"warning"}, "nothing that matters is at stake"
    dear = Story(ENFORCE.replace("min_loss_usd: 0", "min_loss_usd: 5"))
    for _ in range(60):
        dear.call("0.09", "+30s", execution_id="run-1", signature="same", workflow="daily")
    assert len(dear.wait("+2m").orders()) == 1
    assert dear.notices()[-1].about.severity == "critical"


def test_a_loop_of_cents_that_grows_dear_becomes_critical_with_its_order() -> None:
    story = Story(ENFORCE.replace("min_loss_usd: 0", "min_loss_usd: 5"))
    for _ in range(60):
        story.call("0.001", "+5s", execution_id="run-1", signature="same", workflow="daily")
    assert {n.about.severity for n in story.wait("+1m").notices()} == {"warning"}
    for _ in range(40):
        story.call("0.15", "+5s", execution_id="run-1", signature="same", workflow="daily")
    assert len(story.wait("+1m").orders()) == 1
    first = next(notice for notice in story.notices() if notice.about.severity == "critical")
    assert first.reason == "worse"
    assert first.about.ordered is not None


def test_a_resume_releases_and_nothing_is_ordered_there_until_it_ends() -> None:
    policy = "budgets: [{name: day, scope: {agent: indexer}, period: day, limit_usd: 10, thresholds: [50, 100], pause_at: 50}]\n" + ENFORCE
    story = Story(policy).call("6").wait("+1m")
    (order,) = story.orders()
    story.answers(order, "accepted").wait("+3m").says("resume", order=order.id, reason="it is needed", approved_by="bob")
    (resume,) = story.orders("resume")
    assert "Avoided at the pace before the order: about $" in plain(of_notice(story.notices()[-1], ""))
    assert (resume.scope, resume.sequence > order.sequence, resume.approved_by) == (order.scope, True, "bob")
    story.call("5", "+1m").wait("+2m")
    assert story.orders() == [order]
    assert "no_order_released" in story.untold()
    story.call("6", "+24h").wait("+2m")
    assert len(story.orders()) == 2, "the next period is another matter"
    golden("a_resume", story)


@pytest.mark.parametrize(("state", "last"), [("refused", "refused"), ("failed", "failed")])
def test_an_order_that_cannot_be_carried_out_is_told_as_such(state: str, last: str) -> None:
    story = runaway()
    (order,) = story.orders()
    story.answers(order, state, reason="no such run")
    assert story.states(order)[-1] == last
    assert [n.reason for n in story.notices()][-1] == "order_failed"
    golden(f"an_order_{state}", story)


def test_spend_that_goes_on_after_the_receiver_agreed_is_a_pause_ignored() -> None:
    story = runaway()
    (order,) = story.orders()
    story.answers(order, "accepted")
    for _ in range(10):
        story.call("0.30", "+10s", execution_id="run-1", workflow="daily")
    story.wait("+2m")
    assert story.states(order) == ["requested", "accepted", "failed"]
    assert story.notices()[-1].reason == "pause_ignored"
    assert story.incidents()[-1].severity == "critical"
    golden("a_pause_ignored", story)


def test_when_a_pause_ends_the_service_resumes() -> None:
    story = runaway()
    (order,) = story.orders()
    story.answers(order, "accepted").wait("+3m").wait("+2h")
    (resume,) = story.orders("resume")
    assert (resume.reason, resume.scope, resume.by) == ("expired", order.scope, "spendwarden")
    golden("a_pause_that_ends", story)


def test_an_order_nobody_answered_expires_without_a_resume() -> None:
    story = runaway().wait("+3h")
    (order,) = story.orders()
    assert story.states(order)[-1] == "expired"
    assert story.orders("resume") == []


def test_pause_and_throttle_by_hand_need_an_approver_where_the_policy_names_them() -> None:
    policy = ENFORCE.replace("proof_s: 20", "proof_s: 20, approvers: [bob]")
    story = Story(policy).call("0.1", "+1s").says("pause", scope=Scope("agent", "indexer"))
    assert story.orders() == []
    assert story.untold() == ["control_not_an_approver"]
    story.says("throttle", scope=Scope("agent", "indexer"), approved_by="bob")
    assert [(o.action, o.by, o.approved_by) for o in story.orders("throttle")] == [("throttle", "ann", "bob")]


def test_an_acknowledged_incident_stays_so_until_it_is_resolved() -> None:
    story = Story("budgets: [{name: day, scope: {agent: indexer}, period: day, limit_usd: 10}]").call("7.5").wait("+1m")
    incident = story.incidents()[0].id
    story.says("acknowledge", incident=incident).call("1.5", "+1m").call("2", "+2m").wait("+2m").wait("2026-11-04T02:00:00Z")
    states = [s.state for s in story.incidents()]
    assert states == ["open", *["acknowledged"] * (len(states) - 2), "resolved"]
    assert len(story.lines()) == 3
    golden("acknowledged", story)


def test_what_is_snoozed_wakes_or_is_woken() -> None:
    story = Story("budgets: [{name: day, scope: {agent: indexer}, period: day, limit_usd: 10}]").call("7.1").wait("+1m")
    incident = story.incidents()[0].id
    story.says("snooze", incident=incident, until_ms=story.now_ms + 3_600_000).wait("+30m")
    assert story.incidents()[-1].state == "snoozed"
    story.wait("+40m")
    assert [s.state for s in story.incidents() if s.reason == "snooze_over"] == ["open"]


def test_a_run_that_returns_after_a_long_silence_costs_on_top_of_what_it_had_cost() -> None:
    """The meter lets a run go after thirty minutes; what it is told of afterwards begins at nothing."""
    story = runaway(ENFORCE.replace("action: pause", "action: none")).wait("+40m")
    for _ in range(3):
        story.call("0.70", "+10s", execution_id="run-1", workflow="daily")
    story.wait("+2m").call("0.10", "+10s", execution_id="run-1", workflow="daily").wait("+40m")
    (episode,) = story.engine.warden.tenants["default"].episodes.values()
    assert episode.spend_nanos == 2_700_000_000 + 2_200_000_000


def test_a_run_below_what_is_expected_of_it_has_no_excess() -> None:
    """A loop that is cheap so far: its spend is told, and nothing of it is too much."""
    story = Story('caps: [{scope: {workflow: "*"}, expected_usd: 3, factor: 4}]')
    for _ in range(40):
        story.call("0.05", "+1s", execution_id="run-1", workflow="daily", signature="same")
    (episode,) = story.wait("+2m").engine.warden.tenants["default"].episodes.values()
    assert (episode.spend_nanos, episode.excess_nanos) == (2_000_000_000, 0)
    for _ in range(40):
        story.call("0.05", "+1s", execution_id="run-1", workflow="daily", signature="same")
    story.wait("+2m")
    assert (episode.spend_nanos, episode.excess_nanos) == (4_000_000_000, 1_000_000_000)


def test_an_incident_of_two_hundred_runs_holds_the_money_of_all_of_them() -> None:
    """The incident names fifty runs; each that it has heard of counts, also what it spends afterwards, and none twice."""
    story = Story(ENFORCE.replace("action: pause", "calls: 2, action: none"))
    for number in range(200):
        for _ in range(4):  # over the cap's money with the second call and over its calls with the third: two findings
            story.call("1.10", "+1s", execution_id=f"run-{number}", workflow="daily")
    for number in range(0, 200, 7):
        story.call("0.30", "+1s", execution_id=f"run-{number}", workflow="daily")
    (episode,) = story.wait("+2m").engine.warden.tenants["default"].episodes.values()
    assert len(episode.executions) == EXECUTIONS_MAX
    assert episode.spend_nanos == 200 * 4_400_000_000 + 29 * 300_000_000
    assert episode.cause is not None
    assert episode.excess_nanos == sum(driver.nanos for driver in episode.cause.drivers)
