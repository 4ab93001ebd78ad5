"""A thousand incidents in a minute: each told once, the channel kept to its pace, nothing tried in vain more than a little; a storm is one message."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace as but

from service.couriers.deliveries import Remembered, SqliteDeliveries
from service.couriers.dispatcher import Dispatcher
from service.couriers.port import Parts
from service.couriers.slack import SlackCourier
from service.facts import Control, Incident, Kept, Notice, Receipt
from tests.core.episodes import LOOP
from tests.samples import NIGHT_MS, notice
from tests.scenarios.story import Story
from tests.slack.desk import Desk, receiver
from tests.slack.server import FakeSlack

MANY = 1_000


def incidents() -> list[Incident]:
    return [
        but(LOOP, id=f"inc-{number:04d}", time_ms=NIGHT_MS + number * 60, severity="critical" if number % 100 == 0 else "warning") for number in range(MANY)
    ]


@pytest.mark.slow
async def test_a_thousand_incidents_are_told_once_each_at_the_channel_s_pace(tmp_path: Path) -> None:
    now_ms = NIGHT_MS
    slack = FakeSlack(clock=lambda: now_ms, per_channel_s=1.0)
    deliveries = SqliteDeliveries(tmp_path / "deliveries.db")
    receipts: list[Receipt | Control] = []

    async def record(said: Receipt | Control) -> None:
        receipts.append(said)

    async def never(_: float) -> None:
        raise AssertionError

    parts = Parts(public_url="", clock=lambda: now_ms, memory=Remembered.of(deliveries, lambda: now_ms), transport=slack)
    spend = receiver()
    courier = SlackCourier(spend, parts)
    dispatcher = Dispatcher([spend], {spend.name: courier}, deliveries, record, clock=lambda: now_ms, sleep=never, draw=lambda: 0.5)
    told: list[Notice] = [but(notice(each, "opened"), id=f"ntc-{each.id}") for each in incidents()]
    await dispatcher.take(0, 1, told)
    while (wait_ms := await dispatcher.deliver_due()) is not None:
        now_ms += max(wait_ms, 1)
    deliveries.close()
    assert len(slack.roots()) == MANY
    assert {root["metadata"]["event_payload"]["incident"] for root in slack.roots()} == {each.id for each in incidents()}
    assert [each.state for each in receipts if isinstance(each, Receipt)] == ["delivered"] * MANY
    assert len(slack.calls) == MANY + 1, "one was sent in vain, the others waited for their turn"
    assert now_ms - NIGHT_MS == (MANY - 1) * 1_000, "the channel is used as far as it may be"
    assert slack.mistakes == []


async def test_a_storm_is_one_message_with_its_members_in_the_thread(desk: Desk) -> None:
    kept = [Kept(f"inc-{number}", f"Agent a{number} repeats itself in a loop <!here>: $6.12") for number in range(40)]
    storm = but(notice(LOOP, "storm"), kept=kept)
    for _ in range(2):
        await desk.tell(storm)
        desk.again()
    (root,), (members,) = desk.slack.roots(), desk.slack.replies()
    assert members["thread_ts"] == root["ts"]
    assert "inc-39" in json.dumps(members)
    assert "<!here>" not in json.dumps(members)


def test_the_warden_says_whom_a_storm_kept_back_and_calls_who_owns_the_one_it_names() -> None:
    story = Story("{caps: [{scope: {agent: '*'}, limit_usd: 1}], owners: [{name: Search, mention: ann}]}")
    for number in range(60):
        story.call("2", "+10ms", agent=f"agent-{number}", execution_id=f"run-{number}")
    story.wait("+2m")
    (storm,) = [each for each in story.notices() if each.reason == "storm"]
    assert len(storm.kept) == 30
    assert storm.kept[0].incident == storm.incident
    assert storm.mention == "ann", "of this one it is the first word"
    assert len({each.incident for each in storm.kept}) == 30
    assert all(each.title.startswith("Agent agent-") for each in storm.kept)
