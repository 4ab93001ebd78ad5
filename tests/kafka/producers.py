"""Producers that write to topics, readers that pass it on, and what must have come of it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from aiokafka.admin import NewTopic

from service.facts import Envelope, Progress, Tally, decode_journal, decode_stream
from service.intake import Refusal
from service.intake.partition import partition_of, root_of
from service.log.kafka import Cluster, KafkaLog, make, topics
from service.log.kafka.source import Member, joined
from service.log.kafka.topics import IN
from service.log.ports import JOURNAL, REFUSED, STREAM, LogError, Row
from service.policy import Policy
from service.records import Usage
from service.shells.republish import Republisher
from tests.kafka.broker import Broker

Connect = Callable[..., Cluster]
PARTITIONS = 4
PATIENCE_S = 40
QUICK = Member(session_s=2.0)


def now_ms() -> int:
    return int(time.time() * 1000)


def line(number: int, **fields: Any) -> bytes:
    return json.dumps({"id": str(number), "time": time.time(), "execution_id": f"run-{number % 97}", "cost_usd": 1} | fields).encode()


async def made(cluster: Cluster) -> KafkaLog:
    await make(cluster, topics(cluster.settings.topic_prefix, PARTITIONS, 1), 1)
    return KafkaLog(cluster)


async def make_foreign(cluster: Cluster, name: str) -> str:
    async def work() -> None:
        admin = await cluster.admin()
        await admin.create_topics([NewTopic(name, 2, 1)])

    async def is_there() -> bool:
        return name in {topic["topic"] for topic in await (await cluster.admin()).describe_topics()}

    await cluster.run("make a topic", work())
    await until(lambda: cluster.run("look", is_there()))
    return name


async def write(cluster: Cluster, topic: str, values: list[bytes], partitions: int = PARTITIONS) -> None:
    """As producers that know nothing of runs: round and round over the partitions."""
    await cluster.append(topic, {partition: [(None, value) for value in values[partition::partitions]] for partition in range(min(partitions, len(values)))})


async def everything(log: KafkaLog, topic: str, partition: int) -> list[Row]:
    first, end = await log.span(topic, partition)
    found: list[Row] = []
    while first < end:
        found += await log.read(topic, partition, first, 10_000)
        first = found[-1].offset + 1
    return found


async def again(log: KafkaLog, value: bytes) -> None:
    """Appends as an owner does that begins anew until it can."""
    async with asyncio.timeout(60):
        while True:
            try:
                await log.append(STREAM, 0, [value])
            except LogError:
                await asyncio.sleep(0.2)
            else:
                return


async def heard(log: KafkaLog) -> list[Usage]:
    """The records of the stream; each must lie in the partition of its run."""
    found = []
    for partition in range(PARTITIONS):
        for row in await everything(log, STREAM, partition):
            record = decode_stream(row.value)
            if isinstance(record, Usage):
                assert partition_of(record.tenant, root_of(record), PARTITIONS) == partition
                found.append(record)
    return found


async def until(happened: Callable[[], Awaitable[bool]]) -> None:
    """Returns once it has."""
    async with asyncio.timeout(PATIENCE_S):
        while not await happened():  # noqa: ASYNC110 -- no broker and no other process tells us when
            await asyncio.sleep(0.1)


async def heard_all(log: KafkaLog, ids: set[str]) -> list[Usage]:
    """Once every one of `ids` is there."""

    async def are_there() -> bool:
        return ids <= {record.id for record in await heard(log)}

    await until(are_there)
    return await heard(log)


async def heard_many(log: KafkaLog, count: int) -> list[Usage]:
    """Once there are as many."""

    async def are_there() -> bool:
        return len(await heard(log)) >= count

    await until(are_there)
    return await heard(log)


async def refusals(log: KafkaLog, count: int) -> list[Refusal]:
    """Once there are as many."""

    async def are_there() -> bool:
        return len(await everything(log, REFUSED, 0)) >= count

    await until(are_there)
    return [msgspec.msgpack.decode(row.value, type=Refusal) for row in await everything(log, REFUSED, 0)]


async def failure(republisher: Republisher, topic: str) -> str:
    """Why a topic is not read, once that is so."""

    async def is_known() -> bool:
        return topic in republisher.passed.failures

    await until(is_known)
    return republisher.passed.failures[topic]


@contextmanager
def reading(cluster: Cluster, policy: Policy | None = None, member: Member = QUICK) -> Iterator[Republisher]:
    republisher = Republisher(cluster.settings.topic_prefix + IN, lambda topic: joined(topic, cluster, member, now_ms), KafkaLog(cluster), PARTITIONS)
    republisher.adopt(policy or Policy())
    republisher.thread.start()
    try:
        yield republisher
    finally:
        republisher.thread.stop()


async def has_counted(log: KafkaLog, count: int) -> bool:
    """Whether the journal says that so many records were heard and so many dollars spent, each once: totals are whole values, so the last one counts."""
    totals: dict[tuple[Any, ...], tuple[int, int, int]] = {}
    for row in await everything(log, JOURNAL, 0):
        said = decode_journal(row.value)
        if not isinstance(said, Envelope):
            continue
        for fact in said.facts:
            if isinstance(fact, Progress | Tally):
                records, nanos = (fact.records, fact.nanos) if isinstance(fact, Progress) else (fact.sums.records, fact.sums.nanos)
                key = (said.partition, fact.cell, fact.event_minute, fact.arrival_minute)
                totals[key] = max(totals.get(key, (0, 0, 0)), (fact.offset, records, nanos))
    records, nanos = (sum(total[which] for total in totals.values()) for which in (1, 2))
    assert records <= count
    return (records, nanos) == (count, count * 10**9)


@contextmanager
def worker(broker: Broker, prefix: str, folder: Path, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process; killed in the end."""
    words = ["worker", "--brokers", broker.address(), "--id", name, "--partitions", str(PARTITIONS), "--session-s", "2", "--data", str(folder / name)]
    with (folder / f"{name}.log").open("wb") as said:
        command = [sys.executable, "-c", "from service.cli import main; main()", *words]
        process = subprocess.Popen(command, stdout=said, stderr=said, env=os.environ | {"SPENDWARDEN_KAFKA_TOPIC_PREFIX": prefix})
        try:
            yield process
        finally:
            process.kill()
            process.wait()
