"""Stories of what nobody reacts to, of orders that have to take a second way, and of what may not be stopped without a person."""

from __future__ import annotations

import pytest

from service.facts import Incident, Notice
from service.policy import load
from service.policy.mistakes import PolicyError
from tests.scenarios.story import Story, golden
from tests.scenarios.test_orders import ENFORCE, runaway

OWNED = """
timezone: Europe/Berlin
caps: [{scope: {workflow: "*"}, limit_usd: 2, action: ticket}]
owners: [{name: Search, rota: search, escalate_after: 30m, escalate_to: [pager]}]
rotas: [{name: search, people: [ann, bo, cy], every: 7d, from: 2026-11-02T08:00:00Z}]
receivers:
  - {name: desk, kind: console}
  - {name: pager, kind: console}
routes: [{match: {agent: indexer}, to: [desk]}]
"""


def heard(story: Story, receiver: str) -> list[tuple[str, str]]:
    return [(notice.reason, notice.mention) for notice in story.notices() if notice.receiver == receiver]


def overspent(policy: str = OWNED) -> Story:
    return runaway(policy)


def test_what_nobody_acknowledges_goes_to_who_is_next_once() -> None:
    story = overspent().wait("+28m")
    assert heard(story, "desk") == [("opened", "ann")]
    assert heard(story, "pager") == []
    story.wait("+2h")
    assert heard(story, "desk")[:2] == [("opened", "ann"), ("escalated", "bo")]
    assert heard(story, "pager")[0] == ("escalated", "bo")
    assert [reason for reason, _ in heard(story, "pager")].count("escalated") == 1
    golden("nobody_reacts", story)


def test_what_somebody_acknowledges_or_snoozes_is_not_escalated() -> None:
    for said in ({"action": "acknowledge"}, {"action": "snooze", "until": "+3h"}):
        story = overspent()
        incident = story.incidents()[0].id
        until = {"until_ms": story.at(said["until"])} if "until" in said else {}
        story.says(said["action"], "+1m", incident=incident, **until).wait("+1h")
        assert "escalated" not in [notice.reason for notice in story.notices()]


def test_what_was_snoozed_waits_anew_once_it_wakes() -> None:
    story = overspent()
    story.says("snooze", "+1m", incident=story.incidents()[0].id, until_ms=story.at("+2h"))
    for _ in range(140):
        story.call("0.01", "+1m", execution_id="run-1", workflow="daily")
    assert "escalated" not in [notice.reason for notice in story.notices()]
    for _ in range(30):
        story.call("0.01", "+1m", execution_id="run-1", workflow="daily")
    assert "escalated" in [notice.reason for notice in story.notices()]


def test_without_a_rota_the_owner_s_own_mention_is_called() -> None:
    story = overspent(
        OWNED.replace("rota: search", "mention: '@search'").split("rotas:")[0] + "receivers: [{name: desk, kind: console}, {name: pager, kind: console}]"
    )
    assert heard(story, "desk") == [("opened", "@search")]


LINES = """
budgets: [{name: day, scope: {agent: indexer}, period: day, limit_usd: 10, thresholds: [10, 20, 100]}]
receivers:
  - {name: desk, kind: console}
  - {name: chat, kind: slack, channel: "#spend", mention: U1}
routes: [{match: {severity: critical}, to: [desk, chat]}, {to: [desk]}]
"""


@pytest.mark.parametrize(("owner", "desk", "chat"), [("", "", "U1"), ("owners: [{name: Search, mention: ann}]", "ann", "ann")])
def test_who_hears_of_it_later_is_called_by_the_first_word(owner: str, desk: str, chat: str) -> None:
    story = Story(LINES + owner).call("1.5").wait("+1m").call("9").wait("+1m").call("1").wait("+1m")
    assert heard(story, "desk") == [("line_crossed", desk), ("line_crossed", "")]
    assert heard(story, "chat") == [("line_crossed", chat)]


def test_what_grows_is_said_for_who_can_edit_and_told_to_nobody() -> None:
    story = overspent()
    told = len(story.notices())
    for _ in range(3):
        story.call("0.50", "+1m", execution_id="run-1", workflow="daily")
    story.wait("+2m")
    grown = [line for line in story.incidents() if line.reason == "grows"]
    assert [line.spend_nanos // 10**7 for line in grown] == [320, 370, 420]
    assert [line.revision for line in story.incidents()] == sorted({line.revision for line in story.incidents()})
    assert len(story.notices()) == told


# ---------------------------------------------------------------- the second way

SECOND = (
    ENFORCE.replace("expires: 2h", "expires: 2h, second_route: [gateway]")
    + "receivers:\n  - {name: desk, kind: console}\n"
    + "".join(f"  - {{name: {name}, kind: webhook, url: 'https://{name}.example', secret: 'env:X', takes: orders}}\n" for name in ("orchestrator", "gateway"))
)


@pytest.mark.parametrize("end", ["refused", "failed", "ignored", "undelivered"])
def test_an_order_that_leads_nowhere_takes_the_second_way_once(end: str) -> None:
    story = runaway(SECOND)
    (first,) = story.orders()
    if end == "ignored":
        story.answers(first, "accepted")
        for _ in range(9):
            story.call("0.05", "+10s", execution_id="run-1", workflow="daily")
    elif end != "undelivered":
        story.answers(first, end)
    story.wait("+3m")
    first, second = story.orders()
    assert (first.to, second.to) == ([], ["gateway"])
    assert second.sequence > first.sequence
    assert (second.scope, second.executions, second.expires_ms) == (first.scope, first.executions, first.expires_ms)
    story.answers(second, "failed").wait("+5m")
    assert len(story.orders()) == 2, "there is no third way"


def test_a_second_way_that_works_is_proved_as_the_first_would_be() -> None:
    story = runaway(SECOND)
    story.answers(story.orders()[0], "failed")
    second = story.orders()[1]
    story.answers(second, "accepted").wait("+3m")
    assert story.states(second) == ["requested", "accepted", "effective"]
    golden("the_second_way", story)


@pytest.mark.parametrize("released", [False, True])
def test_what_obeyed_a_pause_that_was_ignored_elsewhere_is_let_go_once(released: bool) -> None:
    """An adapter has stopped its part, the spend goes on by another: at the end its part comes back, unless a person was before."""
    story = runaway()
    (order,) = story.orders()
    story.answers(order, "accepted")
    for _ in range(9):
        story.call("0.05", "+10s", execution_id="run-1", workflow="daily")
    assert story.states(order)[-1] == "failed"
    if released:
        story.says("resume", scope=order.scope)
    story.wait("+3h").wait("+3h")
    assert [resume.by for resume in story.orders("resume")] == (["ann"] if released else ["spendwarden"])


def test_an_order_stands_while_another_receiver_may_still_obey_it() -> None:
    story = runaway(SECOND.replace(", second_route: [gateway]", ""))
    (order,) = story.orders()
    for receiver, state in (("gateway", "failed"), ("gateway", "failed"), ("orchestrator", "accepted")):
        story.answers(order, state, receiver=receiver)
    assert story.states(story.wait("+3m").orders()[0]) == ["requested", "accepted", "effective"]
    lost = runaway(SECOND.replace(", second_route: [gateway]", ""))
    for receiver, state in (("gateway", "refused"), ("orchestrator", "failed")):
        lost.answers(lost.orders()[0], state, receiver=receiver)
    assert lost.states(lost.orders()[0]) == ["requested", "failed"]


def test_only_receivers_of_its_kind_of_scope_count_for_an_order() -> None:
    story = runaway(SECOND.replace(", second_route: [gateway]", "").replace("https://gateway.example', ", "https://gateway.example', scopes: [agent], "))
    story.answers(story.orders()[0], "failed")
    assert story.states(story.orders()[0]) == ["requested", "failed"]


# ---------------------------------------------------------------- limits on what is stopped without a person


def test_orders_are_rationed_by_business_unit_too() -> None:
    story = Story(ENFORCE.replace("per_hour: 3", "per_hour: 30, per_hour_per_business_unit: 1"))
    for number, unit in enumerate(("risk", "risk", "sales")):
        story.call("2.5", "+1s", execution_id=f"run-{number}", workflow="daily", business_unit=unit, agent=f"agent-{unit}")
    story.wait("+2m")
    assert [order.scope.name for order in story.orders()] == ["run-0", "run-2"]
    assert "no_order_per_hour_per_business_unit" in story.untold()


BLAST = """
budgets: [{name: each, scope: {agent: "*"}, period: day, limit_usd: 50, pause_at: 100}]
pauses: {mode: enforce, allow: [{agent: "*"}], max_usual_share: 60}
"""


def test_what_most_of_the_business_runs_through_is_for_a_person_to_stop() -> None:
    story = Story(BLAST)
    for _ in range(12):
        story.call("0.90", "+10m", agent="backbone").call("0.10", agent="helper")
    story.call("55", "+1m", agent="backbone").call("55", agent="helper").wait("+1m")
    assert [order.scope.name for order in story.orders()] == ["helper"]
    assert "no_order_blast_radius" in story.untold()


def test_names_that_nobody_has_are_mistakes() -> None:
    wrong = OWNED.replace("escalate_to: [pager]", "escalate_to: [pagre]").replace("rota: search", "rota: serch") + "pauses: {second_route: [gatewy]}"
    with pytest.raises(PolicyError) as mistakes:
        load(wrong)
    assert {mistake.path for mistake in mistakes.value.mistakes} == {"owners[0].escalate_to[0]", "owners[0].rota", "pauses.second_route[0]"}


def test_stories_saw_what_they_speak_of() -> None:
    assert {type(decision) for decision in overspent().decisions} >= {Incident, Notice}
