"""On Kafka a worker tells Slack and draws, the door hears what is pressed and written there, and the worker's message says who."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from service.clock import now_ms
from tests.kafka.broker import Broker
from tests.kafka.served import served, until
from tests.slack.pressing import MARIA, Hand
from tests.slack.served import served as slack_served
from tests.slack.server import SIGNING_SECRET, TOKEN, FakeSlack

POLICY = """
budgets: [{{name: indexer-day, scope: {{agent: indexer}}, period: day, limit_usd: 1, thresholds: [50]}}]
receivers: [{{name: spend, kind: slack, channel: "#ai-spend", token: "env:SLACK_BOT_TOKEN", signing_secret: "env:SLACK_SIGNING_SECRET", base_url: "{url}"}}]
"""


@pytest.mark.slow
async def test_what_is_pressed_reaches_the_journal_and_the_message_says_who(broker: Broker, prefix: str, tmp_path: Path) -> None:
    slack, secrets = FakeSlack(clock=now_ms), {"SLACK_BOT_TOKEN": TOKEN, "SLACK_SIGNING_SECRET": SIGNING_SECRET}
    apart = dict.fromkeys(("serve", "worker", "notify"), secrets)
    async with slack_served(slack) as url, served(broker, prefix, tmp_path, f"sqlite:///{tmp_path}/books.db", apart=apart) as service:
        service.serve("--policy", service.policy(POLICY.format(url=url)), "--insecure-loopback")
        await until(service.is_ready)
        service.work()
        assert (await service.post(60)).status_code == 202

        async def is_told() -> bool:
            return bool(slack.roots()) and bool(await service.items("incidents"))

        async def says_who() -> bool:
            return f"Acknowledged by <@{MARIA}> on" in json.dumps(slack.roots()[0]["blocks"])

        await until(is_told)
        hand = Hand(service.door, now_ms, response_url=f"{slack.place}/response/1")
        assert (await hand.press(slack.roots()[0], "acknowledge")).status_code == 200
        await until(says_who)

        async def is_booked() -> bool:
            [incident] = await service.items("incidents")
            return [(act["what"], act["by"]) for act in incident.get("acts", [])] == [("acknowledge", f"slack:{MARIA}")]

        await until(is_booked)
        assert (await hand.write("agent:indexer"))["text"].startswith("Spend of agent indexer: $0.60 in 60 records today")
        assert (await hand.write("plan agent:indexer 200 for 6h"))["text"].startswith("Agent indexer may spend $200.00 more until ")

        async def is_entered() -> bool:
            said = [entry["said"] for entry in await service.items("audit") if entry["what"] == "control"]
            return [(each["action"], each["by"]) for each in said] == [("plan", f"slack:{MARIA}"), ("acknowledge", f"slack:{MARIA}")]

        async def is_drawn() -> bool:
            return [(each["channel_id"], each["thread_ts"]) for each in slack.hung] == [("C1", slack.roots()[0]["ts"])]

        await until(is_entered)
        await until(is_drawn)
        assert len(slack.roots()) == 1
        tried = await asyncio.to_thread(service.run, "notify", "test", "spend", "--brokers", service.brokers)
        assert re.search(r"test notice +delivered .*\n +its end +delivered", tried.stdout), tried.stdout + tried.stderr
    assert slack.mistakes == []
