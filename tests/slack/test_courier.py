"""One incident is one message: it grows by edits, its thread tells each change of state, and its owner is called once."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace as but

from service.couriers.port import Delivered, GaveUp, RetryLater
from service.couriers.trial import trial
from service.facts import Act
from tests.core.episodes import BUDGET, LOOP
from tests.samples import NIGHT_MS, NOTICE, ORDER
from tests.slack import published
from tests.slack.desk import Desk, receiver, step
from tests.slack.faults import error, status


async def test_an_incident_that_develops_is_one_message_and_its_thread(desk: Desk) -> None:
    grown = but(LOOP, spend_nanos=24 * 10**9)
    for notice in (step(LOOP, "opened", revision=1), step(grown, "worse", revision=2), step(grown, "acknowledged", revision=3)):
        assert await desk.tell(notice) == Delivered()
    (root,) = desk.slack.roots()
    assert [each["thread_ts"] for each in desk.slack.replies()] == [root["ts"]] * 2
    assert root["edited"]
    assert "$24.00" in root["text"]
    assert root["metadata"] == {"event_type": "spendwarden_incident", "event_payload": {"incident": LOOP.id, "revision": 3}}


async def test_a_bare_step_edits_and_says_nothing_new(desk: Desk) -> None:
    assert await desk.tell(but(LOOP, revision=2)) == Delivered(), "nobody was told of it, so there is nothing to edit"
    assert desk.slack.calls == []
    await desk.tell(step(LOOP, "opened", revision=1))
    for spent in (7, 8, 8):
        assert await desk.tell(but(LOOP, revision=1, time_ms=LOOP.time_ms + spent, spend_nanos=spent * 10**9)) == Delivered()
    assert [method for method, _ in desk.slack.calls] == ["chat.postMessage", "chat.update", "chat.update"], "what changes nothing is not edited"
    assert "$8.00" in desk.slack.roots()[0]["text"]


async def test_an_older_step_changes_nothing_back(desk: Desk) -> None:
    await desk.tell(step(LOOP, "opened", revision=1))
    await desk.tell(but(LOOP, revision=5, spend_nanos=50 * 10**9))
    await desk.tell(step(LOOP, "worse", revision=3, spend_nanos=30 * 10**9))
    assert "$50.00" in desk.slack.roots()[0]["text"]
    assert len(desk.slack.replies()) == 1


@pytest.mark.parametrize("item", [step(LOOP, "opened"), ORDER, but(NOTICE, reason="storm")], ids=["notice", "order", "storm"])
async def test_the_same_item_again_is_told_once(desk: Desk, item: object) -> None:
    for _ in range(3):
        assert await desk.tell(item) == Delivered()  # type: ignore[arg-type]
        desk.again()
    assert len(desk.slack.made("chat.postMessage")) == 1


async def test_a_storm_does_not_become_the_message_of_the_incident_it_names(desk: Desk) -> None:
    await desk.tell(but(step(LOOP), reason="storm"))
    await desk.tell(step(LOOP, "worse", revision=2))
    await desk.tell(step(LOOP, "resolved", revision=3))
    assert len(desk.slack.roots()) == 2
    assert len(desk.slack.replies()) == 1


async def test_the_owner_hears_it_in_the_own_channel_and_is_called_once_and_when_it_escalates(desk: Desk) -> None:
    for revision, reason in enumerate(("opened", "worse", "acknowledged", "escalated", "resolved"), 1):
        await desk.tell(but(step(BUDGET, reason, revision=revision), mention="U024BE7LH" if reason in ("opened", "escalated") else ""))
        await desk.tell(but(BUDGET, revision=revision, time_ms=NIGHT_MS + revision, spend_nanos=revision))
    assert desk.slack.roots("C1") == []
    called = [(method, "<@U024BE7LH>" in json.dumps(given)) for method, given in desk.slack.calls]
    assert [method for method, is_called in called if is_called] == ["chat.postMessage"] * 2
    assert "<@U024BE7LH>" in desk.slack.replies("C2")[2]["text"]
    assert "<@" not in desk.slack.roots("C2")[0]["text"]


async def test_who_acknowledged_is_shown(desk: Desk) -> None:
    await desk.tell(step(LOOP, "opened"))
    await desk.tell(step(LOOP, "acknowledged", revision=2, state="acknowledged", acts=[Act(NIGHT_MS, "acknowledge", "slack:U0G9QF9C6")]))
    assert "Acknowledged by <@U0G9QF9C6> on Wed 19 Nov 02:14 UTC." in json.dumps(desk.slack.roots()[0]["blocks"])


@pytest.mark.parametrize(
    ("code", "words"),
    [("is_archived", "the channel is archived"), ("channel_not_found", "there is no such channel"), ("not_in_channel", "the bot is not in the channel")],
)
async def test_a_channel_that_is_gone_is_stood_in_for_by_the_receivers_own(desk: Desk, code: str, words: str) -> None:
    desk.slack.fail("chat.postMessage", error(code))
    assert await desk.tell(step(BUDGET, "opened")) == Delivered()
    await desk.tell(step(BUDGET, "worse", revision=2))
    (root,) = desk.slack.roots("C1")
    assert f"This is told here because {words}" in json.dumps(root["blocks"])
    assert len(desk.slack.replies("C1")) == 1
    assert desk.slack.roots("C2") == []


async def test_a_channel_without_a_substitute_is_given_up_in_words(desk: Desk) -> None:
    desk.slack.channels["C1"].archived = True
    reason = "the channel is archived (#ai-spend, is_archived): name another channel, or invite the bot there"
    assert await desk.tell(step(LOOP, "opened")) == GaveUp(reason)


async def test_a_revoked_token_is_given_up_in_words_and_a_new_one_goes_on(desk: Desk) -> None:
    desk.slack.token = "xoxb-another"
    outcome = await desk.tell(step(BUDGET, "opened"))
    assert isinstance(outcome, GaveUp)
    assert outcome.reason.startswith("the bot token was revoked (token_revoked): make a new bot token")
    assert len(desk.slack.calls) == 1, "another channel would not help"


async def test_a_channel_that_is_full_waits_alone(desk: Desk) -> None:
    desk.slack.fail("chat.postMessage", status(429, {"retry-after": "30"}))
    assert await desk.tell(step(LOOP, "opened")) == RetryLater(30.0, "429 Too Many Requests", alone=True)
    assert await desk.tell(step(BUDGET, "opened")) == Delivered(), "another channel has room"
    before = len(desk.slack.calls)
    waits = await desk.tell(step(but(LOOP, id="inc-2"), "opened"))
    assert isinstance(waits, RetryLater)
    assert waits.alone
    assert len(desk.slack.calls) == before, "who was asked to wait is not asked again"
    desk.wait(30)
    assert await desk.tell(step(LOOP, "opened")) == Delivered()


async def test_what_slack_refuses_in_this_form_is_told_as_text(desk: Desk) -> None:
    desk.slack.fail("chat.postMessage", error("invalid_blocks"))
    assert await desk.tell(step(LOOP, "opened")) == Delivered()
    (root,) = desk.slack.roots()
    assert "blocks" not in root
    assert LOOP.id in root["text"]


async def test_a_message_that_somebody_deleted_is_not_edited_and_the_next_notice_opens_another(desk: Desk) -> None:
    await desk.tell(step(LOOP, "opened"))
    desk.slack.channels["C1"].messages.clear()
    assert await desk.tell(but(LOOP, revision=2, spend_nanos=1)) == Delivered()
    assert desk.slack.roots() == []
    assert await desk.tell(step(LOOP, "worse", revision=3)) == Delivered()
    assert len(desk.slack.roots()) == 1
    assert desk.slack.replies() == []


async def test_a_message_that_cannot_be_edited_any_more_still_gets_its_replies(desk: Desk) -> None:
    await desk.tell(step(LOOP, "opened"))
    desk.slack.fail("chat.update", error("edit_window_closed"), error("cant_update_message"))
    assert await desk.tell(step(LOOP, "worse", revision=2)) == Delivered()
    assert await desk.tell(but(LOOP, revision=3, spend_nanos=1)) == Delivered()
    assert len(desk.slack.replies()) == 1


async def test_every_request_is_as_slack_describes_it(desk: Desk, described: None) -> None:
    await desk.tell(step(LOOP, "opened"))
    await desk.tell(step(LOOP, "worse", revision=2))
    assert published.mistakes("chat.postMessage", {"text": 1, "colour": "red"}, authorized=False) == [
        "chat.postMessage: colour is unknown",
        "chat.postMessage: no token",
        "chat.postMessage: channel is missing",
        "chat.postMessage: text is no string",
    ]


@pytest.mark.parametrize(
    ("code", "mend"), [("token_revoked", "xoxb-"), ("missing_scope", "xoxb-"), ("not_in_channel", "invited"), ("channel_not_found", "invited")]
)
async def test_a_trial_says_what_to_mend(desk: Desk, code: str, mend: str) -> None:
    desk.slack.fail("chat.postMessage", error(code))
    (tried,) = await trial(receiver(), desk.courier, lambda: NIGHT_MS)
    assert mend in tried.mend
