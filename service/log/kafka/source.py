"""A producer's topic, read by all workers together: a consumer group of plain aiokafka says which of them reads which partition.

What has been passed on is committed a little later, so after a crash or a hand-over some rows are read again: at least once, and the
meter knows repeats. Nothing of it rides on Faust.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any, Final, NamedTuple

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from service.log.kafka.client import client_options, quieten
from service.log.kafka.cluster import CLOSING_S, GRACE_S, Cluster
from service.log.kafka.failures import saying
from service.log.kafka.reader import FETCH_BYTES, FETCH_WAIT_MS
from service.log.kafka.topics import IN, topics
from service.log.ports import LogError, Row

ROWS_AT_ONCE: Final = 5_000
COMMIT_EVERY_S: Final = 0.5
LAST_COMMIT_S: Final = 2.0  # so long a hand-over waits for what is under way
LOOK_AGAIN_MS: Final = 30_000  # for partitions that were added to a topic
CREATE_TIME: Final = 0  # stamped by the producer; else by the broker


class Member(NamedTuple):
    """How a process is a member. `instance`: a restart under this name within the session keeps its partitions."""

    session_s: float = 10.0
    instance: str | None = None


class Source(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka brings no types
    """What this member is given of one topic; used from the loop it was joined on.

    `take`, pass it on, `done`: whatever was taken and is not done is taken again, by whoever has the partition then.
    """

    def __init__(self, topic: str, cluster: Cluster, member: Member, clock: Callable[[], int]) -> None:
        self.topic = topic
        self._cluster, self._member, self._clock = cluster, member, clock
        self._taken: dict[TopicPartition, int] = {}
        self._done: dict[TopicPartition, int] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._committed_s = monotonic()
        self._consumer: Any = None

    async def join(self) -> None:
        """Becomes a member of the topic's group: `intake` of our own topic, `intake.TOPIC` of another, so that none disturbs the others.

        A group that has committed nothing begins at the beginning. So does one that nobody was in for the cluster's
        `offsets.retention.minutes` (7 days): of a topic that is kept longer, records the meter has forgotten would count again.
        """
        await self._cluster.run(f"look at {self.topic}", self._look())
        async with self._bounded("join the readers of"):
            self._consumer = self._client()
            self._consumer.subscribe([self.topic], listener=self)
            quieten()
            await self._consumer.start()

    def _client(self) -> AIOKafkaConsumer:
        settings, member = self._cluster.settings, self._member
        prefix = settings.topic_prefix
        return AIOKafkaConsumer(
            **client_options(settings) | {"request_timeout_ms": max(settings.request_timeout_ms, int(member.session_s * 1000) + 1)},
            group_id=f"{prefix}intake" if self.topic == prefix + IN else f"{prefix}intake.{self.topic}",
            group_instance_id=member.instance,
            session_timeout_ms=int(member.session_s * 1000),
            heartbeat_interval_ms=int(member.session_s * 1000 / 6),
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_committed",
            fetch_max_wait_ms=FETCH_WAIT_MS,
            max_partition_fetch_bytes=FETCH_BYTES,
            metadata_max_age_ms=LOOK_AGAIN_MS,
        )

    async def take(self) -> dict[int, list[Row]]:
        """Up to ROWS_AT_ONCE new rows by partition; none where none came in FETCH_WAIT_MS. Raises LogError, behind which it is of no use."""
        assert self._idle.is_set(), "what was taken before is done first"
        if self._done and monotonic() - self._committed_s >= COMMIT_EVERY_S:
            await self._commit()
        async with self._bounded("read"):
            found = await self._consumer.getmany(timeout_ms=FETCH_WAIT_MS, max_records=ROWS_AT_ONCE)
        self._taken = {at: records[-1].offset + 1 for at, records in found.items()}
        if self._taken:
            self._idle.clear()
        now_ms = self._clock()
        return {at.partition: [Row(it.offset, _arrival(it, now_ms), it.value or b"") for it in records] for at, records in found.items()}

    def done(self) -> None:
        """All that was taken last is where it belongs."""
        self._done |= self._taken
        self._idle.set()

    async def leave(self) -> None:
        """Commits and gives the partitions back; where no broker answers in CLOSING_S, that goes on in the background."""
        if self._consumer is not None:
            leaving = asyncio.get_running_loop().create_task(self._left())
            await asyncio.wait({leaving}, timeout=CLOSING_S)

    async def _left(self) -> None:
        with suppress(LogError):
            if self._done:
                await self._commit()
        with suppress(Exception):  # whatever it is, nobody needs this member any more
            await self._consumer.stop()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Says it loudly when rows have gone that nobody had read."""
        with suppress(KafkaError):
            firsts = await self._consumer.beginning_offsets(assigned)
            for at, first in firsts.items():
                committed = await self._consumer.committed(at)
                if committed is not None and committed < first:
                    advice = "the topic kept them for less than the workers were away; nothing brings them back"
                    structlog.get_logger("intake").error("rows_gone", topic=at.topic, partition=at.partition, rows=first - committed, advice=advice)

    async def on_partitions_revoked(self, _: Iterable[TopicPartition]) -> None:
        """What is under way comes to its end first, so that whoever gets the partitions need not do it again."""
        with suppress(TimeoutError, LogError):
            await asyncio.wait_for(self._idle.wait(), LAST_COMMIT_S)
            if self._done:
                await self._commit()

    async def _look(self) -> None:
        """Asked before joining: a group waits without end for a topic that is not there, and must not read what we ourselves write."""
        prefix = self._cluster.settings.topic_prefix
        if self.topic in {topic.name for topic in topics(prefix, 1, 1)} - {prefix + IN}:
            raise LogError(f"{self.topic} is written by the service itself; take it out of the policy's sources")
        if self.topic not in {each["topic"] for each in await (await self._cluster.admin()).describe_topics()}:
            where = f"{self.topic} is not there at {self._cluster.settings.brokers}, or may not be seen"
            raise LogError(f"{where}; make it, allow it, or take it out of the policy's sources")

    async def _commit(self) -> None:
        """Of partitions that are still ours; another's own commits stand above ours."""
        done, self._done = self._done, {}
        self._committed_s = monotonic()
        ours = {at: offset for at, offset in done.items() if at in self._consumer.assignment()}
        if ours:
            async with self._bounded("commit what was read of"):
                with suppress(CommitFailedError, IllegalStateError):  # given away meanwhile: it is read again
                    await self._consumer.commit(ours)

    @asynccontextmanager
    async def _bounded(self, what: str) -> AsyncIterator[None]:
        """Nothing waits without end, and what fails is a LogError; members that wait for one that died do so for a session."""
        with saying(f"{what} {self.topic}", self._cluster.settings):
            async with asyncio.timeout(self._cluster.settings.request_timeout_ms / 1000 + GRACE_S + self._member.session_s):
                yield


@asynccontextmanager
async def joined(topic: str, cluster: Cluster, member: Member, clock: Callable[[], int]) -> AsyncIterator[Source]:
    """A member for as long as the block lasts; raises LogError. `clock` gives Unix milliseconds."""
    source = Source(topic, cluster, member, clock)
    try:
        await source.join()
        yield source
    finally:
        await source.leave()


def _arrival(record: Any, now_ms: int) -> int:
    """When the broker appended it; where only the producer has stamped it, that is believed unless it lies in the future."""
    if record.timestamp_type != CREATE_TIME:
        return int(record.timestamp)
    return min(record.timestamp, now_ms) if record.timestamp >= 0 else now_ms
