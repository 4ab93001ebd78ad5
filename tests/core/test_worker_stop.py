"""A worker that is told to stop ends, whatever its membership is doing: Faust's start may take minutes, and so may its goodbye."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import faust
import pytest

from service.engine.engine import Engine, Ports
from service.log.memory import MemoryLog, MemorySnapshots
from service.log.ports import LogError
from service.shells import worker as shell
from service.shells.delivery import Delivery
from service.shells.republish import Republisher
from service.shells.worker import Worker, WorkerError
from tests.core.streams import START_MS, policy_set

PATIENCE_S = 10.0


class App:
    """Faust's, as far as a worker asks it; what hangs does so until it is cancelled."""

    crash_reason = None

    def __init__(self, *hangs: str, fails: str = "") -> None:
        self._hangs, self._fails = hangs, fails
        self.calls: list[str] = []
        self.called = asyncio.Event()

    async def start(self) -> None:
        await self._call("start")

    async def stop(self) -> None:
        await self._call("stop")

    async def wait_until_stopped(self) -> None:
        await self._call("wait_until_stopped")

    async def _call(self, name: str) -> None:
        self.calls.append(name)
        self.called.set()
        if name == self._fails:
            raise OSError("no broker")
        if name in self._hangs:
            await asyncio.Event().wait()


@asynccontextmanager
async def no_topic(name: str) -> AsyncIterator[Any]:
    raise LogError(f"{name} is not there")
    yield  # type: ignore[unreachable]


def a_worker() -> Worker:
    log, snapshots = MemoryLog(lambda: START_MS), MemorySnapshots()
    engine = Engine.of_all(Ports(log, snapshots), 1, lambda: START_MS, lambda: 1, policy_set())

    def no_delivery(*_: object) -> Delivery:
        raise AssertionError("no outbox is leased")

    return Worker(engine, Republisher("in", no_topic, log, 1), no_delivery, time.monotonic)


async def lived(app: App, *, stop: bool) -> Worker:
    worker, stopped = a_worker(), asyncio.Event()
    living = asyncio.create_task(worker.live(cast("faust.App", app), stopped))
    await asyncio.wait_for(app.called.wait(), PATIENCE_S)
    if stop:
        stopped.set()
    await asyncio.wait_for(living, PATIENCE_S)
    return worker


@pytest.mark.parametrize("hangs", [("start",), ("wait_until_stopped",), ("start", "stop"), ("wait_until_stopped", "stop")])
async def test_a_stop_is_heard_while_faust_begins_and_while_it_leaves(hangs: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "LEAVES_WITHIN_S", 0.02)
    app = App(*hangs)
    worker = await lived(app, stop=True)
    assert app.calls[-1] == "stop", "it says goodbye"
    assert worker.engine.thread.stopping, "and has saved before"


@pytest.mark.parametrize(("app", "why"), [(App(fails="start"), "could not begin: OSError"), (App(), "ended by itself"), (App(fails="stop"), "ended by itself")])
async def test_an_end_that_nobody_asked_for_is_told(app: App, why: str) -> None:
    with pytest.raises(WorkerError, match=why):
        await lived(app, stop=False)
