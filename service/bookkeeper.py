"""Who keeps the books of the embedded shell: a thread that follows journal and outbox, and forgets by the minute what is long ago."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog

from service.background import Background
from service.ledger import Ledger
from service.log.ports import JOURNAL, OUTBOX, Log

ROWS_AT_ONCE: Final = 2_000
LOOK_AGAIN_S: Final = 1.0
DAY_MS: Final = 86_400_000
DAY_MINUTES: Final = 1_440
T = TypeVar("T")


def complete(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine that never waits (SQLite's ports block instead) to its end, in this thread."""
    try:
        work.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    work.close()
    raise AssertionError("a port of the embedded shell waited")


@dataclass
class Bookkeeper:
    """The books follow journal and outbox in a thread of their own; what fails is tried again from the saved place.

    Minutes older than `minute_days` are forgotten in small steps in between, by the journal's own time; their hours stay.
    """

    log: Log
    ledger: Ledger
    minute_days: int = 35
    failure: str = ""
    _heard_ms: int = 0
    _forgotten: int = 0
    _next_subject: int = 0

    def __post_init__(self) -> None:
        self.thread = Background("books", self._live)

    def _live(self) -> None:
        while True:
            try:
                moved = self.catch_up() + (0 if self.thread.stopping else self.forget())
                self.failure = ""
            except Exception as failed:  # noqa: BLE001 -- whatever the database raises: the books wait, the decisions go on
                moved = 0
                if str(failed) != self.failure:
                    structlog.get_logger("books").exception("books_wait")
                self.failure = str(failed)
            if self.thread.stopping and not moved:
                return
            if not moved:
                self.thread.rest(LOOK_AGAIN_S)

    def catch_up(self) -> int:
        """Takes the next rows of both logs; returns how many."""
        moved = 0
        for topic, apply in ((JOURNAL, self.ledger.apply), (OUTBOX, self.ledger.apply_outbox)):
            rows = complete(self.log.read(topic, 0, self.ledger.next_offset(topic, 0), ROWS_AT_ONCE))
            if rows:
                apply(0, rows)
                moved += len(rows)
                self._heard_ms = max(self._heard_ms, rows[-1].arrival_ms)
        return moved

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
