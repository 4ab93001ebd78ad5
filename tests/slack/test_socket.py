"""Socket mode: what is pressed reaches a service that nobody can call, also after the connection broke, and no secret reaches a log."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from service.clock import now_ms
from tests.scenarios.live_service import live, until
from tests.slack.pressing import MARIA, Hand
from tests.slack.server import TOKEN, FakeSlack
from tests.slack.socketed import APP_TOKEN, socketed
from tests.slack.test_live import root, shows

POLICY = """
budgets: [{{name: all-day, scope: total, period: day, limit_usd: 100, thresholds: [50]}}]
receivers: [{{name: spend, kind: slack, channel: "#kyc-spend", token: "env:SLACK_BOT_TOKEN", app_token: "env:SLACK_APP_TOKEN", base_url: "{url}"}}]
"""


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
    monkeypatch.setenv("SLACK_APP_TOKEN", APP_TOKEN)
    monkeypatch.setattr("service.couriers.slack.socket.PING_S", 0.1)


async def test_a_press_comes_over_the_socket_and_again_after_it_broke(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    slack = FakeSlack(clock=now_ms)
    async with socketed(slack) as (url, wire), live(tmp_path, POLICY.format(url=url)) as service:
        hand = Hand(service.door, now_ms, response_url=f"{slack.place}/response/1")
        await service.taken(60)
        await until(service.is_booked)
        await until(shows(slack, "has passed 50 %"))
        told = await wire.say("slash_commands", {"command": "/spend", "text": "total", "user_id": MARIA}, "e1")
        assert told["payload"]["text"].startswith("Spend of all AI spend: $60.00")
        await wire.drop()
        assert await wire.say("interactive", hand.payload(root(slack), "acknowledge"), "e2") == {"envelope_id": "e2"}
        await until(shows(slack, f"Acknowledged by <@{MARIA}> on"))
        assert len(wire.open) >= 2
        assert await wire.say("hello_again", {}, "e3") == {"envelope_id": "e3"}
    assert set(wire.asked) == {f"Bearer {APP_TOKEN}"}
    assert not any(secret in caplog.text for secret in (APP_TOKEN, TOKEN, "secret-ticket"))
    assert slack.mistakes == []


async def test_a_service_without_a_socket_asks_for_none(tmp_path: Path) -> None:
    slack = FakeSlack(clock=now_ms)
    policy = POLICY.replace('app_token: "env:SLACK_APP_TOKEN", ', "")
    async with socketed(slack) as (url, wire), live(tmp_path, policy.format(url=url)) as service:
        await service.taken(60)
        await until(shows(slack, "has passed 50 %"))
        answer = await service.door.post("/slack/actions", data={"payload": json.dumps({})})
        assert answer.status_code == 404, "and nobody can press anything"
    assert wire.asked == []
