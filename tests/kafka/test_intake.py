"""What producers write to topics arrives in the stream, whole, whoever is killed or added meanwhile; what cannot be read is a dead letter."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka.admin import NewTopic

from service.facts import Envelope, Progress, Tally, decode_journal, decode_stream
from service.intake import Refusal
from service.intake.partition import partition_of, root_of
from service.log.kafka import Cluster, KafkaLog, make, source, topics
from service.log.kafka.source import Member, joined
from service.log.kafka.topics import IN
from service.log.ports import JOURNAL, REFUSED, STREAM, Row
from service.policy import Policy, load
from service.records import Usage
from service.republish import Republisher
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


async def test_records_in_under_any_key_and_refusals_with_their_place(broker: Broker, connect: Connect, prefix: str) -> None:
    cluster = connect(broker)
    log = await made(cluster)
    bad = [b"not json", line(1, id=None), line(2, time=time.time() + 3600), line(3, input_tokens=-1), line(4, note="x" * 1_500_000)]
    await write(cluster, prefix + IN, [line(number) for number in range(1_000)])
    await write(cluster, prefix + IN, bad, partitions=1)
    with reading(cluster) as republisher:
        found = await heard_all(log, {str(number) for number in range(1_000)})
        dead = await refusals(log, len(bad))
        assert republisher.passed.records == 1_000
    assert Counter(record.id for record in found) == Counter({str(number): 1 for number in range(1_000)})
    assert [(refusal.reason.value, refusal.field, refusal.where) for refusal in dead] == [
        ("not_json", "", f"{prefix}in-0@250"),
        ("missing", "id", f"{prefix}in-0@251"),
        ("too_early", "time", f"{prefix}in-0@252"),
        ("negative", "input_tokens", f"{prefix}in-0@253"),
        ("too_large", "", f"{prefix}in-0@254"),
    ]
    assert [refusal.raw for refusal in dead[:4]] == bad[:4]
    assert dead[4].raw == bad[4][: 1024 * 1024]


async def test_a_stop_has_committed_so_nothing_is_read_again(broker: Broker, connect: Connect, prefix: str) -> None:
    cluster = connect(broker)
    log = await made(cluster)
    for first in (0, 100):
        await write(cluster, prefix + IN, [line(number) for number in range(first, first + 100)])
        with reading(cluster):
            await heard_all(log, {str(number) for number in range(first + 100)})
    assert len(await heard(log)) == 200


async def test_litellm_from_a_foreign_topic_that_comes_late_and_with_a_policy(
    broker: Broker, connect: Connect, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "LOOK_AGAIN_MS", 500)
    cluster = connect(broker)
    log = await made(cluster)
    foreign = f"{prefix}llm.calls"
    call = {"endTime": 1.5, "prompt_tokens": 12, "response_cost": 0.25, "model": "gpt-4o", "messages": [{"role": "user", "content": "hush"}]}
    with reading(cluster) as republisher:
        await write(cluster, prefix + IN, [line(1)])
        await heard_all(log, {"1"})
        republisher.adopt(load(f"sources: [{{topic: {foreign}, format: litellm}}]"))
        assert f"{foreign} is not there" in await failure(republisher, foreign)
        await write(cluster, prefix + IN, [line(2)])
        await heard_all(log, {"2"})
        await make_foreign(cluster, foreign)
        named, nameless = json.dumps(call | {"id": "call-1"}).encode(), json.dumps(call).encode()
        await write(cluster, foreign, [named, nameless, b"[]"], partitions=2)
        (dead,) = await refusals(log, 1)
        found = {record.id: record for record in await heard_many(log, 4)}
        assert not republisher.passed.failures
    (given,) = found.keys() - {"1", "2", "call-1"}
    assert given.startswith("row-")
    assert found[given].cost_usd == found["call-1"].cost_usd == "0.25"
    assert (dead.reason.value, dead.where) == ("not_an_object", f"{foreign}-0@1")
    assert b"hush" not in b"".join([row.value for p in range(PARTITIONS) for row in await everything(log, STREAM, p)])


async def test_a_foreign_topic_in_our_own_form_gives_ids_that_stay(broker: Broker, connect: Connect, prefix: str) -> None:
    cluster = connect(broker)
    log = await made(cluster)
    foreign = await make_foreign(cluster, f"{prefix}calls")
    await write(cluster, foreign, [line(0, id=None), line(1, id="told"), line(2, id=None)], partitions=2)
    policy = load(f"sources: [{{topic: {foreign}}}]")
    with reading(cluster, policy):
        first = {record.id for record in await heard_many(log, 3)}
    other = connect(broker, topic_prefix=f"{prefix}again.")  # another service reads the same rows
    again = await made(other)
    with reading(other, policy):
        await heard_all(again, first)
    assert len(first) == 3


async def test_topics_of_the_service_itself_are_not_read(broker: Broker, connect: Connect, prefix: str) -> None:
    cluster = connect(broker)
    await made(cluster)
    with reading(cluster, load(f"sources: [{{topic: {prefix}stream}}]")) as republisher:
        assert "is written by the service itself" in await failure(republisher, f"{prefix}stream")


async def test_a_second_reader_takes_its_part_and_gives_it_back(broker: Broker, connect: Connect, prefix: str) -> None:
    one, two = connect(broker), connect(broker)
    log = await made(one)
    sent = 0

    async def more() -> None:
        nonlocal sent
        await write(one, prefix + IN, [line(number) for number in range(sent, sent + 4_000)])
        sent += 4_000

    with reading(one):
        await more()
        await heard_all(log, {str(number) for number in range(sent)})
        with reading(two) as second:
            async with asyncio.timeout(PATIENCE_S):
                while not second.passed.records:
                    await more()
                    await asyncio.sleep(0.1)
        await more()
        found = await heard_all(log, {str(number) for number in range(sent)})
    assert len(found) == sent, "a hand-over in order repeats nothing"


async def test_rows_that_went_unread_are_said_aloud(broker: Broker, connect: Connect, prefix: str, capsys: pytest.CaptureFixture[str]) -> None:
    cluster = connect(broker)
    log = await made(cluster)
    await write(cluster, prefix + IN, [line(number) for number in range(8)])
    with reading(cluster):
        await heard_all(log, {str(number) for number in range(8)})
    await write(cluster, prefix + IN, [line(number) for number in range(8, 16)])
    await log.trim(IN, 0, 3)
    with reading(cluster):
        await heard_all(log, {str(number) for number in range(8, 16)} - {"8"})
    assert "rows_gone" in capsys.readouterr().out


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


async def test_a_worker_killed_in_between_loses_nothing(broker: Broker, connect: Connect, prefix: str, tmp_path: Path) -> None:
    cluster = connect(broker)
    log = await made(cluster)
    count = 60_000
    await write(cluster, prefix + IN, [line(number) for number in range(count)])

    async def has_begun() -> bool:
        return sum([(await log.span(STREAM, partition))[1] for partition in range(PARTITIONS)]) > count // 10

    with worker(broker, prefix, tmp_path, "first"):
        await until(has_begun)
    before = {record.id for record in await heard(log)}
    assert len(before) < count, "it was killed in between"
    with worker(broker, prefix, tmp_path, "second"):
        found = await heard_all(log, {str(number) for number in range(count)})
        await until(lambda: has_counted(log, count))
    assert len(found) >= count
    assert {(record.id, record.execution_id) for record in found} == {(str(number), f"run-{number % 97}") for number in range(count)}


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
