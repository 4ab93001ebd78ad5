"""Makes the topics, mends their settings, and stops who would start on others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import structlog
from aiokafka import errors
from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from service.log.kafka.cluster import Cluster
from service.log.kafka.topics import COPIES, IN_SYNC, PARTITIONS, Difference, Found, Topic, at_risk, differences, in_sync
from service.log.ports import LogError

SETTLES_S: Final = 0.05
LOOKS: Final = 20  # a broker that has not heard yet of what `spendwarden topics` did is no reason not to start
LOOKS_MADE: Final = 100
TOPIC_ITSELF: Final = 1  # where a setting comes from: from the topic and not from the broker or Kafka's defaults


class Look(NamedTuple):
    """What a cluster has of the wanted topics, on how many brokers that live."""

    found: Mapping[str, Found]
    brokers: int


async def check(cluster: Cluster, wanted: Sequence[Topic]) -> None:
    """Raises a LogError with all that differs and the command that mends it; every process looks before it starts.

    Copies that are missing are no difference, since brokers come and go: they are a warning.
    """
    risk = _judged(cluster, wanted, await cluster.run("look at the topics", _settled(cluster, wanted, LOOKS)))
    if risk:
        structlog.get_logger("kafka").warning("few_copies", reason=risk)


async def make(cluster: Cluster, wanted: Sequence[Topic], replication: int | None = None) -> list[str]:
    """Makes what is missing and mends settings; says what it did, a line each. Raises LogError where that is not enough.

    `replication`: copies of what is made; without it COPIES, or as many as there are brokers.
    """
    look = await cluster.run("look at the topics", _look(cluster, wanted))
    missing = [topic for topic in wanted if topic.name not in look.found]
    done = await cluster.run("make the topics", _make(cluster, missing, replication or min(COPIES, look.brokers)))
    wrong = {each.topic for each in differences(wanted, look.found) if each.is_now and each.what != PARTITIONS}
    for topic in [topic for topic in wanted if topic.name in wrong]:
        done.append(await cluster.run(f"set up {topic.name}", _mend(cluster, topic, look.found[topic.name])))
    settled = await cluster.run("see the topics as they must be", _settled(cluster, wanted, LOOKS_MADE if done else LOOKS))
    risk = _judged(cluster, wanted, settled)
    return [*done, risk] if risk else done


def told(cluster: Cluster, different: Iterable[Difference]) -> str:
    """Every difference, and what helps: settings can be mended, a number of partitions cannot."""
    lines = [f"the topics at {cluster.settings.brokers} are not as they must be:", *(f"  {each}" for each in different)]
    if any(each.what != PARTITIONS for each in different):
        lines.append(f"  mend it: spendwarden topics --brokers {cluster.settings.brokers}, with the --partitions and --journal-partitions of before")
    if any(each.what == PARTITIONS for each in different):
        lines.append("  the number of partitions is fixed when a topic is made: give the number that is there, or another SPENDWARDEN_KAFKA_TOPIC_PREFIX")
    return "\n".join(lines)


def _judged(cluster: Cluster, wanted: Sequence[Topic], look: Look) -> str:
    """Raises LogError where it is not as it must be; returns what is only a risk."""
    different = differences(wanted, look.found)
    if different:
        raise LogError(told(cluster, different))
    return at_risk(wanted, look.found, look.brokers)


async def _settled(cluster: Cluster, wanted: Sequence[Topic], looks: int) -> Look:
    """What a controller has done the brokers know a little later, each in its own time; only a number of partitions never changes by waiting."""
    look = await _look(cluster, wanted)
    while looks > 1 and any(each.what != PARTITIONS for each in differences(wanted, look.found)):
        await asyncio.sleep(SETTLES_S)
        look, looks = await _look(cluster, wanted), looks - 1
    return look


async def _look(cluster: Cluster, wanted: Sequence[Topic]) -> Look:
    """Each question may go to another broker, and one that has just heard of a topic knows no more than none."""
    admin = await cluster.admin()
    everything = {each["topic"]: each["partitions"] for each in await admin.describe_topics()}  # all: asking for one could make it
    there = [topic.name for topic in wanted if topic.name in everything]
    brokers = len((await admin.describe_cluster())["brokers"])
    found: dict[str, Found] = {}
    for answer in await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in there]) if there else ():
        for code, text, _, name, entries in answer.resources:
            if code == errors.UnknownTopicOrPartitionError.errno:
                continue
            _raise_for(code, text)
            config = {entry[0]: entry[1] for entry in entries}
            own = frozenset(entry[0] for entry in entries if entry[3] == TOPIC_ITSELF)
            found[name] = Found(len(everything[name]), config, own, min((len(each["replicas"]) for each in everything[name]), default=1))
    return Look(found, brokers)


async def _make(cluster: Cluster, missing: Sequence[Topic], replication: int) -> list[str]:
    if not missing:
        return []
    safe = {IN_SYNC: str(in_sync(replication))}
    new = [NewTopic(topic.name, topic.partitions, replication, topic_configs={**topic.config, **topic.tuning, **safe}) for topic in missing]
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
    right = {**topic.config, IN_SYNC: str(in_sync(found.copies))}
    mended = {name: value for name, value in right.items() if name in wrong}
    for answer in await (await cluster.admin()).alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name, kept | mended)]):
        for code, text, *_ in answer.resources:
            _raise_for(code, text)
    return f"{topic.name}: {', '.join(f'{name} set to {value}' for name, value in mended.items())}"


def _raise_for(code: int, text: Any) -> None:
    if code:
        raise errors.for_code(code)(text or "")
