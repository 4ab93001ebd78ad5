"""One idempotent producer with acks=all: an append is whole batches, awaited until all of them are on all replicas in sync."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer

BATCH_BYTES: Final = 1024 * 1024  # below max.message.bytes of our topics; one row alone may be larger

Record = tuple[bytes | None, bytes | None]  # key, value


class Producer:
    """Begun when it is first needed. After any failure it is thrown away: only a new one has a sequence that is surely right.

    `leaves_s`: so long another append of the one that is thrown away may still succeed.
    """

    def __init__(self, options: Mapping[str, Any], leaves_s: float) -> None:
        self._options, self._leaves_s = options, leaves_s
        self._lock = asyncio.Lock()
        self._client: AIOKafkaProducer | None = None
        self._leaving: set[asyncio.Task[None]] = set()

    async def append(self, topic: str, batches: Mapping[int, Sequence[Record]]) -> dict[int, int]:
        """Sends all partitions at once and returns each one's first offset; raises what aiokafka raises, of the first that failed."""
        client = await self._begun()
        try:
            firsts = await asyncio.gather(*(_send(client, topic, *batch) for batch in batches.items()))
        except BaseException:
            self._leave(client)
            raise
        return dict(zip(batches, firsts, strict=True))

    async def close(self) -> None:
        """Waits for what is under way."""
        if self._client is not None:
            self._leave(self._client)
        await asyncio.gather(*self._leaving, return_exceptions=True)

    async def _begun(self) -> AIOKafkaProducer:
        async with self._lock:
            if self._client is None:
                client = AIOKafkaProducer(**self._options, enable_idempotence=True, acks="all", max_batch_size=BATCH_BYTES)
                try:
                    await client.start()
                except BaseException:
                    await client.stop()
                    raise
                self._client = client
            return self._client

    def _leave(self, client: AIOKafkaProducer) -> None:
        """In the background: what it still holds is not waited for by anyone."""
        if self._client is client:
            self._client = None
        task = asyncio.get_running_loop().create_task(_left(client, self._leaves_s))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)


async def _left(client: AIOKafkaProducer, leaves_s: float) -> None:
    """Cut off where it does not come to an end: an idempotent client tries for ever, and while too few replicas are in sync they would pile up."""
    flushing = asyncio.get_running_loop().create_task(client.flush())
    await asyncio.wait({flushing}, timeout=leaves_s)
    if flushing.done():
        await client.stop()
        return
    flushing.cancel()
    client._closed = True  # noqa: SLF001 -- its stop() would wait for what it holds
    await client._sender.close()  # noqa: SLF001
    await client.client.close()


async def _send(client: AIOKafkaProducer, topic: str, partition: int, records: Sequence[Record]) -> int:
    """In as few batches as they fit in; returns the first offset.

    Each waits for the one before: were one to fail and the next to arrive, facts would have a hole in the middle that nobody sees.
    """
    firsts: list[int] = []
    batch = client.create_batch()
    for key, value in records:
        if batch.append(timestamp=None, key=key, value=value) is None:
            firsts.append(await _sent(client, batch, topic, partition))
            batch = client.create_batch()
            batch.append(timestamp=None, key=key, value=value)
    firsts.append(await _sent(client, batch, topic, partition))
    return firsts[0]


async def _sent(client: AIOKafkaProducer, batch: Any, topic: str, partition: int) -> int:
    batch.close()
    future: asyncio.Future[Any] = await client.send_batch(batch, topic, partition=partition)
    future.add_done_callback(lambda done: done.cancelled() or done.exception())  # may fail while nobody waits any more
    return int((await future).offset)
