"""A broker that is killed, sleeps, or is not there yet: an error in bounded time, nothing acknowledged is lost, then it works again."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable
from threading import Event
from time import monotonic

import pytest
from aiokafka.errors import KafkaTimeoutError

from service.log.kafka import Cluster, KafkaLog, KafkaSnapshots, make, reader, topics
from service.log.kafka.client import SAY_EVERY_S, Rarely
from service.log.ports import MANIFEST, STREAM, LogError, SnapshotKey
from service.settings import KafkaSettings
from tests.kafka.broker import Broker
from tests.kafka.producers import again

Connect = Callable[..., Cluster]
TIMEOUT_MS = 1_000
BOUND_S = 4.0


async def made(cluster: Cluster) -> KafkaLog:
    await make(cluster, topics(cluster.settings.topic_prefix, 1, 1), 1)
    return KafkaLog(cluster)


async def everything(log: KafkaLog) -> list[bytes]:
    first, end = await log.span(STREAM, 0)
    found: list[bytes] = []
    while first < end:
        rows = await log.read(STREAM, 0, first, 1_000)
        found += [row.value for row in rows]
        first = rows[-1].offset + 1
    return found


async def test_killed_and_started_again(guarded: Broker, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "ASK_EVERY_S", 0.0)
    cluster = connect(guarded, request_timeout_ms=TIMEOUT_MS)
    log, snapshots = await made(cluster), KafkaSnapshots(cluster)
    await log.append(STREAM, 0, [b"before"])
    assert await log.read(STREAM, 0, 0, 10)
    assert await snapshots.keys("meter-0") == []
    guarded.kill()
    for asked in (
        log.append(STREAM, 0, [b"lost"]),
        log.read(STREAM, 0, 1, 10),
        log.span(STREAM, 0),
        log.trim(STREAM, 0, 1),
        snapshots.put("meter-0", SnapshotKey(1, 7, MANIFEST, 0), b"lost"),
        snapshots.keys("meter-0"),
    ):
        began_s = monotonic()
        with pytest.raises(LogError, match=f"cannot .* at {guarded.address()}"):
            await asked
        assert monotonic() - began_s < BOUND_S
    guarded.start()
    await again(log, b"after")
    kept = await everything(log)
    assert kept[0] == b"before"
    assert kept[-1] == b"after"
    assert set(kept) <= {b"before", b"lost", b"after"}
    await snapshots.put("meter-0", SnapshotKey(2, 7, MANIFEST, 0), b"kept")
    assert await snapshots.get("meter-0", SnapshotKey(2, 7, MANIFEST, 0)) == b"kept"


async def test_asleep_for_longer_than_we_wait(guarded: Broker, connect: Connect) -> None:
    log = await made(connect(guarded, request_timeout_ms=TIMEOUT_MS))
    await log.append(STREAM, 0, [b"before"])
    guarded.pause()
    try:
        began_s = monotonic()
        with pytest.raises(LogError, match=r"no broker answered in time|none lets us in"):
            await log.append(STREAM, 0, [b"perhaps"])
        assert monotonic() - began_s < BOUND_S
    finally:
        guarded.go_on()
    await again(log, b"after")
    kept = await everything(log)
    assert kept[0] == b"before"
    assert kept.count(b"after") == 1
    assert kept.count(b"perhaps") <= 1, "an idempotent producer repeats nothing"


async def test_a_short_sleep_is_waited_for(guarded: Broker, connect: Connect) -> None:
    log = await made(connect(guarded))
    await log.append(STREAM, 0, [b"before"])
    guarded.pause()
    asyncio.get_running_loop().call_later(1.0, guarded.go_on)
    assert await log.append(STREAM, 0, [b"after"]) == 1


async def test_who_gives_up_waiting_disturbs_no_other(guarded: Broker, connect: Connect) -> None:
    log = await made(connect(guarded))
    await log.append(STREAM, 0, [b"before"])
    two_batches = [bytes(700_000), bytes(700_000)]
    guarded.pause()
    try:
        given_up, waiting = asyncio.ensure_future(log.append(STREAM, 0, [b"perhaps"])), asyncio.ensure_future(log.append(STREAM, 0, two_batches))
        await asyncio.sleep(0.3)
        given_up.cancel()
        await asyncio.sleep(0.3)
    finally:
        guarded.go_on()
    first = await waiting
    assert [len(row.value) for row in await log.read(STREAM, 0, first, 2)] == [700_000, 700_000]
    assert given_up.cancelled()


def test_aiokafka_says_each_thing_rarely() -> None:
    now_s = 0.0
    rarely = Rarely(lambda: now_s)
    shown: list[str] = []

    def say(text: str, *args: object, level: int = logging.ERROR) -> None:
        record = logging.LogRecord("aiokafka.client", level, "", 0, text, args, None)
        if rarely.filter(record):
            shown.append(record.getMessage())

    for node in range(500):
        say("Unable connect to node with id %s", node)
    say("Unable to update metadata")
    say("fine", level=logging.INFO)
    now_s = SAY_EVERY_S
    say("Unable connect to node with id %s", 7)
    assert shown == ["Unable connect to node with id 0", "Unable to update metadata", "fine", "Unable connect to node with id 7 (and 499 more like this)"]
    last = rarely.since(SAY_EVERY_S, "aiokafka")
    assert last is not None
    assert last.text == "Unable connect to node with id 7"
    assert rarely.since(0.0, "aiokafka.producer") is None, "another part's words explain nothing"
    assert rarely.since(SAY_EVERY_S + 1, "aiokafka") is None, "nor do old ones"


async def test_what_fails_while_nobody_waits_any_more_is_not_cried_out() -> None:
    cluster, cried, begun = Cluster(KafkaSettings(brokers="127.0.0.1:9")), list[str](), Event()
    cluster._loop.set_exception_handler(lambda _, context: cried.append(context["message"]))

    async def work() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:  # as a client does whose own time is over by then
            raise KafkaTimeoutError("too late") from None

    waiting = asyncio.create_task(cluster.run("ask", work()))
    await asyncio.to_thread(begun.wait)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await cluster.run("ask", asyncio.sleep(0))  # by then it has failed
    cluster.close()
    gc.collect()
    assert cried == []
