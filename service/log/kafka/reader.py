"""One partition, read by a consumer of its own: no other partition waits behind what of this one has not been taken yet.

(With many partitions on one consumer, aiokafka lets a partition wait for a long poll of the others, up to `fetch_max_wait_ms`.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from itertools import accumulate, islice
from time import monotonic
from typing import Any, Final, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from service.log.ports import LogError, Row

READER_IDLE_S: Final = 60.0  # then a partition that was given away is no longer read ahead
ASK_EVERY_S: Final = 5.0  # an idle reader asks for the end, so that a broker that is away is an error and no silence
FETCH_WAIT_MS: Final = 100
FETCH_BYTES: Final = 2 * 1024 * 1024

Span = tuple[int, int]
_row: Final = partial(tuple.__new__, Row)
T = TypeVar("T")


class Reader:
    """Reads on from where the last read ended without asking anything; from elsewhere after one question for the span.

    So a read sees what was there when this cluster's `span` was asked or its own append returned; what others append it sees
    as soon as the broker has sent it.
    """

    def __init__(self, at: TopicPartition, consumer: AIOKafkaConsumer, span: Callable[[], Awaitable[Span]]) -> None:
        self.used_s = monotonic()
        self._at, self._consumer, self._span = at, consumer, span
        self._lock = asyncio.Lock()
        self._next: int | None = None
        self._end = 0
        self._asked_s = 0.0
        self._arrival_ms = 0

    async def rows(self, offset: int, limit: int) -> list[Row]:
        """Up to `limit` rows; raises LogError where `offset` is gone.

        A broker stamps with its own clock, and the next leader's may be behind: within what one reader reads on, arrival waits
        for it, as the port promises.
        """
        async with self._lock:
            since_ms = self._arrival_ms if offset == self._next else 0
            rows = _rows(await self._records(offset, limit), since_ms)
            self._arrival_ms = rows[-1].arrival_ms if rows else since_ms
            return rows

    async def records(self, offset: int, limit: int) -> list[Any]:
        """The same with their keys, as aiokafka parses them (`fetched`)."""
        async with self._lock:
            return await self._records(offset, limit)

    def known(self, end: int) -> None:
        """There are rows below `end`: a read waits for them."""
        self._end = max(self._end, end)

    async def close(self) -> None:
        """Lets go of the connection."""
        await self._consumer.stop()

    async def _records(self, offset: int, limit: int) -> list[Any]:
        self.used_s = monotonic()
        going_on = offset == self._next
        self._next = None
        if not going_on and not await self._moved(offset):
            return []
        try:
            found = await self._take(limit)
            if not found and self.used_s - self._asked_s >= ASK_EVERY_S:
                await self._ask()
                found = await self._take(limit)
        except OffsetOutOfRangeError:
            first, end = await self._ask()
            raise LogError(self._gone(offset, first, end)) from None
        self._next = found[-1].offset + 1 if found else offset
        return found

    async def _take(self, limit: int) -> list[Any]:
        """What has come; waits only for what is known to be there."""
        while True:
            behind = await self._consumer.position(self._at) < self._end
            taken = await self._consumer.getmany(self._at, timeout_ms=FETCH_WAIT_MS if behind else 0, max_records=limit)
            found: list[Any] = taken.get(self._at, [])
            if found or not behind:
                return found

    async def _moved(self, offset: int) -> bool:
        """Goes to `offset`; says no where nothing will be for now, behind the end."""
        _, end = await self._ask()
        if offset > end:
            return False
        self._consumer.seek(self._at, offset)
        return True

    async def _ask(self) -> Span:
        first, self._end = await self._span()
        self._asked_s = monotonic()
        return first, self._end

    def _gone(self, offset: int, first: int, end: int) -> str:
        where = f"{self._at.topic}-{self._at.partition}: offset {offset}"
        if offset < first:
            return f"{where} has been trimmed away, the first kept is {first}"
        return f"{where} has been read up to, but the log now ends at {end}: the broker has lost rows"


class Readers:
    """A reader for each partition that is read: begun by `begin` when it is first asked, thrown away when it fails or nobody reads it."""

    def __init__(self, begin: Callable[[TopicPartition], Coroutine[Any, Any, Reader]]) -> None:
        self._begin = begin
        self._readers: dict[TopicPartition, asyncio.Task[Reader]] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    async def read(self, at: TopicPartition, offset: int, limit: int, how: Callable[[Reader, int, int], Awaitable[list[T]]]) -> list[T]:
        """`how` is one of Reader's own reads."""
        if at not in self._readers:
            self._forget_idle()
            self._readers[at] = asyncio.get_running_loop().create_task(self._begin(at))
        try:
            return await how(await asyncio.shield(self._readers[at]), offset, limit)
        except BaseException:
            self.forget(at)
            raise

    def tell(self, at: TopicPartition, end: int) -> None:
        """The reader of a partition, where there is one, hears that there are rows below `end`."""
        reader = self._begun(at)
        if reader is not None:
            reader.known(end)

    def forget(self, at: TopicPartition) -> None:
        """In the background: who goes on without it need not wait until its connections are closed."""
        reading = self._readers.pop(at, None)
        if reading is not None:
            task = asyncio.get_running_loop().create_task(_left(reading))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def close(self) -> None:
        """All of them."""
        for at in list(self._readers):
            self.forget(at)
        await asyncio.gather(*self._leaving)

    def _forget_idle(self) -> None:
        since_s = monotonic() - READER_IDLE_S
        for at in list(self._readers):
            reader = self._begun(at)
            if reader is not None and reader.used_s < since_s:
                self.forget(at)

    def _begun(self, at: TopicPartition) -> Reader | None:
        reading = self._readers.get(at)
        return reading.result() if reading is not None and reading.done() and not reading.cancelled() and not reading.exception() else None


def _rows(records: Sequence[Any], since_ms: int) -> list[Row]:
    """Aiokafka's records as the port's rows, of which none arrived before `since_ms` or before the one ahead of it.

    Column by column, since hundreds of thousands a second come this way: a call of `Row` for each would take twice as long as all of it.
    """
    offsets, values = [record.offset for record in records], [record.value or b"" for record in records]
    arrivals = islice(accumulate([record.timestamp for record in records], max, initial=since_ms), 1, None)
    return list(map(_row, zip(offsets, arrivals, values, strict=True)))


async def _left(reading: asyncio.Task[Reader]) -> None:
    """One that could not begin has closed itself."""
    with suppress(Exception):
        await (await reading).close()
