"""Running, stopped or killed anywhere, nothing is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.facts import Control, Decision, Outbox, Receipt, encode
from service.log.memory import MemoryLog
from service.log.ports import OUTBOX, LogError
from tests.core.dispatcher.world import DOWN, START, World, notice, order
from tests.samples import INCIDENT


async def test_running_wakes_when_a_retry_is_due(world: World) -> None:
    world.courier.answers["ord-1"] = [DOWN]
    running = asyncio.ensure_future(world.dispatcher.run())
    await world.take(order(1))
    while not any(wait_s == 0.25 for wait_s, _ in world.naps):  # noqa: ASYNC110 -- until a worker has gone to sleep
        await asyncio.sleep(0)
    world.now_ms += 250
    for _, nap in world.naps:
        if not nap.done():
            nap.set_result(None)
    while not world.receipts:  # noqa: ASYNC110 -- until the worker has woken
        await asyncio.sleep(0)
    assert world.courier.given == ["ord-1", "ord-1"]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_journal_that_fails_stops_the_couriers(world: World) -> None:
    async def broken(_: Receipt | Control) -> None:
        raise LogError("disk full")

    world.dispatcher._record = broken
    await world.take(order(1))
    with pytest.raises(ExceptionGroup) as stopped:
        await world.dispatcher.run()
    assert stopped.group_contains(LogError, match="disk full")
    await world.restart()
    await world.due()
    assert world.ends() == [("ord-1", "delivered")]


async def test_follows_the_outbox_and_goes_on_where_it_stopped(world: World) -> None:
    log = MemoryLog(clock=lambda: world.now_ms)
    await log.append(OUTBOX, 0, [encode(Outbox(0, [order(1)])), encode(Outbox(1, [INCIDENT])), encode(Outbox(2, [notice(1)]))])
    for expected in (["ord-1", "ntc-1"], ["ord-1", "ntc-1", "ord-2"]):
        following = asyncio.ensure_future(world.dispatcher.follow(log))
        while await world.memory.offset(0) != (await log.span(OUTBOX, 0))[1]:  # noqa: ASYNC110 -- each look lets the follower take a step
            await asyncio.sleep(0)
        following.cancel()
        with pytest.raises(asyncio.CancelledError):
            await following
        await world.due()
        assert world.courier.given == expected
        await log.append(OUTBOX, 0, [encode(Outbox(3, [order(2)]))])
        await world.restart()


class Killed(BaseException):
    """SIGKILL, as far as Python can say it."""


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 12), max_size=6), st.sampled_from(["sqlite", "kept"]))
def test_killed_anywhere_nothing_is_lost(tmp_path_factory: pytest.TempPathFactory, kills: list[int], kind: str) -> None:
    items: list[Decision] = [order(1), notice(1), order(2, "b"), notice(2), order(3), notice(3, "inc-2")]
    asyncio.run(_survives(tmp_path_factory.mktemp("killed"), items, list(kills), kind))


async def _survives(path: Path, items: list[Decision], kills: list[int], kind: str) -> None:
    """Kills at the n-th action (a take, a delivery, a receipt, a mark of the memory), goes on, and looks at what came of it."""
    world = World(path, kind=kind)
    left = kills.pop(0) if kills else 10**9

    def act() -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            left = kills.pop(0) if kills else 10**9
            raise Killed

    def sabotage() -> None:
        def wrapped(thing: object, name: str, *, before: bool) -> None:
            whole = getattr(thing, name)

            async def cut(*args: object) -> object:
                if before:
                    act()
                made = await whole(*args)
                act()
                return made

            setattr(thing, name, cut)

        wrapped(world.memory, "take", before=True)
        wrapped(world.memory, "ended", before=True)
        wrapped(world.dispatcher, "_record", before=True)
        wrapped(world.courier, "deliver", before=False)

    log = MemoryLog(clock=lambda: START)
    await log.append(OUTBOX, 0, [encode(Outbox(at, [item])) for at, item in enumerate(items)])
    deliver = world.courier.deliver
    for _ in range(20):
        world.courier.deliver = deliver  # type: ignore[method-assign]
        await world.restart()
        sabotage()
        try:
            offset = await world.memory.offset(0) or 0
            for row in await log.read(OUTBOX, 0, offset, 100):
                await world.dispatcher.take(0, row.offset + 1, [items[row.offset]])
            await world.due()
        except Killed:
            continue
        break
    world.close()
    assert set(world.courier.given) | {"ord-1"} == {"ord-1", "ntc-1", "ord-2", "ntc-2", "ord-3", "ntc-3"}
    assert {receipt.id for receipt in world.receipts} == {"ord-1", "ntc-1", "ord-2", "ntc-2", "ord-3", "ntc-3"}
