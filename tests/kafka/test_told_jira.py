"""One incident on Kafka is one Jira issue, although the worker that makes it is killed between the create and its receipt."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest

from service.log.kafka import Cluster
from service.log.kafka.topics import IN
from service.messages.adf import adf_text
from tests.jira.fake import TOKEN, USER, FakeJira, Fault
from tests.kafka.broker import Broker
from tests.kafka.test_told import call, producing
from tests.kafka.test_worker import PARTITIONS, Workers, cluster, workers
from tests.served import served

__all__ = ["cluster", "workers"]

POLICY = """
budgets: [{{name: day, scope: {{agent: indexer}}, period: day, limit_usd: 10, thresholds: [20, 60]}}]
receivers: [{{name: tickets, kind: jira, url: "{url}", project: FIN, user: "env:JIRA_USER", token: "env:JIRA_TOKEN"}}]
"""

pytestmark = pytest.mark.slow


async def test_a_worker_killed_between_the_create_and_its_receipt_makes_one_issue(
    broker: Broker, cluster: Cluster, workers: Workers, prefix: str, tmp_path: Path
) -> None:
    jira = FakeJira(clock=lambda: int(time.time() * 1000))
    async with served(jira.reply) as url, producing(broker, prefix + IN) as producer:
        policy = tmp_path / "policy.yaml"
        policy.write_text(POLICY.format(url=url))
        workers.env |= {"JIRA_USER": USER, "JIRA_TOKEN": TOKEN}
        first = workers.begun("first", "--policy", str(policy))
        await workers.until(lambda: first.holds == set(range(PARTITIONS)))

        def gone() -> httpx.Response:
            first.kill()
            return httpx.Response(500)

        jira.faults = [Fault("POST", "issue", gone, after=True)]
        await producer.send_and_wait(prefix + IN, call(1, "3.00"))
        await workers.until(lambda: jira.issues)
        assert first.exit_code is not None, "the issue is there, and who made it never heard so"
        workers.begun("second", "--policy", str(policy))
        await producer.send_and_wait(prefix + IN, call(2, "4.00"))
        await workers.until(lambda: jira.only().comments)
    assert ["has passed 60 %" in adf_text(each["body"]) for each in jira.only().comments] == [True]
    assert "has passed 60 %" in jira.only().fields["summary"]
    assert len(jira.sent("POST", "issue")) == 1
    assert jira.broken == []
