"""The clients of one Kafka cluster, on an event loop and a thread of their own.

Law of this file: nothing waits without end. Each call has `request_timeout_ms` and a little more, then it is a LogError; a producer
or a reader that has failed is replaced, because what it knows of the broker is not sure any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import Future
from threading import Thread
from typing import Any, Final, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition

from service.log.kafka.client import Admin, client_options, quieten
from service.log.kafka.failures import ALL, APPENDING, saying
from service.log.kafka.fetched import bare
from service.log.kafka.producer import Producer, Record
from service.log.kafka.reader import FETCH_BYTES, Reader, Readers, Span
from service.log.ports import LogError, Row
from service.settings import KafkaSettings

GRACE_S: Final = 1.0  # on top of the client's own timeout, whose error says more
CLOSING_S: Final = 5.0

T = TypeVar("T")


class Cluster:
    """Shared by the log, the snapshots and the check of the topics of one process; `close` it in the end.

    Topics are meant by their full names. Raises LogError where a certificate cannot be used.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings
        with saying("use the certificates", settings):
            self._options = client_options(settings)
        quieten()
        self._loop = asyncio.new_event_loop()
        self._lock = asyncio.Lock()
        self._asker: AIOKafkaConsumer | None = None
        self._admin: Admin | None = None
        self._producer = Producer(self._options, leaves_s=settings.request_timeout_ms / 1000 + GRACE_S)
        self._readers = Readers(self._reader)
        self._partitions: dict[str, set[int]] = {}
        self._thread = Thread(target=self._loop.run_forever, name="kafka", daemon=True)
        self._thread.start()

    async def run(self, what: str, work: Coroutine[Any, Any, T], loggers: str = ALL) -> T:
        """Awaits `work` where the clients live; `what` is how a LogError goes on behind `cannot`, `loggers` whose warnings may say why."""

        async def inside() -> T:
            task = asyncio.current_task()
            assert task is not None
            task.add_done_callback(_may_fail)
            with saying(what, self.settings, loggers):
                async with asyncio.timeout(self.settings.request_timeout_ms / 1000 + GRACE_S):
                    return await work

        future: Future[T] = asyncio.run_coroutine_threadsafe(inside(), self._loop)
        return await asyncio.wrap_future(future)

    async def append(self, topic: str, batches: Mapping[int, Sequence[Record]]) -> dict[int, int]:
        """Appends to some partitions and returns the first offset of each, once all is durable.

        Who gives up waiting (a courier whose lease has gone) does not stop it: the others use the same producer.
        """

        async def work() -> dict[int, int]:
            for partition in batches:
                await self._known(TopicPartition(topic, partition))
            firsts = await self._producer.append(topic, batches)
            for partition, first in firsts.items():
                self._readers.tell(TopicPartition(topic, partition), first + len(batches[partition]))
            return firsts

        appending = asyncio.ensure_future(self.run(f"append to {topic}", work(), APPENDING))
        appending.add_done_callback(_may_fail)
        return await asyncio.shield(appending)

    async def rows(self, topic: str, partition: int, offset: int, limit: int) -> list[Row]:
        """See Log.read."""
        return await self.run(f"read {topic}-{partition}", self._readers.read(TopicPartition(topic, partition), offset, limit, Reader.rows))

    async def records(self, topic: str, partition: int, offset: int, limit: int) -> list[Any]:
        """The same with keys, as aiokafka parses them."""
        return await self.run(f"read {topic}-{partition}", self._readers.read(TopicPartition(topic, partition), offset, limit, Reader.records))

    async def span(self, topic: str, partition: int) -> Span:
        """See Log.span."""

        async def work() -> Span:
            at = TopicPartition(topic, partition)
            await self._known(at)
            first, end = await self._span(at)
            self._readers.tell(at, end)
            return first, end

        return await self.run(f"ask {topic}-{partition} for its span", work())

    async def since(self, topic: str, partition: int, arrival_ms: int) -> int:
        """See Log.since."""

        async def work() -> int:
            at = TopicPartition(topic, partition)
            await self._known(at)
            _, end = await self._span(at)
            assert self._asker is not None, "the span was asked of it"
            found = (await self._asker.offsets_for_times({at: arrival_ms}))[at]
            return end if found is None else int(found.offset)

        return await self.run(f"ask {topic}-{partition} what came since {arrival_ms}", work())

    def release(self, topic: str, partition: int) -> None:
        """Reads a partition no further ahead."""
        self._loop.call_soon_threadsafe(self._readers.forget, TopicPartition(topic, partition))

    async def admin(self) -> Admin:
        """For work that is given to `run`."""
        async with self._lock:
            if self._admin is None:
                admin = Admin(**self._options)
                await _started(admin.start, admin.close)
                self._admin = admin
            return self._admin

    def close(self) -> None:
        """Lets go of all connections; nothing can be asked afterwards."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._closed(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _closed(self) -> None:
        """What does not end in CLOSING_S, because no broker answers, is cut off."""
        stops = [self._readers.close(), self._producer.close()]
        stops += [self._asker.stop()] if self._asker else []
        stops += [self._admin.close()] if self._admin else []
        await asyncio.wait([self._loop.create_task(stop) for stop in stops], timeout=CLOSING_S)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _reader(self, at: TopicPartition) -> Reader:
        await self._known(at)
        consumer = await self._consumer()
        bare(consumer)
        consumer.assign([at])
        return Reader(at, consumer, lambda: self._span(at))

    async def _known(self, at: TopicPartition) -> None:
        """Asked for once a topic: a client would wait a whole timeout for one that is missing."""
        if at.partition not in self._partitions.get(at.topic, ()):
            found = await (await self.admin()).describe_topics()  # all of them: in some clusters a topic is made by asking for it
            self._partitions = {each["topic"]: {one["partition"] for one in each["partitions"]} for each in found}
        if at.partition not in self._partitions.get(at.topic, ()):
            raise LogError(f"{at.topic}-{at.partition} is not there at {self.settings.brokers}; `spendwarden topics` makes the topics and says what differs")

    async def _span(self, at: TopicPartition) -> Span:
        async with self._lock:
            if self._asker is None:
                self._asker = await self._consumer()
            if not self._asker.partitions_for_topic(at.topic):
                self._asker.unsubscribe()  # from nothing: it then asks for all topics, where it would fail at one it has not met and wait for 100 ms
        first, end = await asyncio.gather(self._asker.beginning_offsets([at]), self._asker.end_offsets([at]))
        return first[at], end[at]

    async def _consumer(self) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(**self._options, auto_offset_reset="none", enable_auto_commit=False, max_partition_fetch_bytes=FETCH_BYTES)
        await _started(consumer.start, consumer.stop)
        return consumer


async def _started(start: Any, stop: Any) -> None:
    """A client that could not begin is closed all the same, or its half connections would be left behind."""
    try:
        await start()
    except BaseException:
        await stop()
        raise


def _may_fail(done: asyncio.Future[Any]) -> None:
    """While nobody waits any more: whoever gave up waiting has said why."""
    if not done.cancelled():
        done.exception()
