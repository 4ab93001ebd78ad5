"""On Kafka a worker tells Slack and draws; the door hears what is pressed and written there, by its address and over a socket; the message says who."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from service.clock import now_ms
from tests.bench.live import receiver
from tests.kafka.broker import Broker
from tests.kafka.served import Served, served, until
from tests.slack.pressing import LI, MARIA, Hand
from tests.slack.server import SIGNING_SECRET, TOKEN, FakeSlack
from tests.slack.socketed import APP_TOKEN, socketed

POLICY = """
budgets: [{{name: indexer-day, scope: {{agent: indexer}}, period: day, limit_usd: 1, thresholds: [50]}}]
pauses: {{two_person_usd: 0.10}}
receivers:
  - {{name: orchestrator, kind: webhook, url: "http://127.0.0.1:{hook}/", secret: "env:ORDERS_SECRET", takes: orders}}
  - name: spend
    kind: slack
    channel: "#ai-spend"
    token: "env:SLACK_BOT_TOKEN"
    signing_secret: "env:SLACK_SIGNING_SECRET"
    app_token: "env:SLACK_APP_TOKEN"
    base_url: "{slack}"
"""


@pytest.mark.slow
async def test_what_is_pressed_and_written_is_entered_and_the_message_says_who(broker: Broker, prefix: str, tmp_path: Path) -> None:
    slack, events = FakeSlack(clock=now_ms), list[dict[str, Any]]()
    secrets = {"SLACK_BOT_TOKEN": TOKEN, "SLACK_SIGNING_SECRET": SIGNING_SECRET, "SLACK_APP_TOKEN": APP_TOKEN}
    async with (
        socketed(slack) as (url, wire),
        receiver(events.append) as hook,
        served(broker, prefix, tmp_path, f"sqlite:///{tmp_path}/books.db", apart=dict.fromkeys(("serve", "worker", "notify"), secrets)) as service,
    ):
        service.serve("--policy", service.policy(POLICY.format(slack=url, hook=hook)), "--insecure-loopback")
        await until(service.is_ready)
        service.work()
        assert (await service.post(60)).status_code == 202
        await pressed(service, slack)
        told = await wire.say("slash_commands", {"command": "/spend", "text": "plan agent:indexer 200 for 6h", "user_id": MARIA}, "e1")
        assert told["payload"]["text"].startswith("Agent indexer may spend $200.00 more until ")

        async def is_entered() -> bool:
            said = [entry["said"] for entry in reversed(await service.items("audit")) if entry["what"] == "control"]
            by = [(each["action"], each["by"], each.get("approved_by")) for each in said]
            return by == [("acknowledge", f"slack:{MARIA}", None), ("pause", f"slack:{MARIA}", f"slack:{LI}"), ("plan", f"slack:{MARIA}", None)]

        async def is_drawn() -> bool:
            return [(each["channel_id"], each["thread_ts"]) for each in slack.hung] == [("C1", slack.roots()[0]["ts"])]

        async def is_ordered() -> bool:
            return [(event["type"], event["subject"]) for event in events] == [("spendwarden.order.pause", "agent/indexer")]

        for holds in (is_entered, is_drawn, is_ordered):
            await until(holds)
        assert len(slack.roots()) == 1
        tried = await asyncio.to_thread(service.run, "notify", "test", "spend", "--brokers", service.brokers)
        assert re.search(r"test notice +delivered .*\n +its end +delivered", tried.stdout), tried.stdout + tried.stderr
    assert slack.mistakes == []


async def pressed(service: Served, slack: FakeSlack) -> None:
    """One takes it up and wants it paused, another agrees, since it is about so much money; then the message says so."""
    hand = Hand(service.door, now_ms, response_url=f"{slack.place}/response/1")

    async def is_told() -> bool:
        return bool(slack.roots()) and bool(await service.items("incidents"))

    async def is_asked() -> bool:
        return bool(slack.views)

    async def is_offered() -> bool:
        return bool(slack.whispers) and "approve" in json.dumps(slack.whispers[-1])

    async def says_who() -> bool:
        said = json.dumps(slack.roots()[0]["blocks"])
        return f"Acknowledged by <@{MARIA}> on" in said and f"Pause ordered by <@{MARIA}> and <@{LI}> on" in said

    await until(is_told)
    for name in ("acknowledge", "pause"):
        assert (await hand.press(slack.roots()[0], name)).status_code == 200
    await until(is_asked)
    await hand.submit(slack.views[0], "all of it")
    await until(is_offered)
    await hand.press(slack.whispers[-1], "approve", user=LI)
    await until(says_who)
    assert (await hand.write("agent:indexer"))["text"].startswith("Spend of agent indexer: $0.60 in 60 records today")
