"""Group commit: requests that arrive together become durable together, in one append.

While one append is under way the next group gathers, so a busy door commits large groups and a quiet one waits a few milliseconds
at most. What waits is bounded in records; beyond that a request is told to come back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from service.api.ports import BehindError
from service.intake import Refusal
from service.log.ports import LogError
from service.records import Record

GATHER_S: Final = 0.002
GROUP_RECORDS_MAX: Final = 10_000
WAITING_RECORDS_MAX: Final = 50_000
RETRY_AFTER_S: Final = 1

Append: TypeAlias = Callable[[Sequence[Record], Sequence[Refusal]], Awaitable[None]]


class Safe(NamedTuple):
    """It is on disk."""


class Busy(NamedTuple):
    """Too much is waiting; nothing was taken."""

    retry_after_s: int


class Unavailable(NamedTuple):
    """The log could not be written; nothing of the request counts as written."""

    detail: str


STOPPING: Final = Unavailable("The service is stopping.")
Answer: TypeAlias = Safe | Busy | Unavailable


class _Waiting(NamedTuple):
    records: Sequence[Record]
    refusals: Sequence[Refusal]
    answer: asyncio.Future[Answer]

    @property
    def size(self) -> int:
        return len(self.records) + len(self.refusals)


class Door:
    """Takes requests from any number of tasks and commits them, group by group, as long as any wait."""

    def __init__(self, append: Append, *, waiting_records_max: int = WAITING_RECORDS_MAX) -> None:
        self._append = append
        self._waiting_records_max = waiting_records_max
        self._queue: list[_Waiting] = []
        self._drain: asyncio.Task[None] | None = None
        self.waiting_records = 0

    async def take(self, records: Sequence[Record], refusals: Sequence[Refusal]) -> Answer:
        """Returns once all of it is durable, or says why it is not. What the append did not expect is raised to every caller of its group."""
        waiting = _Waiting(records, refusals, asyncio.get_running_loop().create_future())
        if self.waiting_records and self.waiting_records + waiting.size > self._waiting_records_max:
            return Busy(RETRY_AFTER_S)
        self.waiting_records += waiting.size
        self._queue.append(waiting)
        if self._drain is None or self._drain.done():
            self._drain = asyncio.create_task(self._commit_all())
        return await waiting.answer

    async def close(self) -> None:
        """Waits until everything that was handed in is decided."""
        if self._drain is not None:
            await self._drain

    async def _commit_all(self) -> None:
        try:
            while self._queue:
                await asyncio.sleep(GATHER_S)
                await self._commit(self._next_group())
        finally:
            self._tell(self._queue, STOPPING)
            self._queue = []

    def _next_group(self) -> list[_Waiting]:
        """The oldest requests up to GROUP_RECORDS_MAX records, at least one request."""
        size, count = 0, 0
        for waiting in self._queue:
            size += waiting.size
            if count and size > GROUP_RECORDS_MAX:
                break
            count += 1
        group, self._queue = self._queue[:count], self._queue[count:]
        return group

    async def _commit(self, group: list[_Waiting]) -> None:
        """One append for the whole group. Where it is cut off nobody knows; told as not taken, sent again, counted once."""
        answer: Answer | Exception = STOPPING
        try:
            await self._append([record for waiting in group for record in waiting.records], [refusal for waiting in group for refusal in waiting.refusals])
            answer = Safe()
        except BehindError as error:
            answer = Busy(error.retry_after_s)
        except LogError as error:
            answer = Unavailable(str(error))
        except Exception as error:  # noqa: BLE001 -- it is raised again, in each of the requests
            answer = error
        finally:
            self._tell(group, answer)

    def _tell(self, group: list[_Waiting], answer: Answer | Exception) -> None:
        self.waiting_records -= sum(waiting.size for waiting in group)
        for waiting in group:
            if waiting.answer.done():  # a client that left is told nothing
                continue
            if isinstance(answer, Exception):
                waiting.answer.set_exception(answer)
            else:
                waiting.answer.set_result(answer)
