"""What people order from Slack: asked for a reason first, by those who may, and by two where it is about much."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace as but

from service.facts import Act
from service.policy import load
from tests.scenarios.fake_service import INCIDENT, NOW_MS
from tests.slack import limits
from tests.slack.faults import error
from tests.slack.pressing import BY, LI, MARIA, PAUSED, Room, Stands, message


async def test_a_pause_asks_for_a_reason_and_is_ordered_with_it(room: Room) -> None:
    await room.hand.press(message(INCIDENT), "pause")
    (view,) = room.slack.views
    assert room.slack.made("views.open")[0]["trigger_id"] == "trigger-1"
    assert "stop agent indexer now" in view["blocks"][0]["text"]["text"]
    answer = await room.hand.submit(view, "  it loops ")
    assert (answer.status_code, answer.content) == (200, b"")
    (said,) = room.controls()
    assert (said.action, said.incident, said.reason, said.by, said.approved_by) == ("pause", INCIDENT.id, "it loops", BY, "")
    await room.hand.submit(view, "it loops")
    assert room.controls()[1].id == said.id


async def test_a_resume_names_its_order(room: Room, books: Stands) -> None:
    books.now = PAUSED
    await room.hand.press(message(PAUSED), "resume")
    await room.hand.submit(room.slack.views[0], "fixed")
    (said,) = room.controls()
    assert (said.action, said.order, said.reason) == ("resume", "ord-1", "fixed")


async def test_a_modal_that_comes_too_late_says_so_in_itself(room: Room, books: Stands) -> None:
    await room.hand.press(message(INCIDENT), "pause")
    books.now = PAUSED
    answer = await room.hand.submit(room.slack.views[0], "it loops")
    assert answer.json() == {"response_action": "errors", "errors": {"spendwarden.reason": "Not done: an order stands already, since Tue 24 Nov 07:59 UTC."}}
    assert room.service.said == []


@pytest.mark.parametrize("unfit", ["it\0loops", "it \ud800 loops"])
async def test_a_reason_that_cannot_be_kept_is_refused_by_the_modal_as_by_the_door(room: Room, unfit: str) -> None:
    await room.hand.press(message(INCIDENT), "pause")
    answer = await room.hand.submit(room.slack.views[0], unfit)
    assert answer.json()["errors"] == {"spendwarden.reason": "Not done: the reason must not hold NUL or half a surrogate pair."}
    assert room.service.said == []


async def test_a_modal_names_nobody_by_a_mention(room: Room, books: Stands) -> None:
    await room.hand.press(message(INCIDENT), "pause")
    books.now = but(INCIDENT, state="resolved", acts=[Act(NOW_MS, "expected", BY)])
    answer = await room.hand.submit(room.slack.views[0], "it loops")
    assert answer.json()["errors"] == {"spendwarden.reason": "Not done: it is resolved by now. Called expected by somebody on Tue 24 Nov 08:00 UTC."}


async def test_a_long_reason_still_fits_into_a_button(room: Room) -> None:
    room.service.policy = load("pauses: {two_person_usd: 5}")
    await room.hand.press(message(INCIDENT), "pause")
    await room.hand.submit(room.slack.views[0], '"<\n' * 400)
    assert limits.mistakes(room.slack.whispers[0]) == []
    await room.hand.press(room.slack.whispers[0], "approve", user=LI)
    assert room.controls()[0].reason.startswith('"<\n"<')


async def asked_for(room: Room, user: str = MARIA) -> dict[str, Any]:
    """A pause is asked for by one who may not order it alone; the question for the second person."""
    await room.hand.press(message(INCIDENT), "pause", user=user)
    await room.hand.submit(room.slack.views[-1], "it loops <!channel>", user=user, mark=f"V{len(room.slack.views)}")
    assert room.controls() == []
    return room.slack.whispers[-1]


@pytest.mark.parametrize("policy", ["pauses: {two_person_usd: 5}", f"pauses: {{approvers: ['slack:{LI}']}}"], ids=["amount", "approvers"])
async def test_two_people_order_what_one_may_not(room: Room, policy: str) -> None:
    room.service.policy = load(policy)
    question = await asked_for(room)
    assert (question["response_type"], question["thread_ts"]) == ("in_channel", "1548261231.000200")
    assert question["text"] == f"<@{MARIA}> asks to pause agent indexer ($5.00 spent): it loops &lt;!channel&gt;"
    await room.hand.press(question, "approve")
    assert room.whispers() == ["Not done: you asked for it yourself, so somebody else has to approve it."]
    for _ in range(2):
        await room.hand.press(question, "approve", user=LI)
    one, two = room.controls()
    assert one.id == two.id, "two approvals are one order"
    assert (one.action, one.by, one.approved_by, one.reason) == ("pause", BY, f"slack:{LI}", "it loops <!channel>")
    assert room.slack.whispers[-1]["replace_original"]
    assert f"asked for by <@{MARIA}>, approved by <@{LI}>" in room.slack.whispers[-1]["text"]


async def test_of_two_people_one_must_be_an_approver(room: Room) -> None:
    room.service.policy = load("pauses: {approvers: ['slack:U0BOSS0000'], two_person_usd: 5}")
    question = await asked_for(room)
    await room.hand.press(question, "approve", user=LI)
    assert room.controls() == []
    assert room.whispers() == [f"Not done: neither <@{MARIA}> nor you are among the policy's `pauses.approvers`."]
    await room.hand.press(question, "approve", user="U0BOSS0000")
    assert len(room.controls()) == 1


async def test_an_approver_orders_alone(room: Room) -> None:
    room.service.policy = load(f"pauses: {{approvers: ['{BY}'], two_person_usd: 6}}")
    await room.hand.press(message(INCIDENT), "pause")
    await room.hand.submit(room.slack.views[0], "it loops")
    assert [said.by for said in room.controls()] == [BY]


async def test_a_modal_that_slack_does_not_open_is_said(room: Room) -> None:
    room.slack.fail("views.open", error("expired_trigger_id"))
    await room.hand.press(message(INCIDENT), "pause")
    assert room.whispers() == ["The question did not open in time. Press again."]


async def test_a_modal_that_takes_longer_closes_and_is_carried_out_all_the_same(room: Room, books: Stands, monkeypatch: pytest.MonkeyPatch) -> None:
    await room.hand.press(message(INCIDENT), "pause")
    monkeypatch.setattr("service.api.slack.hearing.ANSWER_S", 0.0)
    answer = await room.hand.submit(room.slack.views[0], "it loops")
    assert (answer.status_code, answer.content) == (200, b"")
    assert [said.action for said in room.controls()] == ["pause"]
    books.now = PAUSED
    await room.hand.submit(room.slack.views[0], "it loops", user=LI, mark="V2")
    assert room.whispers() == ["Not done: an order stands already, since Tue 24 Nov 07:59 UTC."]
