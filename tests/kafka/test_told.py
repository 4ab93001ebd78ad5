"""On Kafka a worker that comes late tells what fell due; it is killed between a post and its receipt, and still all is told once and ordered once."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from service.clock import now_ms
from service.facts import MINUTE_MS
from service.log.kafka import Cluster
from service.log.kafka.topics import IN
from service.policy import load
from service.policy.reports import DAYS
from service.records import Usage
from tests.bench.live import receiver
from tests.kafka.broker import Broker
from tests.kafka.past import remembered
from tests.kafka.test_worker import PARTITIONS, Workers, cluster, workers
from tests.scenarios.small_service import SmallService
from tests.slack.faults import Fault
from tests.slack.pressing import LI, MARIA
from tests.slack.served import served
from tests.slack.server import TOKEN, FakeSlack

__all__ = ["cluster", "workers"]

POLICY = """
caps: [{{scope: {{workflow: "*"}}, limit_usd: 2, action: pause}}, {{scope: {{agent: crawler}}, limit_usd: 2, action: ticket}}]
pauses: {{mode: enforce, on: [], allow: [{{execution: "*"}}], min_loss_usd: 0, proof_s: 5}}
owners: [{{match: {{agent: crawler}}, name: KYC team, slack: "#kyc-spend", rota: kyc, escalate_after: 30m, escalate_to: [pager]}}]
rotas: [{{name: kyc, people: [{on_duty}, {next}], from: {due:%Y-%m-%d}}}]
reports:
  - {{kind: digest, at: "{due:%H:%M}", to: [spend]}}
  - {{kind: showback, day: {weekday}, at: "{due:%H:%M}", to: [spend]}}
receivers:
  - {{name: orchestrator, kind: webhook, url: "{hook}", secret: "env:BENCH_SECRET", takes: orders}}
  - {{name: pager, kind: webhook, url: "{hook}", secret: "env:BENCH_SECRET", takes: notices}}
  - {{name: spend, kind: slack, channel: "#ai-spend", token: "env:SLACK_TOKEN", base_url: "{slack}"}}
routes: [{{to: [spend]}}]
"""
AWAY = timedelta(minutes=40)  # longer than nobody may react, shorter than an incident of a run goes on in silence

pytestmark = pytest.mark.slow


@asynccontextmanager
async def producing(broker: Broker, topic: str) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=broker.address())
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


def call(number: int, dollars: str) -> bytes:
    return json.dumps(
        {"id": f"call-{number}", "time": time.time(), "agent": "indexer", "workflow": "daily", "execution_id": "run-7", "cost_usd": dollars}
    ).encode()


async def lived(folder: Path, policy: str, due: datetime) -> SmallService:
    """Up to the minute in which reports are due, and not into the next one, which would tell them; five seconds before it an incident opens."""
    service = await SmallService.begun(folder, load(policy), PARTITIONS, int(due.timestamp() * 1000) - 5_000)
    await service.hear(
        Usage(id=f"past-{days}", time=(due - timedelta(days=days)).timestamp(), agent="crawler", execution_id=f"crawl-{days}", cost_usd=dollars)
        for days, dollars in ((7, "1.50"), (1, "1.20"), (0, "2.50"))
    )
    await service.live(6_500)
    return service


async def test_what_fell_due_is_told_once_and_nothing_twice_by_a_worker_killed_between_the_post_and_its_receipt(
    broker: Broker, cluster: Cluster, workers: Workers, prefix: str, tmp_path: Path
) -> None:
    slack, events = FakeSlack(clock=now_ms), list[dict[str, Any]]()
    due = datetime.fromtimestamp(now_ms() // MINUTE_MS * 60, UTC) - AWAY
    async with served(slack) as base_url, receiver(events.append) as port, producing(broker, prefix + IN) as producer:
        policy = POLICY.format(hook=f"http://127.0.0.1:{port}/", slack=base_url, due=due, weekday=DAYS[due.weekday()], on_duty=MARIA, next=LI)
        await remembered(await lived(tmp_path / "past", policy, due), cluster)
        workers.env["SLACK_TOKEN"] = TOKEN
        first = workers.begun("first")
        await workers.until(lambda: len(slack.roots("C2")) == 2 and slack.roots() and slack.replies("C2") and events)

        def gone() -> httpx.Response:
            first.kill()
            return httpx.Response(500)

        slack.fail("chat.postMessage", Fault(gone, effect=True))
        for number in range(3):
            await producer.send_and_wait(prefix + IN, call(number, "0.90"))
        await workers.until(lambda: len(slack.roots()) == 2)
        assert first.exit_code is not None, "the message is there, and who posted it never heard so"
        workers.begun("second")
        await workers.until(lambda: any("has stopped" in reply["text"] for reply in slack.replies()))
    (digest, runaway), (opened, showback), (escalated,) = slack.roots(), slack.roots("C2"), slack.replies("C2")
    assert "Execution run-7 has stopped" in runaway["text"]
    assert re.match(r"\[INFO\] All AI spend on .*: \$1\.20, nothing before\n", digest["text"])
    last_week = "1.50" if due.weekday() else "2.70"  # on a Monday yesterday is in it
    assert re.match(rf"\[INFO\] AI spend of “KYC team” in the week from Mon .*: \${last_week}\n", showback["text"])
    assert escalated["text"].startswith(f"<@{LI}> Escalated: agent crawler goes beyond what"), "who has the next turn is called"
    assert escalated["thread_ts"] == opened["ts"]
    told = [each["metadata"]["event_payload"]["notice"] for each in slack.replies()]
    assert len(told) == len(set(told))
    heard = {(event["type"], event["subject"], event["id"]) for event in events}  # what is sent again has the same id
    assert sorted(each[:2] for each in heard) == [("spendwarden.notice", "agent/crawler"), ("spendwarden.order.pause", "execution/run-7")]
    assert slack.mistakes == []
