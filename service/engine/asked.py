"""Questions to whoever folds in a thread of its own, answered from the folds' own states between two rounds; and what it shows of itself."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from service.log.ports import LogError
from service.meter.fold import Meter
from service.warden.state import Warden

T = TypeVar("T")


class States(NamedTuple):
    """The folds' own states by partition, to be looked at between two rounds."""

    meters: Mapping[int, Meter]
    wardens: Mapping[int, Warden]


@dataclass
class Heard:
    """What a shell shows of who folds: read by other threads, written by the folding one only."""

    ready: bool = False
    failure: str = "starting"
    restarts: int = 0
    folded_rows: int = 0
    saved_ms: int = 0
    policy_version: int = 0
    rounds: int = 0
    recovery_ms: int = 0


class Questions:
    """Any thread may ask; the folding thread answers, or refuses them all."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Callable[[States], Any], Future[Any]]] = deque()

    def ask(self, question: Callable[[States], T]) -> Future[T]:
        """Waits for the next `answer` or `refuse`."""
        answer: Future[T] = Future()
        self._waiting.append((question, answer))
        return answer

    def answer(self, states: States) -> None:
        """Whatever a question raises is raised where it was asked."""
        while self._waiting:
            question, answer = self._waiting.popleft()
            if not answer.set_running_or_notify_cancel():  # whoever asked waits no more
                continue
            try:
                answer.set_result(question(states))
            except Exception as wrong:  # noqa: BLE001 -- it is raised again where it was asked
                answer.set_exception(wrong)

    def refuse(self, reason: str) -> None:
        """With a LogError."""
        while self._waiting:
            answer = self._waiting.popleft()[1]
            if answer.set_running_or_notify_cancel():
                answer.set_exception(LogError(reason))


async def soon(asked: Awaitable[T], within_s: float) -> T | None:
    """What is known within so many seconds; None where it is not, or cannot be."""
    try:
        async with asyncio.timeout(within_s):
            return await asked
    except (LogError, TimeoutError):
        return None


def refused(reason: str) -> Future[Any]:
    """The answer to a question that nobody is there to answer."""
    answer: Future[Any] = Future()
    answer.set_exception(LogError(reason))
    return answer
