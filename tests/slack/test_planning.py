"""Spend that people plan in the chat."""

from __future__ import annotations

import pytest

from service.facts import Scope
from service.policy import load
from tests.scenarios.fake_service import NOW_MS
from tests.slack.pressing import MARIA, Room

HOUR_MS = 3_600_000


async def test_what_is_planned_is_a_control_and_said_to_all(room: Room) -> None:
    told = await room.hand.write("plan use_case:migration 800.50 for 6h")
    (control,) = room.controls()
    assert (control.action, control.by, control.scope) == ("plan", f"slack:{MARIA}", Scope("use_case", "migration"))
    assert (control.from_ms, control.until_ms, control.extra_nanos) == (NOW_MS, NOW_MS + 6 * HOUR_MS, 800_500_000_000)
    assert told["response_type"] == "in_channel"
    assert told["text"].startswith("Use case migration may spend $800.50 more until ")
    assert f"<@{MARIA}>" in told["text"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("plan", "cannot be read"),
        ("plan agent:indexer lots for 6h", "cannot be read"),
        ("plan agent:indexer 200 for ever", "must be a duration"),
        ("plan agent:indexer 200 until 2020-01-01T00:00", "over already"),
        ("plan agent:indexer 200 until 9999-12-31T23:59-08:00", "beyond the year 9999"),
        ("plan planet:mars 200 for 6h", "planet"),
        ("plan agent:<!channel> 1.2.3 for 6h", "Not planned"),
    ],
)
async def test_what_cannot_be_planned_is_answered_with_what_to_write(room: Room, words: str, why: str) -> None:
    told = await room.hand.write(words)
    assert room.controls() == []
    assert told["response_type"] == "ephemeral"
    assert why in told["text"]
    assert "<!channel>" not in told["text"]
    assert "`/spend plan agent:indexer 200 for 6h`" in told["text"]


async def test_where_there_are_approvers_only_they_plan(room: Room) -> None:
    room.service.policy = load("pauses: {approvers: [li]}")
    told = await room.hand.write("plan agent:indexer 200 for 6h")
    assert room.controls() == []
    assert "pauses.approvers" in told["text"]
