"""Three brokers: how many copies topics have and need; one broker lost while records flow, then two, and what an append says then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import NewTopic
from structlog.testing import capture_logs

from service.log.kafka import Cluster, KafkaLog, check, make, topics
from service.log.kafka.topics import IN, Found, Topic, at_risk, differences
from service.log.ports import JOURNAL, STREAM, LogError
from tests.bench.fire import PARTITIONS, Fire
from tests.bench.live import receiver
from tests.bench.siege import POLICY
from tests.bench.soak import judged
from tests.kafka.cluster import NODES, Brokers
from tests.kafka.feed import Feed
from tests.kafka.producers import again, everything
from tests.kafka.served import served, until

Connect = Callable[..., Cluster]
IN_SYNC = "min.insync.replicas"
PREFIX = "spendwarden."
SOME = 200
LINES_MAX = 150  # of minutes in which the clients fail some hundred times a second


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
    ours: dict[str, list[dict[str, Any]]] = {}

    async def are_heard_of() -> bool:
        ours.update({topic["topic"]: topic["partitions"] for topic in await brokers.topics() if topic["topic"].startswith(prefix)})
        return len(ours) == len(wanted)

    await until(are_heard_of)
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


@pytest.mark.slow
async def test_one_broker_is_lost_and_then_another_while_records_flow(brokers: Brokers, connect: Connect, tmp_path: Path) -> None:
    fire = Fire()
    log = KafkaLog(connect(brokers, topic_prefix=PREFIX))
    async with receiver(fire.event) as port, served(brokers, PREFIX, tmp_path, f"sqlite:///{tmp_path}/books.db", PARTITIONS, 1) as service:
        service.serve("--policy", service.policy(POLICY.replace("PORT", str(port)).replace("BENCH_SECRET", "ORDERS_SECRET")), "--insecure-loopback")
        await until(service.is_ready)
        service.work()
        feed = Feed(fire, service, log)
        await feed.reached(1)
        async with feed.flowing(PREFIX + IN):
            await feed.counted(SOME)
            (first := await brokers.leading_most()).kill()
            await feed.counted(SOME)
            (second := await brokers.leading_most()).kill()
            refused = len(feed.refused)

            async def is_refused() -> bool:
                return len(feed.refused) > refused

            await until(is_refused)
            await until(service.is_unready)
            assert all(answer["detail"].startswith("Nothing was taken: cannot ") and brokers.address() in answer["detail"] for answer in feed.refused)
            first.start()
            second.start()
            await feed.counted(SOME)
        await feed.counted(0)
        await feed.settled()
        assert service.stop("worker") == service.stop("serve") == 0
    for process in ("worker", "serve"):
        said = (tmp_path / f"{process}.txt").read_text()
        assert "Traceback" not in said
        assert "ExceptionGroup" not in said
        assert len(said.splitlines()) < LINES_MAX, said
    figures = await asyncio.to_thread(judged, tmp_path, brokers, fire)
    assert [figure.name for figure in figures if figure.must and not figure.met] == []
    assert [figure.name for figure in figures if figure.name == "events at the receiver" and not figure.value] == []
