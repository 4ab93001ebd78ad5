"""`/spend SCOPE`: what was spent, for the one who asks."""

from __future__ import annotations

import json

import pytest

from tests.scenarios.fake_service import FakeService
from tests.slack.pressing import Room


async def test_spend_answers_the_one_who_asks(room: Room) -> None:
    told = await room.hand.write("agent:indexer")
    assert told["response_type"] == "ephemeral"
    assert told["text"] == "Spend of agent indexer: $1.23 in 2 records today, $1.23 in 2 records this month."
    text = json.dumps(told["blocks"])
    assert "b1: $0.0000 of $50.00" in text
    assert "inc-1" in text
    asked = [each.span for each in room.service.books.asked if hasattr(each, "span")]
    assert [tuple(each) for each in asked] == [(29_925_120 - 480, 29_925_120 + 960), (29_891_520, 29_934_720)]


async def test_what_is_asked_and_planned_is_of_the_receiver_s_tenant() -> None:
    room = Room(FakeService(), tenant="acme")
    for words in ("agent:indexer", "plan agent:indexer 5 for 6h"):
        await room.hand.write(words)
    assert {each.tenant for each in room.service.books.asked} == {"acme"}
    assert [said.tenant for said in room.controls()] == ["acme"]
    await room.door.aclose()


@pytest.mark.parametrize(("text", "scope"), [("", "total"), ("total", "total"), ("use_case kyc", "use_case"), ("label.team:core", "label.team")])
async def test_spend_reads_a_scope_as_people_write_it(room: Room, text: str, scope: str) -> None:
    assert "blocks" in await room.hand.write(text)
    assert {each.scope.kind for each in room.service.books.asked if hasattr(each, "span")} == {scope}


@pytest.mark.parametrize("text", ["indexer", "agent:", "colour:red", "<!channel>"])
async def test_what_cannot_be_read_is_answered_with_what_to_write(room: Room, text: str) -> None:
    told = await room.hand.write(text)
    assert "`/spend agent:indexer`" in told["text"]
    assert "<!" not in told["text"]


async def test_an_answer_that_takes_longer_comes_after(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.api.slack.hearing.ANSWER_S", 0.0)
    assert (await room.hand.write("total"))["text"] == "Looking it up…"
    (said,) = room.slack.whispers
    assert said["text"].startswith("Spend of all AI spend")
