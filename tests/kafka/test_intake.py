"""What producers write to topics arrives in the stream, whole, whoever comes and goes meanwhile; what cannot be read is a dead letter."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from contextlib import suppress

import pytest
from aiokafka import AIOKafkaProducer

from service.log.kafka import source
from service.log.kafka.source import Member
from service.log.kafka.topics import IN
from service.log.ports import STREAM, LogError
from service.policy import load
from tests.kafka.broker import Broker
from tests.kafka.guarded import PASSWORD, SCRAM, USER
from tests.kafka.producers import (
    PARTITIONS,
    Connect,
    everything,
    failure,
    heard,
    heard_all,
    heard_many,
    line,
    made,
    make_foreign,
    reading,
    refusals,
    until,
    write,
)


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


async def test_a_stop_has_committed_so_nothing_is_read_again(broker: Broker, connect: Connect, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "COMMIT_EVERY_S", 600.0)
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

            async def takes_part() -> bool:
                await more()
                return second.passed.records > 0

            await until(takes_part)
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


async def test_a_producer_whose_clock_is_ahead_is_not_believed(broker: Broker, connect: Connect, prefix: str) -> None:
    cluster = connect(broker)
    log = await made(cluster)
    foreign = await make_foreign(cluster, f"{prefix}calls")
    hour_s, now_s = 3600, time.time()

    async def write() -> None:
        async with AIOKafkaProducer(bootstrap_servers=broker.address()) as producer:
            for number, at_s in enumerate((now_s + hour_s, now_s, now_s - 24 * hour_s)):
                await producer.send_and_wait(foreign, line(number, time=at_s), partition=0, timestamp_ms=int(at_s * 1000))

    await cluster.run("write", write())
    with reading(cluster, load(f"sources: [{{topic: {foreign}}}]")):
        assert {record.id for record in await heard_many(log, 2)} == {"1", "2"}
        (dead,) = await refusals(log, 1)
    assert (dead.reason.value, dead.where) == ("too_early", f"{foreign}-0@0")


async def test_what_was_never_committed_by_a_producer_is_not_money(broker: Broker, connect: Connect, prefix: str) -> None:
    cluster = connect(broker)
    log = await made(cluster)

    async def write() -> None:
        async with AIOKafkaProducer(bootstrap_servers=broker.address(), transactional_id=prefix) as producer:
            await producer.begin_transaction()
            await producer.send_and_wait(prefix + IN, line(0), partition=0)
            await producer.abort_transaction()
            async with producer.transaction():
                await producer.send_and_wait(prefix + IN, line(1), partition=0)

    await cluster.run("write", write())
    with reading(cluster):
        assert [record.id for record in await heard_all(log, {"1"})] == ["1"]


async def test_through_a_door_that_asks_who_is_there(guarded: Broker, connect: Connect, prefix: str) -> None:
    door = {"brokers": guarded.address(SCRAM), "security_protocol": "SASL_PLAINTEXT", "username": USER, "password": PASSWORD}
    cluster = connect(guarded, **door)
    log = await made(cluster)
    await write(cluster, prefix + IN, [line(1)])
    with reading(cluster):
        await heard_all(log, {"1"})


async def test_a_broker_that_is_away_is_waited_for(guarded: Broker, connect: Connect, prefix: str) -> None:
    cluster = connect(guarded, request_timeout_ms=1_000)
    log = await made(cluster)
    await write(cluster, prefix + IN, [line(number) for number in range(100)])
    with reading(cluster, member=Member(session_s=1.0)):
        await heard_all(log, {str(number) for number in range(100)})
        guarded.kill()
        await asyncio.sleep(3)
        guarded.start()

        async def is_written() -> bool:
            with suppress(LogError):
                await write(cluster, prefix + IN, [line(number) for number in range(100, 200)])
                return True
            return False

        await until(is_written)
        await heard_all(log, {str(number) for number in range(200)})
