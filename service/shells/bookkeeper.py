"""Who keeps the books of a shell: a thread that follows journal and outbox, and forgets by the minute what is long ago."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from time import monotonic
from typing import Final, TypeAlias

import structlog

from service.engine.background import Background
from service.ledger import Ledger
from service.log.ports import JOURNAL, OUTBOX, Log, LogError

ROWS_AT_ONCE: Final = 2_000
LOOK_AGAIN_S: Final = 1.0
SILENT_S: Final = 30.0  # so many rows as are taken at once take less
DAY_MS: Final = 86_400_000
DAY_MINUTES: Final = 1_440
Opens: TypeAlias = Callable[[], AbstractAsyncContextManager[Log]]


@dataclass
class Bookkeeper:
    """The books follow all `partitions` of journal and outbox in a thread of their own; what fails is tried again from the saved place.

    The thread has a loop of its own, on which it opens the log: reads may wait there, and the database may block it, for it serves nobody
    else. Minutes older than `minute_days` are forgotten in small steps in between, by the journal's own time; their hours stay.
    """

    opens: Opens
    ledger: Ledger
    partitions: int = 1
    minute_days: int = 35
    _failure: str = ""
    _began: float | None = None
    _heard_ms: int = 0
    _forgotten: int = 0
    _next_subject: int = 0

    def __post_init__(self) -> None:
        self.thread = Background("books", lambda: asyncio.run(self._live()))

    @property
    def failure(self) -> str:
        """Why the books wait, or empty. Any thread may ask, also while log or database answer nothing at all."""
        began = self._began
        silent_s = monotonic() - began if began is not None else 0.0
        return self._failure or (f"log and database have answered nothing for {silent_s:.0f} s" if silent_s > SILENT_S else "")

    async def _live(self) -> None:
        """Until it is to stop, and then to the end of the logs, if that goes without a failure."""
        while True:
            try:
                async with self.opens() as log:
                    await self._follow(log)
            except Exception as failed:  # noqa: BLE001 -- a log that cannot be opened is tried again, whatever it raises
                self._failed(failed)
            if self.thread.stopping:
                return
            await self._rest()

    async def _follow(self, log: Log) -> None:
        while True:
            try:
                moved = await self.catch_up(log) + (0 if self.thread.stopping else self.forget())
                self._failure = ""
            except Exception as failed:  # noqa: BLE001 -- whatever log or database raise: the books wait, the decisions go on
                moved = 0
                self._failed(failed)
            self._began = None
            if moved:
                continue
            if self.thread.stopping:
                return
            await self._rest()

    def _failed(self, failed: Exception) -> None:
        if str(failed) != self._failure:
            structlog.get_logger("books").warning("books_wait", reason=str(failed), exc_info=not isinstance(failed, LogError))
        self._failure = str(failed)

    async def _rest(self) -> None:
        """Until there is news; after a failure for the whole while, since news is no reason to try again."""
        await asyncio.to_thread(self.thread.pause if self._failure else self.thread.rest, LOOK_AGAIN_S)

    async def catch_up(self, log: Log) -> int:
        """Takes the next rows of each partition; returns how many."""
        return sum([await self._take(log, topic, partition) for topic in (JOURNAL, OUTBOX) for partition in range(self.partitions)])

    async def _take(self, log: Log, topic: str, partition: int) -> int:
        self._began = monotonic()
        offset = self.ledger.next_offset(topic, partition)
        try:
            rows = await log.read(topic, partition, offset, ROWS_AT_ONCE)
        except LogError as failed:
            if offset >= (await log.span(topic, partition))[0]:
                raise
            raise LogError(f"{failed}; `spendwarden ledger rebuild --accept-loss` makes books of what is left") from failed
        if rows:
            (self.ledger.apply if topic == JOURNAL else self.ledger.apply_outbox)(partition, rows)
            self._heard_ms = max(self._heard_ms, rows[-1].arrival_ms)
        return len(rows)

    def forget(self) -> bool:
        """One step of a round through the minutes, at the start and as each day begins; whether there is another."""
        before = (self._heard_ms // DAY_MS - self.minute_days) * DAY_MINUTES
        if before <= self._forgotten:
            return False
        following = self.ledger.forget_minutes(before, self._next_subject)
        if following is None:
            self._forgotten = before
        self._next_subject = following or 0
        return following is not None
