"""A service that is told to end does, whatever a courier or a library below it makes of that."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from service.couriers.dispatcher import Dispatcher
from service.couriers.port import Delivered, Item, Outcome
from service.log.memory import MemoryLog
from service.log.ports import LogError
from service.policy import load
from service.shells.delivery import Delivery
from tests.core.dispatcher.world import START, Script, World, notice

PATIENCE_S = 5.0


class Stubborn(Script):
    """Hangs, and makes of being told to end what it was made for: an error, or an answer."""

    def __init__(self, name: str, makes: type[Exception] | None) -> None:
        super().__init__(name)
        self.began = asyncio.Event()
        self._makes = makes

    async def deliver(self, item: Item) -> Outcome:
        return await self._hang()

    async def heard(self) -> list[Any]:
        await self._hang()
        return []

    async def _hang(self) -> Outcome:
        try:
            self.began.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if self._makes is not None:
                raise self._makes("the connection is gone") from None
        return Delivered()


@pytest.mark.parametrize("makes", [ConnectionError, None])
async def test_a_courier_that_swallows_its_end_keeps_nothing_alive(world: World, makes: type[Exception] | None) -> None:
    world.couriers["orchestrator"] = stubborn = Stubborn("orchestrator", makes)
    world.dispatcher = world._made()
    running = asyncio.ensure_future(world.dispatcher.run())
    await world.take(notice(1))
    await asyncio.wait_for(stubborn.began.wait(), PATIENCE_S)
    await asyncio.sleep(0)
    running.cancel()
    done, _ = await asyncio.wait({running}, timeout=PATIENCE_S)
    assert done, "it goes on"
    assert running.cancelled()


class Failing:
    """A dispatcher whose life ends in an error where it is told to end."""

    def __init__(self) -> None:
        self.began = asyncio.Event()

    async def restore(self) -> None: ...
    async def close(self) -> None: ...

    async def follow(self, *_: object) -> None:
        await asyncio.Event().wait()

    async def run(self) -> None:
        self.began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise LogError("the disk is full") from None


async def test_what_fails_while_it_is_told_to_end_is_not_begun_again() -> None:
    failing = Failing()
    delivery = Delivery(MemoryLog(clock=lambda: START), lambda _: cast("Dispatcher", failing), load(""))
    living = asyncio.ensure_future(delivery.live())
    await asyncio.wait_for(failing.began.wait(), PATIENCE_S)
    living.cancel()
    done, _ = await asyncio.wait({living}, timeout=PATIENCE_S)
    assert done, "it goes on"
    assert living.cancelled()
