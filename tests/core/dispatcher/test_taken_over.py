"""Couriers that move between processes: one that slept through a hand-over sends nothing again, and spoils nothing that it wakes to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.couriers.kept import LOOK_EVERY_MS
from service.log.ports import LogError
from tests.core.dispatcher.world import DOWN, World, notice, order

TAKEN_OVER = "courier-0: another courier has taken over"


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[World, World]]:
    asleep, awake = World(tmp_path, kind="kept"), World(tmp_path, kind="kept")
    yield asleep, awake
    asleep.close()
    awake.close()


async def test_who_slept_does_not_take_again_what_the_other_has_sent(both: tuple[World, World]) -> None:
    asleep, awake = both
    await asleep.take(order(1))
    await asleep.due()
    await awake.dispatcher.restore()
    await awake.dispatcher.take(0, 2, [notice(1)])
    await awake.due()
    asleep.now_ms += LOOK_EVERY_MS
    with pytest.raises(LogError, match=TAKEN_OVER):
        await asleep.take(notice(1))
    assert (asleep.courier.given, awake.courier.given) == (["ord-1"], ["ntc-1"])
    await awake.restart()
    await awake.due()
    assert awake.courier.given == ["ntc-1"]
    assert await awake.memory.offset(0) == 2


async def test_who_slept_does_not_send_what_it_had_not_sent_yet(both: tuple[World, World]) -> None:
    asleep, awake = both
    asleep.courier.answers["ord-1"] = [DOWN]
    await asleep.take(order(1))
    await asleep.due()
    await awake.dispatcher.restore()
    awake.now_ms += 250
    await awake.due()
    with pytest.raises(LogError, match=TAKEN_OVER):
        await asleep.pass_time(LOOK_EVERY_MS)
    assert (asleep.courier.given, awake.courier.given) == (["ord-1"], ["ord-1"])


async def test_who_takes_the_memory_back_goes_on(both: tuple[World, World]) -> None:
    asleep, awake = both
    await asleep.take(order(1))
    await asleep.due()
    await awake.dispatcher.restore()
    await asleep.restart()
    asleep.now_ms += LOOK_EVERY_MS
    await asleep.dispatcher.take(0, 2, [notice(1)])
    await asleep.due()
    assert asleep.courier.given == ["ord-1", "ntc-1"]
    awake.now_ms += LOOK_EVERY_MS
    with pytest.raises(LogError, match=TAKEN_OVER):
        await awake.dispatcher.take(0, 2, [notice(1)])
