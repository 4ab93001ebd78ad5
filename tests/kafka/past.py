"""A past: what a service lived through while its time was moved by hand becomes the topics of a cluster, each row with the time at which it came."""

from __future__ import annotations

from typing import Final

from aiokafka import AIOKafkaProducer

from service.log.kafka import Cluster, make, topics
from service.log.kafka.log import KEYS
from service.log.ports import CONTROLS, JOURNAL, OUTBOX, STREAM
from tests.scenarios.small_service import SmallService

KEPT: Final = (CONTROLS, STREAM, JOURNAL, OUTBOX)
ROWS_MAX: Final = 1_000


async def remembered(service: SmallService, cluster: Cluster) -> None:
    """The topics are new, with as many partitions as the service; brokers stamp rows with their own time, so they are told not to for a moment."""
    prefix = cluster.settings.topic_prefix
    wanted = [each for each in topics(prefix, service.engine.partitions, 1) if each.name.removeprefix(prefix) in KEPT]
    await make(cluster, [each._replace(config={**each.config, "message.timestamp.type": "CreateTime"}) for each in wanted])
    async with AIOKafkaProducer(bootstrap_servers=cluster.settings.brokers, enable_idempotence=True) as producer:
        for topic, name, partition in ((each.name, each.name.removeprefix(prefix), at) for each in wanted for at in range(each.partitions)):
            for row in await service.log.read(name, partition, 0, ROWS_MAX):
                await producer.send(topic, row.value, key=KEYS.get(name), partition=partition, timestamp_ms=row.arrival_ms)
    await make(cluster, wanted)
