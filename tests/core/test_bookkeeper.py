"""The bookkeeper: every partition, of a log that may wait or fail, to the end when it is told to stop; and a rebuild in between."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest
from structlog.testing import capture_logs

from service.books import SpendQuestion
from service.facts import MINUTE_MS, Counts, Envelope, Measures, Outbox, PricedLate, Tally, encode
from service.ledger import Ledger
from service.log.memory import MemoryLog
from service.log.ports import JOURNAL, OUTBOX, Log, LogError, Row
from service.shells import bookkeeper
from service.shells.bookkeeper import Bookkeeper
from service.shells.rebuild import rebuild, sources_of
from tests.core.ledger.heard import cell

PATIENCE_S = 20
ROUNDS = 5
BY_AGENT = SpendQuestion("default", by="agent")


class WaitingLog(MemoryLog):
    """One whose reads wait as a network does; it belongs to the loop that opened it, and may be away."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: 1)
        self.loop: asyncio.AbstractEventLoop | None = None
        self.opened = 0
        self.away = ""
        self.speaks = threading.Event()
        self.speaks.set()

    @asynccontextmanager
    async def opens(self) -> AsyncIterator[Log]:
        self.opened += 1
        if self.opened == 1:
            raise LogError("no broker answers")
        self.loop = asyncio.get_running_loop()
        yield self
        self.loop = None

    async def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Row]:
        assert asyncio.get_running_loop() is self.loop
        await asyncio.sleep(0.001)
        while not self.speaks.is_set():  # noqa: ASYNC110 -- another thread sets it
            await asyncio.sleep(0.01)
        if self.away:
            raise LogError(self.away)
        return await super().read(topic, partition, offset, limit)


async def say(log: MemoryLog, partition: int, minute: int, nanos: int) -> None:
    """A partition's journal and the outbox of its warden have grown: so much was spent by its agent, and as much again was priced late."""
    agent = cell(f"agent-{partition}")
    said = Envelope(partition, (minute + 1) * MINUTE_MS, minute, [Tally(agent, minute, minute, 0, Measures(records=1, nanos=nanos))], Counts(records=1))
    await log.append(JOURNAL, partition, [encode(said)])
    await log.append(OUTBOX, partition, [encode(Outbox(minute, [PricedLate(9, agent, minute, nanos)]))])


def until(holds: Callable[[], bool]) -> None:
    ends = monotonic() + PATIENCE_S
    while not holds():
        assert monotonic() < ends
        sleep(0.005)


@pytest.fixture
def log() -> WaitingLog:
    return WaitingLog()


@contextmanager
def keeping(log: WaitingLog, url: str, partitions: int) -> Iterator[Bookkeeper]:
    with closing(Ledger(url)) as ledger:
        keeper = Bookkeeper(log.opens, ledger, partitions)
        keeper.thread.start()
        try:
            yield keeper
        finally:
            keeper.thread.stop()


async def test_every_partition_of_a_log_that_waits_and_fails_is_booked(log: WaitingLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bookkeeper, "LOOK_AGAIN_S", 0.05)
    for partition in range(3):
        await say(log, partition, 0, 10**partition)
    with keeping(log, f"sqlite:///{tmp_path}/ledger.db", 3) as keeper:
        until(lambda: keeper.failure == "no broker answers")
        until(lambda: keeper.ledger.spend(BY_AGENT).by == {"agent-0": 2, "agent-1": 20, "agent-2": 200})
        until(lambda: not keeper.failure)
        log.away = "the broker went away"
        until(lambda: keeper.failure == log.away)
        await say(log, 2, 1, 5)
        log.away = ""
        until(lambda: not keeper.failure)
        until(lambda: keeper.ledger.spend(BY_AGENT).by["agent-2"] == 210)
        assert log.opened == 2
    assert log.loop is None


async def test_a_nudge_ends_a_rest_and_a_stop_comes_after_the_last_row(log: WaitingLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bookkeeper, "LOOK_AGAIN_S", 0.05)
    monkeypatch.setattr(bookkeeper, "ROWS_AT_ONCE", 2)
    with keeping(log, f"sqlite:///{tmp_path}/ledger.db", 1) as keeper:
        until(lambda: log.opened == 2 and not keeper.failure)
        monkeypatch.setattr(bookkeeper, "LOOK_AGAIN_S", 1000)
        await asyncio.sleep(0.2)
        await say(log, 0, 0, 1)
        keeper.thread.nudge()
        until(lambda: keeper.ledger.spend(BY_AGENT).nanos == 2)
        for minute in range(1, 50):
            await say(log, 0, minute, 1)
        keeper.thread.stop()
        assert keeper.ledger.spend(BY_AGENT).nanos == 100


async def test_a_log_that_answers_nothing_at_all_is_told_while_it_is_waited_for(log: WaitingLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bookkeeper, "LOOK_AGAIN_S", 0.01)
    monkeypatch.setattr(bookkeeper, "SILENT_S", 0.2)
    with keeping(log, f"sqlite:///{tmp_path}/ledger.db", 1) as keeper:
        until(lambda: log.opened == 2 and not keeper.failure)
        log.speaks.clear()
        until(lambda: "answered nothing for" in keeper.failure)
        log.speaks.set()
        until(lambda: not keeper.failure)


async def test_a_rebuild_and_a_bookkeeper_at_work_do_not_spoil_each_other(log: WaitingLog, fresh: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Both book all the time, here in two threads as elsewhere in two processes."""
    monkeypatch.setattr(bookkeeper, "LOOK_AGAIN_S", 0.01)
    monkeypatch.setattr(bookkeeper, "ROWS_AT_ONCE", 3)
    monkeypatch.setattr("service.shells.rebuild.ROWS_AT_ONCE", 4)
    url, other = fresh(), MemoryLog(clock=lambda: 1)
    ended = threading.Event()

    async def rebuild_again_and_again() -> int:
        rounds = 0
        with closing(Ledger(url)) as ledger:
            while rounds < ROUNDS or not ended.is_set():
                await rebuild(other, ledger, await sources_of(other, 2))
                rounds += 1
        return rounds

    with capture_logs() as told, keeping(log, url, 2) as keeper:
        rebuilding = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(rebuild_again_and_again())))
        for minute in range(60):
            for partition in range(2):
                await say(other, partition, minute, 1)
                await say(log, partition, minute, 1)
            keeper.thread.nudge()
            await asyncio.sleep(0.01)
        ended.set()
        assert await rebuilding >= ROUNDS
        await asyncio.to_thread(until, lambda: keeper.ledger.spend(BY_AGENT).by == {"agent-0": 120, "agent-1": 120})
        await asyncio.sleep(0.1)
        assert keeper.ledger.spend(BY_AGENT).by == {"agent-0": 120, "agent-1": 120}
    assert [it["reason"] for it in told] == ["no broker answers"]
