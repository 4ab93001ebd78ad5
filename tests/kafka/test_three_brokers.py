"""Topics on three brokers: how many copies they have and need, and what an append says when too many of them are away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from aiokafka.admin import NewTopic
from structlog.testing import capture_logs

from service.log.kafka import Cluster, KafkaLog, check, make, topics
from service.log.kafka.topics import Found, Topic, at_risk, differences
from service.log.ports import JOURNAL, STREAM, LogError
from tests.kafka.cluster import NODES, Brokers
from tests.kafka.producers import again, everything

Connect = Callable[..., Cluster]
IN_SYNC = "min.insync.replicas"


@pytest.mark.parametrize(
    ("copies", "is_now", "told"),
    [
        (1, 1, ""),
        (1, 2, "at most 1 of its 1 copies"),
        (2, 1, ""),
        (2, 2, "at most 1 of its 2 copies"),
        (3, 1, "at least 2 of its 3 copies"),
        (3, 2, ""),
        (3, 3, "at most 2 of its 3 copies"),
        (5, 3, ""),
    ],
)
def test_how_many_must_be_in_sync(copies: int, is_now: int, told: str) -> None:
    found = differences([Topic("s", 1, {})], {"s": Found(1, {IN_SYNC: str(is_now)}, copies=copies)})
    assert [each.must_be for each in found] == ([told] if told else [])


@pytest.mark.parametrize(("copies", "nodes", "is_risky"), [(1, 1, False), (1, 2, True), (2, 2, False), (2, 3, True), (3, 3, False), (3, 9, False)])
def test_fewer_copies_than_there_could_be(copies: int, nodes: int, is_risky: bool) -> None:
    assert bool(at_risk([Topic("s", 1, {})], {"s": Found(1, {}, copies=copies)}, nodes)) == is_risky


async def test_without_a_word_each_broker_has_a_copy_and_two_must_be_in_sync(brokers: Brokers, connect: Connect, prefix: str) -> None:
    cluster, wanted = connect(brokers), topics(prefix, 2, 1)
    assert len(await make(cluster, wanted)) == len(wanted)
    ours = {topic["topic"]: topic["partitions"] for topic in await brokers.topics() if topic["topic"].startswith(prefix)}
    assert {len(partition["replicas"]) for partitions in ours.values() for partition in partitions} == {NODES}
    await check(cluster, [Topic(name, len(partitions), {IN_SYNC: "2"}) for name, partitions in ours.items()])
    assert await make(cluster, wanted) == []


async def test_too_little_safety_is_named_at_the_start(brokers: Brokers, connect: Connect, prefix: str) -> None:
    cluster, wanted = connect(brokers), topics(prefix, 2, 1)
    foreign = [
        NewTopic(f"{prefix}{STREAM}", 2, 3, topic_configs={IN_SYNC: "1"}),
        NewTopic(f"{prefix}in", 2, 3, topic_configs={IN_SYNC: "3"}),
        NewTopic(f"{prefix}{JOURNAL}", 1, 1, topic_configs={IN_SYNC: "1"}),
    ]

    async def make_foreign() -> None:
        await (await cluster.admin()).create_topics(foreign)

    await cluster.run("make some", make_foreign())
    with pytest.raises(LogError) as refused:
        await check(cluster, wanted)
    assert f"{prefix}{STREAM}: min.insync.replicas is 1, must be at least 2 of its 3 copies" in str(refused.value)
    assert f"{prefix}in: min.insync.replicas is 3, must be at most 2 of its 3 copies" in str(refused.value)
    risk = f"few copies of {prefix}{JOURNAL} 1: the brokers could hold 3 copies"
    *done, last = await make(cluster, wanted)
    assert {f"{prefix}in", f"{prefix}{STREAM}"} <= {line.partition(":")[0] for line in done if f"{IN_SYNC} set to 2" in line}
    assert last.startswith(risk)
    with capture_logs() as said:
        await check(cluster, wanted)
    assert [(line["event"], line["reason"].startswith(risk)) for line in said] == [("few_copies", True)]


async def refused(log: KafkaLog, why: str) -> str:
    """What an append says that failed, once it fails for this reason."""
    async with asyncio.timeout(60):
        while True:
            try:
                await log.append(STREAM, 0, [b"perhaps"])
            except LogError as failed:
                if why in str(failed):
                    return str(failed)


async def test_too_few_in_sync_is_named_and_nothing_piles_up(brokers: Brokers, connect: Connect, prefix: str) -> None:
    cluster, name = connect(brokers, request_timeout_ms=500), f"{prefix}{STREAM}"
    log = KafkaLog(cluster)
    new = NewTopic(name, 1, 3, topic_configs={IN_SYNC: "3", "message.timestamp.type": "LogAppendTime"})

    async def make_one() -> None:
        await (await cluster.admin()).create_topics([new])

    await cluster.run("make one", make_one())
    (lost := brokers.nodes[0]).kill()
    try:
        told = await refused(log, "NotEnoughReplicas")
        assert told.startswith(f"cannot append to {name} at {brokers.address()}: ")
        assert told.endswith("after NotEnoughReplicasError; fewer replicas are in sync than min.insync.replicas asks for: bring the other brokers back")
        async with asyncio.timeout(60):
            while cluster._producer._leaving:  # noqa: ASYNC110 -- no client tells us
                await asyncio.sleep(0.05)
    finally:
        lost.start()
    await again(log, b"after")
    assert (await everything(log, STREAM, 0))[-1].value == b"after"
