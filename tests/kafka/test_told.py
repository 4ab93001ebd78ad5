"""One incident on Kafka is one message in Slack and one order, although the worker that tells it is killed between the post and its receipt."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from service.clock import now_ms
from service.log.kafka import Cluster
from service.log.kafka.topics import IN
from tests.bench.live import receiver
from tests.kafka.broker import Broker
from tests.kafka.test_worker import PARTITIONS, Workers, cluster, workers
from tests.slack.faults import Fault
from tests.slack.served import served
from tests.slack.server import TOKEN, FakeSlack

__all__ = ["cluster", "workers"]

POLICY = """
caps: [{{scope: {{workflow: "*"}}, limit_usd: 2, action: pause}}]
pauses: {{mode: enforce, on: [], allow: [{{execution: "*"}}], min_loss_usd: 0, proof_s: 5}}
receivers:
  - {{name: orchestrator, kind: webhook, url: "{hook}", secret: "env:BENCH_SECRET", takes: orders}}
  - {{name: spend, kind: slack, channel: "#ai-spend", token: "env:SLACK_TOKEN", base_url: "{slack}"}}
"""

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


async def test_a_worker_killed_between_the_post_and_its_receipt_tells_nothing_twice(
    broker: Broker, cluster: Cluster, workers: Workers, prefix: str, tmp_path: Path
) -> None:
    slack, events = FakeSlack(clock=now_ms), list[dict[str, Any]]()
    async with served(slack) as base_url, receiver(events.append) as port, producing(broker, prefix + IN) as producer:
        policy = tmp_path / "policy.yaml"
        policy.write_text(POLICY.format(hook=f"http://127.0.0.1:{port}/", slack=base_url))
        workers.env["SLACK_TOKEN"] = TOKEN
        first = workers.begun("first", "--policy", str(policy))
        await workers.until(lambda: first.holds == set(range(PARTITIONS)))

        def gone() -> httpx.Response:
            first.kill()
            return httpx.Response(500)

        slack.fail("chat.postMessage", Fault(gone, effect=True))
        for number in range(3):
            await producer.send_and_wait(prefix + IN, call(number, "0.90"))
        await workers.until(slack.roots)
        assert first.exit_code is not None, "the message is there, and who posted it never heard so"
        workers.begun("second", "--policy", str(policy))
        await workers.until(lambda: any("has stopped" in reply["text"] for reply in slack.replies()))
    assert len(slack.roots()) == 1
    told = [each["metadata"]["event_payload"]["notice"] for each in slack.replies()]
    assert len(told) == len(set(told))
    pauses = {event["id"] for event in events if event["type"] == "spendwarden.order.pause"}
    assert len(pauses) == 1, "sent again, if at all, under the same id"
    assert slack.mistakes == []
