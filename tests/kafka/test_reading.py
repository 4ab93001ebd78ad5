"""What is Kafka's own about rows: whose clock stamps them, how large they may be, and readers that are left and found again."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.record.default_records import DefaultRecord

from service.log.kafka import Cluster, KafkaLog, KafkaSnapshots, make, reader, topics
from service.log.ports import CONTROLS, JOURNAL, MANIFEST, STREAM, LogError, SnapshotKey
from service.log.snapshot import PART_BYTES_MAX
from tests.kafka.broker import Broker

Connect = Callable[..., Cluster]


async def made(cluster: Cluster) -> KafkaLog:
    await make(cluster, topics(cluster.settings.topic_prefix, 2, 1), 1)
    return KafkaLog(cluster)


async def test_arrival_waits_for_a_broker_whose_clock_is_behind(broker: Broker, connect: Connect, prefix: str) -> None:
    cluster = connect(broker)

    async def write() -> None:
        """A topic with the producer's times stands in for two leaders with two clocks."""
        await (await cluster.admin()).create_topics([NewTopic(f"{prefix}{STREAM}", 1, 1)])
        async with AIOKafkaProducer(bootstrap_servers=broker.address()) as producer:
            for at_ms in (1000, 5000, 3000, 4000, 6000):
                await producer.send_and_wait(f"{prefix}{STREAM}", b"x", partition=0, timestamp_ms=at_ms)

    await cluster.run("write", write())
    log = KafkaLog(cluster)
    rows = [(await log.read(STREAM, 0, offset, 1))[0] for offset in range(5)]
    assert [row.arrival_ms for row in rows] == [1000, 5000, 5000, 5000, 6000]
    assert [row.arrival_ms for row in await log.read(STREAM, 0, 2, 2)] == [3000, 4000], "a reader that begins here knows of nothing before"
    assert [row.arrival_ms for row in await log.read(STREAM, 0, 0, 9)] == [1000, 5000, 5000, 5000, 6000], "and so within one read"


async def test_a_reader_sees_what_others_append_without_asking(broker: Broker, connect: Connect) -> None:
    log = await made(connect(broker))
    assert await log.read(STREAM, 0, 0, 10) == []
    await KafkaLog(connect(broker)).append(STREAM, 0, [b"from afar"])
    async with asyncio.timeout(5):
        while not (rows := await log.read(STREAM, 0, 0, 10)):  # noqa: ASYNC110 -- no waiting there is what is tested
            await asyncio.sleep(0.005)
    assert rows[0].value == b"from afar"


async def test_what_is_read_are_bare_records(broker: Broker, connect: Connect, prefix: str) -> None:
    cluster = connect(broker)
    await (await made(cluster)).append(STREAM, 0, [b"a", b"b"])
    records = await cluster.records(f"{prefix}{STREAM}", 0, 0, 10)
    assert [(type(each), each.offset, each.key, each.value) for each in records] == [(DefaultRecord, 0, None, b"a"), (DefaultRecord, 1, None, b"b")]


async def test_rows_trimmed_under_a_reader_that_stands_still(broker: Broker, connect: Connect) -> None:
    log, other = await made(connect(broker)), KafkaLog(connect(broker))
    assert await log.read(STREAM, 0, 0, 10) == []
    await other.append(STREAM, 0, [b"x"] * 5)
    await other.trim(STREAM, 0, 4)
    late = KafkaLog(connect(broker))
    with pytest.raises(LogError, match=r"stream-0: offset 3 has been trimmed away, the first kept is 4"):
        await late.read(STREAM, 0, 3, 10)
    assert (await late.read(STREAM, 0, 4, 10))[0].offset == 4


async def test_a_row_that_is_too_large_says_so_and_the_next_is_taken(broker: Broker, connect: Connect) -> None:
    log = await made(connect(broker))
    with pytest.raises(LogError, match=r"cannot append to .*stream at 127.*MessageSizeTooLarge.*max.message.bytes"):
        await log.append(STREAM, 0, [b"x" * 3 * 1024 * 1024])
    assert await log.append(STREAM, 0, [b"x" * 1_500_000, b"y"]) == 0
    assert len((await log.read(STREAM, 0, 0, 1))[0].value) == 1_500_000
    assert (await log.read(STREAM, 0, 1, 1))[0].value == b"y"


async def test_an_append_of_many_megabytes_keeps_its_order(broker: Broker, connect: Connect) -> None:
    log = await made(connect(broker))
    values = [i.to_bytes(4, "big") + bytes(1000) for i in range(5_000)]
    await log.append_many(STREAM, {0: values, 1: values[::-1]})
    for partition, expected in ((0, values), (1, values[::-1])):
        read: list[bytes] = []
        while len(read) < len(values):
            read += [row.value for row in await log.read(STREAM, partition, len(read), 4_000)]
        assert read == expected


async def test_a_topic_or_partition_that_is_missing_is_told_at_once(broker: Broker, connect: Connect, prefix: str) -> None:
    log = await made(connect(broker))
    for asked in (log.append(STREAM, 7, [b"x"]), log.read(STREAM, 7, 0, 1), log.span(STREAM, 7)):
        with pytest.raises(LogError, match=rf"{re.escape(prefix)}stream-7 is not there at 127.*spendwarden topics"):
            async with asyncio.timeout(2):
                await asked


async def test_a_topic_not_met_before_is_not_asked_about_in_vain(broker: Broker, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    log, met, add_topic = await made(connect(broker)), list[str](), AIOKafkaClient.add_topic

    def noted(client: AIOKafkaClient, topic: str) -> object:
        met.append(topic)
        return add_topic(client, topic)

    monkeypatch.setattr(AIOKafkaClient, "add_topic", noted)
    for topic in (STREAM, JOURNAL, CONTROLS):
        assert await log.span(topic, 0) == (0, 0)
    assert met == [], "aiokafka does this when it has failed, and waits for 100 ms: five times in each start of a worker"


async def test_a_partition_that_nobody_reads_is_let_go_and_found_again(broker: Broker, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = connect(broker)
    log = await made(cluster)
    await log.append_many(STREAM, {0: [b"a"], 1: [b"b"]})
    await log.read(STREAM, 0, 0, 10)
    monkeypatch.setattr(reader, "READER_IDLE_S", 0.0)
    await log.read(STREAM, 1, 0, 10)
    assert [at.partition for at in cluster._readers._readers] == [1]
    assert (await log.read(STREAM, 0, 0, 10))[0].value == b"a"


async def test_the_policy_in_force_stays_when_the_topic_is_compacted(broker: Broker, connect: Connect) -> None:
    log = await made(connect(broker))
    for value in (b"first", b"second"):
        await log.append(CONTROLS, 0, [value])
    first, end = await log.span(CONTROLS, 0)
    assert (first, end) == (0, 2)
    assert (await log.read(CONTROLS, 0, end - 1, 1))[0].value == b"second"
    assert await log.append(JOURNAL, 0, []) == 0


async def test_who_writes_a_snapshot_reads_none_of_it_again(broker: Broker, connect: Connect) -> None:
    cluster = connect(broker)
    await made(cluster)
    snapshots, manifest = KafkaSnapshots(cluster), SnapshotKey(1, 7, MANIFEST, 0)
    parts = [SnapshotKey(1, 7, f"part-{i}", 10) for i in range(6)]
    assert await snapshots.keys("meter-1") == []
    for key in parts:
        await snapshots.put("meter-1", key, bytes(PART_BYTES_MAX))
    await snapshots.put("meter-1", manifest, b"all six")
    await snapshots.delete("meter-1", parts[:2])
    assert await snapshots.keys("meter-1") == [*parts[2:], manifest]
    assert not cluster._readers._readers, "nothing had to be read"
    stranger = KafkaSnapshots(connect(broker))
    assert set(await stranger.keys("meter-1")) == {*parts[2:], manifest}
    assert await stranger.get("meter-1", parts[5]) == bytes(PART_BYTES_MAX)
    await stranger.put("meter-1", manifest, b"woke up late")
    assert set(await snapshots.keys("meter-1")) == {*parts[2:], manifest}
    assert await snapshots.get("meter-1", manifest) == b"woke up late"


async def test_what_a_stranger_puts_between_two_of_our_own_is_seen(broker: Broker, connect: Connect) -> None:
    cluster = connect(broker)
    await made(cluster)
    ours, stranger = KafkaSnapshots(cluster), KafkaSnapshots(connect(broker))
    names = [SnapshotKey(epoch, 7, MANIFEST, 0) for epoch in (1, 2, 3)]
    await ours.put("meter-0", names[0], b"ours")
    assert await ours.keys("meter-0") == names[:1]
    await stranger.put("meter-0", names[1], b"a stranger's")
    await ours.put("meter-0", names[2], b"ours again")
    assert set(await ours.keys("meter-0")) == set(names)
