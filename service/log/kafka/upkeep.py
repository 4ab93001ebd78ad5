"""Makes the topics, mends their settings, and stops who would start on others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Final

from aiokafka import errors
from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from service.log.kafka.cluster import Cluster
from service.log.kafka.topics import PARTITIONS, Difference, Found, Topic, differences
from service.log.ports import LogError

SETTLES_S: Final = 0.05
TOPIC_ITSELF: Final = 1  # where a setting comes from: from the topic and not from the broker or Kafka's defaults


async def check(cluster: Cluster, wanted: Sequence[Topic]) -> None:
    """Raises a LogError with all that differs and the command that mends it; every process looks before it starts."""
    different = await cluster.run("look at the topics", _different(cluster, wanted))
    if different:
        raise LogError(told(cluster, different))


async def make(cluster: Cluster, wanted: Sequence[Topic], replication: int) -> list[str]:
    """Makes what is missing and mends settings; says what it did, a line each. Raises LogError where that is not enough."""
    found = await cluster.run("look at the topics", _found(cluster, wanted))
    missing = [topic for topic in wanted if topic.name not in found]
    done = await cluster.run("make the topics", _make(cluster, missing, replication))
    wrong = {each.topic for each in differences(wanted, found) if each.is_now and each.what != PARTITIONS}
    for topic in [topic for topic in wanted if topic.name in wrong]:
        done.append(await cluster.run(f"set up {topic.name}", _mend(cluster, topic, found[topic.name])))
    if done:
        await cluster.run("see the topics as they must be", _settle(cluster, wanted))
    await check(cluster, wanted)
    return done


def told(cluster: Cluster, different: Iterable[Difference]) -> str:
    """Every difference, and what helps: settings can be mended, a number of partitions cannot."""
    lines = [f"the topics at {cluster.settings.brokers} are not as they must be:", *(f"  {each}" for each in different)]
    if any(each.what != PARTITIONS for each in different):
        lines.append(f"  mend it: spendwarden topics --brokers {cluster.settings.brokers}, with the --partitions and --journal-partitions of before")
    if any(each.what == PARTITIONS for each in different):
        lines.append("  the number of partitions is fixed when a topic is made: give the number that is there, or another SPENDWARDEN_KAFKA_TOPIC_PREFIX")
    return "\n".join(lines)


async def _settle(cluster: Cluster, wanted: Sequence[Topic]) -> None:
    """What a controller has done the brokers know a little later."""
    while any(each.what != PARTITIONS for each in await _different(cluster, wanted)):  # noqa: ASYNC110 -- no broker tells us when
        await asyncio.sleep(SETTLES_S)


async def _different(cluster: Cluster, wanted: Sequence[Topic]) -> list[Difference]:
    return differences(wanted, await _found(cluster, wanted))


async def _found(cluster: Cluster, wanted: Sequence[Topic]) -> dict[str, Found]:
    """Those of the wanted topics that are there."""
    admin = await cluster.admin()
    counts = {each["topic"]: len(each["partitions"]) for each in await admin.describe_topics()}  # all: asking for one could make it
    there = [topic.name for topic in wanted if topic.name in counts]
    if not there:
        return {}
    found: dict[str, Found] = {}
    for answer in await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in there]):
        for code, text, _, name, entries in answer.resources:
            _raise_for(code, text)
            config = {entry[0]: entry[1] for entry in entries}
            found[name] = Found(counts[name], config, frozenset(entry[0] for entry in entries if entry[3] == TOPIC_ITSELF))
    return found


async def _make(cluster: Cluster, missing: Sequence[Topic], replication: int) -> list[str]:
    if not missing:
        return []
    in_sync = {"min.insync.replicas": str(max(1, replication - 1))}  # one broker may be lost without a word being refused or forgotten
    new = [NewTopic(topic.name, topic.partitions, replication, topic_configs={**topic.config, **topic.tuning, **in_sync}) for topic in missing]
    answer = await (await cluster.admin()).create_topics(new, timeout_ms=cluster.settings.request_timeout_ms)
    done: list[str] = []
    for name, code, text in answer.topic_errors:
        if code != errors.TopicAlreadyExistsError.errno:  # somebody else was quicker; `check` says whether it is the same
            _raise_for(code, text)
            done.append(f"{name}: made")
    return done


async def _mend(cluster: Cluster, topic: Topic, found: Found) -> str:
    """AlterConfigs sets all of a topic's own settings anew, so those of others are said again."""
    kept = {name: found.config[name] for name in found.own}
    wrong = {each.what for each in differences([topic], {topic.name: found})}
    mended = {name: value for name, value in topic.config.items() if name in wrong}
    for answer in await (await cluster.admin()).alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name, kept | mended)]):
        for code, text, *_ in answer.resources:
            _raise_for(code, text)
    return f"{topic.name}: {', '.join(f'{name} set to {value}' for name, value in mended.items())}"


def _raise_for(code: int, text: Any) -> None:
    if code:
        raise errors.for_code(code)(text or "")
