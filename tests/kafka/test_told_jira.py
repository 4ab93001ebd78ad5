"""One incident on Kafka is one Jira issue, although the worker that makes it is killed between the create and its receipt; what people do there counts."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from service.clock import now_ms
from service.engine.published import publish
from service.facts import Control, decode_journal
from service.log.kafka import Cluster, KafkaLog
from service.log.kafka.topics import IN
from service.log.ports import JOURNAL
from service.messages.adf import adf_text
from service.policy import load
from tests.jira.fake import LI, MARIA, TOKEN, USER, FakeJira, Fault
from tests.kafka.broker import Broker
from tests.kafka.producers import everything, until
from tests.kafka.test_told import call, producing
from tests.kafka.test_worker import PARTITIONS, Workers, cluster, workers
from tests.served import served

__all__ = ["cluster", "workers"]

POLICY = """
budgets: [{{name: day, scope: {{agent: indexer}}, period: day, limit_usd: 10, thresholds: [20, 60], pause_at: 60}}]
pauses: {{allow: [{{agent: "*"}}], min_loss_usd: 0}}
receivers: [{{name: tickets, kind: jira, url: "{url}", project: FIN, user: "env:JIRA_USER", token: "env:JIRA_TOKEN"}}]
"""

pytestmark = pytest.mark.slow


async def was_said(log: KafkaLog, action: str, by: str) -> bool:
    said = [decode_journal(row.value) for row in await everything(log, JOURNAL, 0)]
    return {(each.action, each.by) for each in said if isinstance(each, Control)} == {(action, by)}


async def test_a_worker_killed_between_the_create_and_its_receipt_makes_one_issue(
    broker: Broker, cluster: Cluster, workers: Workers, prefix: str, tmp_path: Path
) -> None:
    jira = FakeJira(clock=now_ms)
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
        jira.assign("FIN-1", LI, by=MARIA)
        log, another = KafkaLog(cluster), load(f"public_url: https://spend.example\n{POLICY.format(url=url)}")
        await publish(log, another, now_ms())  # couriers that are made anew listen at once
        await until(lambda: was_said(log, "acknowledge", "Li Wei"))
    (comment,) = [adf_text(each["body"]) for each in jira.only().comments]
    assert "has passed 60 %" in comment
    assert "Would have paused agent indexer on " in comment, "where the policy only observes"
    assert "has passed 60 %" in jira.only().fields["summary"]
    assert len(jira.sent("POST", "issue")) == 1
    assert jira.broken == []
