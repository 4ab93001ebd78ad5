"""The log on Kafka: `STREAM` is the topic `spendwarden.stream`, offsets and partitions are Kafka's own, arrival is `LogAppendTime`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from service.log.kafka.cluster import Cluster
from service.log.ports import CONTROLS, Row

KEYS: Final[dict[str, bytes]] = {CONTROLS: b"policy"}  # of a compacted topic only the newest row stays, which is the policy in force


class KafkaLog:
    """Topics of a cluster, as `spendwarden topics` makes them; `cluster` is closed by who made it.

    Appends of one call stay together where they fit into a batch (1 MiB). A read that goes on where the last one ended sees at
    least what this process appended or asked a span of, and of others what has come by itself.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._prefix = cluster.settings.topic_prefix

    async def append(self, topic: str, partition: int, values: Sequence[bytes]) -> int:
        """Returns when all replicas in sync have it."""
        if not values:
            return (await self.span(topic, partition))[1]
        key = KEYS.get(topic)
        return (await self._cluster.append(self._prefix + topic, {partition: [(key, value) for value in values]}))[partition]

    async def append_many(self, topic: str, batches: Mapping[int, Sequence[bytes]]) -> None:
        """One wait; after a LogError any part may have been written."""
        key = KEYS.get(topic)
        batches = {partition: values for partition, values in batches.items() if values}
        if batches:
            await self._cluster.append(self._prefix + topic, {partition: [(key, value) for value in values] for partition, values in batches.items()})

    async def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Row]:
        """What has come, often fewer than `limit`; none only where nothing is known to be there."""
        return await self._cluster.rows(self._prefix + topic, partition, offset, limit)

    async def span(self, topic: str, partition: int) -> tuple[int, int]:
        """As the partition's leader has it."""
        return await self._cluster.span(self._prefix + topic, partition)

    async def since(self, topic: str, partition: int, arrival_ms: int) -> int:
        """As the partition's leader finds it in its index: nothing is fetched, and whoever reads the partition is not disturbed."""
        return await self._cluster.since(self._prefix + topic, partition, arrival_ms)

    async def trim(self, topic: str, partition: int, before: int) -> None:
        """By DeleteRecords, which needs a topic that is not compacted."""
        first, end = await self.span(topic, partition)
        if min(before, end) > first:
            at = TopicPartition(self._prefix + topic, partition)
            await self._cluster.run(f"trim {at.topic}-{partition}", self._trim(at, min(before, end)))

    async def _trim(self, at: TopicPartition, before: int) -> None:
        admin = await self._cluster.admin()
        await admin.delete_records({at: RecordsToDelete(before)}, timeout_ms=self._cluster.settings.request_timeout_ms)
