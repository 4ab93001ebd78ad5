"""Every command does its work with exactly the rights that the runbook names, each under a user of its own; and no more than that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import TopicAuthorizationFailedError

from service.log.kafka import Cluster, KafkaLog
from service.log.kafka.topics import IN
from service.log.ports import JOURNAL, OUTBOX, STREAM, LogError
from tests.kafka.broker import Broker
from tests.kafka.guarded import PASSWORD, RESTRICTED, SCRAM
from tests.kafka.producers import line, make_foreign
from tests.kafka.rights import give, written
from tests.kafka.served import served, until

FIRST = 1_000  # others than those that are posted
POLICY = "sources: [{{topic: {topic}, format: spendwarden}}]"
RECORDS = 20


def as_user(broker: Broker, user: str) -> dict[str, str]:
    names = {"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_USERNAME": user, "KAFKA_PASSWORD": PASSWORD, "BROKERS": broker.address(SCRAM)}
    return {f"SPENDWARDEN_{name}": value for name, value in names.items()}


def producer(broker: Broker, user: str) -> AIOKafkaProducer:
    sasl: dict[str, Any] = {"sasl_mechanism": "SCRAM-SHA-512", "sasl_plain_username": user, "sasl_plain_password": PASSWORD}
    return AIOKafkaProducer(bootstrap_servers=broker.address(SCRAM), security_protocol="SASL_PLAINTEXT", **sasl)


@pytest.mark.slow
async def test_each_command_works_with_the_rights_of_the_runbook(guarded: Broker, connect: Callable[..., Cluster], prefix: str, tmp_path: Path) -> None:
    rights = [right._replace(name=right.name.replace("calls.raw", f"calls.{prefix}raw")) for right in written()]
    assert {right.user for right in rights} == set(RESTRICTED)
    await give(guarded, rights, prefix)
    source = await make_foreign(connect(guarded), f"calls.{prefix}raw")
    apart = {name: as_user(guarded, name) for name in ("topics", "worker", "serve")}
    apart |= dict.fromkeys(("policy", "export", "ledger"), as_user(guarded, "serve"))
    async with served(guarded, prefix, tmp_path, f"sqlite:///{tmp_path}/books.db", apart=apart) as service:
        service.serve("--insecure-loopback")
        service.work()
        applied = await asyncio.to_thread(service.run, "policy", "apply", service.policy(POLICY.format(topic=source)))
        assert applied.returncode == 0, applied.stderr
        await until(service.is_ready)
        async with producer(guarded, "agents") as agents:
            for number in range(FIRST, FIRST + RECORDS):
                await agents.send_and_wait(f"{prefix}{IN}", line(number, agent="indexer", cost_usd="0.01"))
            with pytest.raises(TopicAuthorizationFailedError):
                await agents.send_and_wait(f"{prefix}{STREAM}", line(0))
        await connect(guarded).append(source, {0: [(None, line(number, agent="indexer", cost_usd="0.01")) for number in range(2 * FIRST, 2 * FIRST + RECORDS)]})
        assert (await service.post(RECORDS)).status_code == 202
        service.acknowledged += 2 * RECORDS
        await until(service.is_booked)
        for words in (("export", "--what", "transcript"), ("ledger", "rebuild")):
            done = await asyncio.to_thread(service.run, *words)
            assert done.returncode == 0, done.stderr
        assert "source_waits" not in service.said("worker")
        assert service.stop("worker") == service.stop("serve") == 0
    sasl = {"brokers": guarded.address(SCRAM), "security_protocol": "SASL_PLAINTEXT", "password": PASSWORD}
    worker, door = (KafkaLog(connect(guarded, username=name, **sasl)) for name in ("worker", "serve"))
    for topic in (STREAM, JOURNAL, OUTBOX):
        await worker.trim(topic, 0, 1)
    with pytest.raises(LogError, match=r"TopicAuthorizationFailed.*the user may not do this here"):
        await door.trim(STREAM, 0, 2)
