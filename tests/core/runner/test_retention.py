"""Logs forget what is old, and never what somebody has yet to read."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from service.engine.owners import Owners
from service.engine.retention import DAY_MS, Kept, trim
from service.engine.runner import Owner
from service.log.memory import MemoryLog
from service.log.ports import OUTBOX, STREAM
from tests.core.runner.world import Sums, World

DAYS = 10


async def aged() -> World:
    """A row a day in the stream's partition 3 and the outbox's partition 0; the world's log stands at day DAYS."""
    now_ms = [0]
    world = World(log=MemoryLog(lambda: now_ms[0]))
    for day in range(DAYS):
        now_ms[0] = day * DAY_MS
        await world.hear(day)
        await world.log.append(OUTBOX, 0, [b"told"])
    return world


def held(owner: Owner[Sums]) -> Owners:
    return cast("Owners", SimpleNamespace(all=lambda: [owner], wardens={0: cast("Any", None)}))


async def test_what_is_older_goes_once_an_owner_needs_none_of_it() -> None:
    world = await aged()
    owner = await world.owner()
    await owner.step(DAYS, 0)
    await trim(world, held(owner), Kept(stream_days=7, outbox_days=4), DAYS * DAY_MS)
    assert (await world.log.span(STREAM, 3), await world.log.span(OUTBOX, 0)) == ((3, DAYS), (6, DAYS))
    again = await world.owner()
    assert (again.offset, again.state) == (DAYS, owner.state)
    before = list(world.writes)
    await trim(world, held(owner), Kept(stream_days=7, outbox_days=4), DAYS * DAY_MS)
    assert world.writes == before, "nothing more is old, so nothing is saved for it"


async def test_what_an_owner_has_not_read_stays_however_old() -> None:
    world = await aged()
    owner = await world.owner()
    await owner.step(2, 0)
    await trim(world, held(owner), Kept(stream_days=1), DAYS * DAY_MS)
    assert await world.log.span(STREAM, 3) == (2, DAYS)


async def test_where_nothing_is_old_nothing_is_saved_or_forgotten() -> None:
    world = await aged()
    owner = await world.owner()
    await owner.step(DAYS, 0)
    before = list(world.writes)
    await trim(world, held(owner), Kept(stream_days=30, outbox_days=30), DAYS * DAY_MS)
    assert world.writes == before
    assert (await world.log.span(STREAM, 3), await world.log.span(OUTBOX, 0)) == ((0, DAYS), (0, DAYS))
