"""What people press in Slack: done once, and refused where it is too late."""

from __future__ import annotations

import pytest
from msgspec.structs import replace as but

from service.books import IncidentStory
from service.facts import Act, Incident
from tests.samples import DAY_MS
from tests.scenarios.fake_service import INCIDENT, NOW_MS
from tests.slack.pressing import BY, LI, MARIA, ORDERED, PAUSED, Room, Stands, message


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


async def test_what_cannot_be_written_is_said_to_the_one_who_pressed(room: Room) -> None:
    room.service.broken = "disk full"
    assert (await room.hand.press(message(INCIDENT), "acknowledge")).status_code == 200
    assert room.whispers() == ["Not done: the service cannot write at the moment. Press again in a minute."]
