"""The topics that `spendwarden topics` makes, and what it and a start say when they are not as they must be."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

import pytest
from aiokafka.admin import NewTopic

from service.log.kafka import Cluster, check, make, topics
from service.log.kafka.topics import Found, Topic, differences
from service.log.ports import LogError
from tests.kafka.broker import Broker
from tests.scenarios.commands import run

Connect = Callable[..., Cluster]
MISSING = ": is missing"


async def appears(cluster: Cluster, name: str) -> None:
    """A broker hears of a new topic a little later than who made it."""
    while True:
        try:
            await check(cluster, [Topic(name, 0, {})])
        except LogError as differs:
            if MISSING not in str(differs):
                return
        await asyncio.sleep(0.05)


def topic(name: str, partitions: int = 12, **config: str) -> Topic:
    return Topic(name, partitions, {key.replace("_", "."): value for key, value in config.items()})


@pytest.mark.parametrize(
    ("is_now", "must_be", "fits"),
    [("1000", "1000", True), ("2000", "1000", True), ("-1", "1000", True), ("999", "1000", False), ("1000", "-1", False), ("-1", "-1", True)],
)
def test_keeping_longer_than_needed_is_no_difference(is_now: str, must_be: str, fits: bool) -> None:
    found = {"stream": Found(12, {"retention.ms": is_now})}
    assert (not differences([topic("stream", retention_ms=must_be)], found)) == fits


def test_every_difference_is_told_in_one_go() -> None:
    wanted = [topic("stream", cleanup_policy="delete", retention_ms="1000"), topic("journal", 1), topic("leases", 3)]
    found = {"stream": Found(6, {"cleanup.policy": "compact", "retention.ms": "5"}), "leases": Found(3, {})}
    assert [str(each) for each in differences(wanted, found)] == [
        "stream: partitions is 6, must be 12",
        "stream: cleanup.policy is compact, must be delete",
        "stream: retention.ms is 5, must be at least 1000",
        "journal: is missing",
    ]


async def test_topics_are_made_once_and_then_are_as_they_must_be(broker: Broker, connect: Connect, prefix: str) -> None:
    cluster, wanted = connect(broker), topics(prefix, 3, 1)
    with pytest.raises(LogError, match=f"{re.escape(prefix)}stream: is missing"):
        await check(cluster, wanted)
    assert sorted(await make(cluster, wanted, 1)) == sorted(f"{each.name}: made" for each in wanted)
    await check(cluster, wanted)
    assert await make(cluster, wanted, 1) == []


async def test_settings_are_mended_and_what_others_set_stays(broker: Broker, connect: Connect, prefix: str) -> None:
    cluster, wanted = connect(broker), topics(prefix, 3, 1)
    wrong = {"message.timestamp.type": "CreateTime", "retention.ms": "1000", "segment.ms": "77777"}

    async def make_wrong() -> None:
        await (await cluster.admin()).create_topics([NewTopic(f"{prefix}stream", 3, 1, topic_configs=wrong)])

    await cluster.run("make one", make_wrong())
    await appears(cluster, f"{prefix}stream")
    told = r"(?s)timestamp.type is CreateTime, must be LogAppendTime.*retention.ms is 1000, must be at least 604800000.*mend it: spendwarden topics"
    with pytest.raises(LogError, match=told):
        await check(cluster, [each for each in wanted if each.name.endswith(".stream")])
    done = await make(cluster, wanted, 1)
    mended = next(line for line in done if line.startswith(f"{prefix}stream:"))
    assert "retention.ms set to 604800000" in mended
    assert "segment" not in mended
    stays = Topic(f"{prefix}stream", 3, {"segment.ms": "77777"})
    await check(cluster, [*wanted, stays])


async def test_another_number_of_partitions_cannot_be_mended(broker: Broker, connect: Connect, prefix: str) -> None:
    cluster = connect(broker)
    await make(cluster, topics(prefix, 3, 1), 1)
    with pytest.raises(LogError, match=r"(?s)meter-lease: partitions is 3, must be 4.*fixed when a topic is made: give the number that is there"):
        await make(cluster, topics(prefix, 4, 1), 1)


async def test_more_copies_than_brokers(broker: Broker, connect: Connect, prefix: str) -> None:
    with pytest.raises(LogError, match=r"cannot make the topics at 127.*InvalidReplicationFactor.*only 1 broker"):
        await make(connect(broker), topics(prefix, 3, 1), 3)


def test_the_command(broker: Broker, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPENDWARDEN_KAFKA_TOPIC_PREFIX", prefix)
    made = run("topics", "--brokers", broker.address(), "--partitions", "2")
    assert made.exit_code == 0, made.output
    assert f"{prefix}courier-lease: made" in made.stdout.splitlines()
    assert run("topics", "--brokers", broker.address(), "--partitions", "2").stdout == "all topics are there and as they must be\n"
    other = run("topics", "--brokers", broker.address(), "--partitions", "3")
    assert other.exit_code == 1
    assert f"{prefix}stream: partitions is 2, must be 3" in other.stderr
    nonsense = run("topics", "--brokers", "here")
    assert nonsense.exit_code == 2
    assert "must be HOST:PORT" in nonsense.stderr


def test_the_command_without_a_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPENDWARDEN_KAFKA_REQUEST_TIMEOUT_MS", "500")
    away = run("topics", "--brokers", "127.0.0.1:1")
    assert away.exit_code == 1
    assert "cannot look at the topics at 127.0.0.1:1" in away.stderr
    assert "no broker answers" in away.stderr
