"""What people press in Slack: signed or not at all, done once, refused where it is too late, by those who may, and by two where it is about much."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace as but

from service.books import IncidentStory
from service.facts import Act, Incident, Ordered
from service.policy import load
from tests.samples import DAY_MS
from tests.scenarios.fake_service import INCIDENT, NOW_MS, FakeBooks, FakeService
from tests.slack import limits
from tests.slack.pressing import LI, MARIA, Room, message
from tests.slack.server import error

BY = f"slack:{MARIA}"
ORDERED = Ordered("ord-1", "pause", "enforce", "effective", NOW_MS - 60_000, NOW_MS + DAY_MS, "loop")
PAUSED = but(INCIDENT, ordered=ORDERED)


class Stands(FakeBooks):
    """Books that hold one incident as a test wants it."""

    def __init__(self, incident: Incident) -> None:
        super().__init__()
        self.now = incident

    def incident(self, incident_id: str, tenant: str | None) -> IncidentStory | None:
        return IncidentStory([self.now], [], [], []) if incident_id == self.now.id else None


@pytest.fixture
async def room(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    monkeypatch.setattr("service.api.slack.doing.PAUSES_S", ())
    made = Room(FakeService())
    yield made
    await made.door.aclose()
    assert made.slack.mistakes == []


@pytest.fixture
def books(room: Room) -> Stands:
    made = room.service.books = Stands(INCIDENT)
    return made


@pytest.mark.parametrize(
    ("name", "action", "verdict"),
    [("acknowledge", "acknowledge", ""), ("expected", "verdict", "expected"), ("not_useful", "verdict", "not_useful"), ("ticket", "ticket", "")],
)
async def test_a_press_becomes_a_control(room: Room, name: str, action: str, verdict: str) -> None:
    answer = await room.hand.press(message(INCIDENT), name)
    assert (answer.status_code, answer.content) == (200, b"")
    (said,) = room.controls()
    assert (said.action, said.by, said.incident, said.verdict) == (action, BY, INCIDENT.id, verdict)


@pytest.mark.parametrize(("option", "minutes"), [(0, 30), (1, 60), (2, 240)])
async def test_a_snooze_lasts_as_chosen(room: Room, option: int, minutes: int) -> None:
    await room.hand.press(message(INCIDENT), "snooze", option=option)
    assert room.controls()[0].until_ms == NOW_MS + minutes * 60_000
    assert room.whispers()[0].startswith("Snoozed until ")


async def test_a_snooze_until_the_period_ends(room: Room, books: Stands) -> None:
    books.now = but(INCIDENT, period_end_ms=NOW_MS + DAY_MS)
    await room.hand.press(message(books.now), "snooze", option=3)
    assert room.controls()[0].until_ms == NOW_MS + DAY_MS


async def test_a_press_waits_for_books_that_are_a_little_behind(room: Room, books: Stands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.api.slack.doing.PAUSES_S", (0.0, 0.0, 0.0))
    late = [None, IncidentStory([INCIDENT], [], [], [])]
    monkeypatch.setattr(books, "incident", lambda *_: late.pop(0) if late else IncidentStory([but(INCIDENT, revision=2)], [], [], []))
    await room.hand.press(message(but(INCIDENT, revision=2)), "acknowledge")
    assert [said.incident for said in room.controls()] == [INCIDENT.id]
    assert late == []


async def test_a_link_that_is_followed_needs_nothing(room: Room) -> None:
    assert (await room.hand.press(message(INCIDENT), "open")).status_code == 200
    assert room.service.said == []
    assert room.slack.whispers == []


async def test_the_same_press_again_is_the_same_control(room: Room) -> None:
    for _ in range(2):
        await room.hand.press(message(INCIDENT), "acknowledge", mark="1548426417.840180", headers={"x-slack-retry-num": "1"})
    one, two = room.controls()
    assert one.id == two.id, "so the warden does it once"
    await room.hand.press(message(INCIDENT), "acknowledge", mark="1548426417.840180", user=LI)
    assert room.controls()[2].id != one.id


async def test_who_presses_second_is_told_who_was_first(room: Room, books: Stands) -> None:
    shown = message(INCIDENT)
    await room.hand.press(shown, "acknowledge")
    books.now = but(INCIDENT, state="acknowledged", revision=2, acts=[Act(NOW_MS, "acknowledge", BY)])
    await room.hand.press(shown, "acknowledge", user=LI)
    assert len(room.controls()) == 1
    assert room.whispers() == [f"Not done: it is acknowledged by now. Acknowledged by <@{MARIA}> on Tue 24 Nov 08:00 UTC."]


@pytest.mark.parametrize(
    ("now", "name", "words"),
    [
        (but(INCIDENT, state="resolved"), "acknowledge", "Not done: it is resolved by now."),
        (but(INCIDENT, state="resolved"), "snooze", "Not done: it is resolved by now."),
        (but(INCIDENT, state="resolved"), "pause", "Not done: it is resolved by now."),
        (but(INCIDENT, acts=[Act(NOW_MS, "not_useful", BY)]), "expected", f"Not done: it was judged already. Called not useful by <@{MARIA}> on"),
        (PAUSED, "pause", "Not done: an order stands already, since Tue 24 Nov 07:59 UTC."),
        (but(INCIDENT, id="inc-2"), "acknowledge", "Not done: this incident is not known here any more."),
    ],
)
async def test_a_button_of_another_day_is_refused(room: Room, books: Stands, now: Incident, name: str, words: str) -> None:
    books.now = now
    await room.hand.press(message(INCIDENT), name)
    assert room.service.said == []
    assert room.slack.views == []
    (whisper,) = room.whispers()
    assert whisper.startswith(words)


async def test_a_resume_of_an_order_that_has_ended_is_refused(room: Room, books: Stands) -> None:
    shown = message(PAUSED)
    books.now = but(PAUSED, ordered=None)
    await room.hand.press(shown, "resume")
    books.now = but(PAUSED, ordered=but(ORDERED, id="ord-2"))
    await room.hand.press(shown, "resume")
    assert room.whispers() == ["Not done: nothing is stopped because of it any more.", "Not done: another order stands by now; look at the message as it is."]


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


async def test_what_cannot_be_written_is_said_to_the_one_who_pressed(room: Room) -> None:
    room.service.broken = "disk full"
    assert (await room.hand.press(message(INCIDENT), "acknowledge")).status_code == 200
    assert room.whispers() == ["Not done: the service cannot write at the moment. Press again in a minute."]


async def test_a_modal_that_slack_does_not_open_is_said(room: Room) -> None:
    room.slack.fail("views.open", error("expired_trigger_id"))
    await room.hand.press(message(INCIDENT), "pause")
    assert room.whispers() == ["The question did not open in time. Press again."]


# ---------------------------------------------------------------- who may come in


@pytest.mark.parametrize("path", ["/slack/actions", "/slack/commands"])
async def test_nobody_without_the_signature_comes_in(room: Room, path: str) -> None:
    form = {"payload": "{}", "text": "total"}
    room.hand.secret = "another"
    refused = [await room.hand.send(path, form)]
    room.hand.secret = "8f742231b10e8888abcd99yyyzzz85a5"
    refused += [await room.hand.send(path, form, age_s=301), await room.hand.send(path, form, age_s=-301), await room.door.post(path, data=form)]
    refused += [
        await room.hand.send(path, form, {"x-slack-request-timestamp": "soon"}),
        await room.hand.send(path, form, {"x-slack-signature": "v0=ü".encode()}),
    ]
    assert [answer.status_code for answer in refused] == [401] * 6
    assert {answer.json()["field"] for answer in refused} == {"X-Slack-Signature"}
    assert (await room.hand.send(path, form, age_s=299)).status_code == 200


async def test_a_body_that_was_changed_is_refused(room: Room) -> None:
    answer = await room.hand.send("/slack/actions", {"payload": "{}"})
    assert answer.status_code == 200
    sent = answer.request
    changed = await room.door.post(
        "/slack/actions", content=sent.content + b"&payload=%7B%7D", headers=dict(sent.headers) | {"content-length": str(len(sent.content) + 15)}
    )
    assert changed.status_code == 401


RUBBISH: dict[str, Any] = {
    "nothing": "",
    "no json": "{",
    "deep": "[" * 100_000,
    "a list": [],
    "no user": {"type": "block_actions", "actions": []},
    "another type": {"type": "shortcut", "user": {"id": MARIA}},
    "no actions": {"type": "block_actions", "user": {"id": MARIA}, "actions": "none"},
    "someone else's action": {"type": "block_actions", "user": {"id": MARIA}, "actions": [{"action_id": "approve_leave", "value": "a|1||"}, 7]},
    "a torn value": {"type": "block_actions", "user": {"id": MARIA}, "actions": [{"action_id": "spendwarden.acknowledge", "value": "inc-1|x"}]},
    "a torn question": {"type": "block_actions", "user": {"id": MARIA}, "actions": [{"action_id": "spendwarden.approve", "value": '{"press": "fly"}'}]},
    "someone else's modal": {"type": "view_submission", "user": {"id": MARIA}, "view": {"callback_id": "leave", "private_metadata": "{}"}},
    "a torn modal": {"type": "view_submission", "user": {"id": MARIA}, "view": {"callback_id": "spendwarden.order", "private_metadata": "[]", "state": 1}},
}


@pytest.mark.parametrize("payload", RUBBISH.values(), ids=RUBBISH)
async def test_what_is_none_of_ours_changes_nothing(room: Room, payload: Any) -> None:
    answer = await room.hand.send("/slack/actions", {"payload": payload if isinstance(payload, str) else json.dumps(payload)})
    assert answer.status_code == 200
    assert room.service.said == []


async def test_without_a_slack_receiver_there_is_nothing_here(room: Room) -> None:
    from tests.scenarios.door.client import client_of  # noqa: PLC0415 -- the door without chats

    async with client_of(FakeService()) as door:
        answer = await door.post("/slack/actions", data={"payload": "{}"})
    assert answer.status_code == 404
    assert "signing_secret" in answer.json()["detail"]


# ---------------------------------------------------------------- /spend


async def test_spend_answers_the_one_who_asks(room: Room) -> None:
    told = await room.hand.write("agent:indexer")
    assert told["response_type"] == "ephemeral"
    assert told["text"] == "Spend of agent indexer: $1.23 in 2 records today, $1.23 in 2 records this month."
    text = json.dumps(told["blocks"])
    assert "b1: $0.0000 of $50.00" in text
    assert "inc-1" in text
    asked = [each.span for each in room.service.books.asked if hasattr(each, "span")]
    assert [tuple(each) for each in asked] == [(29_925_120 - 480, 29_925_120 + 960), (29_891_520, 29_934_720)]


@pytest.mark.parametrize(("text", "scope"), [("", "total"), ("total", "total"), ("use_case kyc", "use_case"), ("label.team:core", "label.team")])
async def test_spend_reads_a_scope_as_people_write_it(room: Room, text: str, scope: str) -> None:
    assert "blocks" in await room.hand.write(text)
    assert {each.scope.kind for each in room.service.books.asked if hasattr(each, "span")} == {scope}


@pytest.mark.parametrize("text", ["indexer", "agent:", "colour:red", "<!channel>"])
async def test_what_cannot_be_read_is_answered_with_what_to_write(room: Room, text: str) -> None:
    told = await room.hand.write(text)
    assert "`/spend agent:indexer`" in told["text"]
    assert "<!" not in told["text"]


# ---------------------------------------------------------------- what takes longer than Slack waits


async def test_an_answer_that_takes_longer_comes_after(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.api.slack.hearing.ANSWER_S", 0.0)
    assert (await room.hand.write("total"))["text"] == "Looking it up…"
    (said,) = room.slack.whispers
    assert said["text"].startswith("Spend of all AI spend")


async def test_a_modal_that_takes_longer_closes_and_is_carried_out_all_the_same(room: Room, books: Stands, monkeypatch: pytest.MonkeyPatch) -> None:
    await room.hand.press(message(INCIDENT), "pause")
    monkeypatch.setattr("service.api.slack.hearing.ANSWER_S", 0.0)
    answer = await room.hand.submit(room.slack.views[0], "it loops")
    assert (answer.status_code, answer.content) == (200, b"")
    assert [said.action for said in room.controls()] == ["pause"]
    books.now = PAUSED
    await room.hand.submit(room.slack.views[0], "it loops", user=LI, mark="V2")
    assert room.whispers() == ["Not done: an order stands already, since Tue 24 Nov 07:59 UTC."]
