"""Stories of the gentler order: who is to use a cheaper tier of models, and which, up to what the orchestrator reads."""

from __future__ import annotations

import pytest

from service.couriers.events import event_of
from service.facts import Order
from service.messages.transcript import transcript_line
from service.policy import load
from service.policy.advice import advice
from tests.scenarios.story import Story, golden

PAUSES = 'pauses: {mode: enforce, on: [loop], allow: [{agent: "*"}, {execution: "*"}, {user: "*"}], min_loss_usd: 0}\n'
CAP = 'caps: [{scope: {workflow: "*"}, limit_usd: 2, action: degrade, tier: small}]\n' + PAUSES
RULE = "tiers: [{match: {workflow: triage}, allow: [small, mid], action: degrade}]\nprices: {overrides: [{model: huge, tier: large}]}\n" + PAUSES


def degraded(story: Story) -> Order:
    """The one order, as the webhook and the transcript carry it."""
    (order,) = story.orders("degrade")
    assert event_of(order, "https://spend.example")["data"]["tier"] == transcript_line(order)["tier"] == order.tier
    assert story.engine.warden.tenants["default"].orders[order.id].tier == order.tier
    return order


def test_a_run_over_its_cap_goes_on_with_the_tier_that_the_cap_names() -> None:
    story = Story(CAP).call("1.5", workflow="daily", execution_id="run-1").call("0.6", "+1s", workflow="daily", execution_id="run-1").wait("+1m")
    order = degraded(story)
    assert (order.tier, order.scope.kind, order.action) == ("small", "execution", "degrade")
    assert any(step.ordered is not None and step.ordered.tier == "small" for step in (notice.about for notice in story.notices()))
    golden("a_cap_that_degrades", story)


def test_who_may_not_use_a_dear_model_is_degraded_to_the_dearest_that_is_allowed() -> None:
    story = Story(RULE).call("0.1", workflow="triage", model="huge", input_tokens=10).wait("+1m")
    assert (degraded(story).tier, degraded(story).scope.name) == ("mid", "indexer")


def test_who_goes_on_with_a_cheaper_tier_has_ignored_nothing_and_is_let_go_in_the_end() -> None:
    story = Story(CAP).call("2.1", workflow="daily", execution_id="run-1").wait("+1m")
    order = degraded(story)
    story.answers(order, "accepted")
    for _ in range(20):
        story.call("0.01", "+10s", workflow="daily", execution_id="run-1")
    story.wait("+25h")
    assert story.states(order) == ["requested", "accepted", "expired"]
    assert [(resume.scope, resume.reason) for resume in story.orders("resume")] == [(order.scope, "expired")]


def test_a_quota_degrades_too() -> None:
    story = Story('quotas: [{scope: {user: "*"}, period: day, tokens: 100, action: degrade, tier: small}]\n' + PAUSES)
    assert degraded(story.call("0", user="u1", input_tokens=101).wait("+1m")).tier == "small"


@pytest.mark.parametrize(("second", "action", "tier"), [("pause", "pause", ""), ("degrade, tier: mid", "degrade", "small"), ("ticket", "degrade", "small")])
def test_of_several_caps_a_pause_goes_first_and_then_the_first_that_is_written(second: str, action: str, tier: str) -> None:
    story = Story(CAP.replace("}]\npauses", "}, {scope: {agent: indexer}, limit_usd: 3, action: " + second + "}]\npauses"))
    story.call("2.5", workflow="daily", execution_id="run-1").wait("+1m")
    assert [order.tier for order in story.orders(action)] == [tier]


def test_a_tier_that_is_not_named_or_not_known_is_told() -> None:
    nameless = load(CAP.replace(", tier: small", "").replace("mode: enforce", "mode: observe"))
    assert [warning.path for warning in advice(nameless, str, ())] == ["caps[0].tier"]
    with pytest.raises(ValueError, match=r"caps\[0\]\.tier: no tier is called `smal`; did you mean `small`"):
        load(CAP.replace("tier: small", "tier: smal"))
