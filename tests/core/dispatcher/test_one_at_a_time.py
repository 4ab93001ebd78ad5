"""Many tasks of a dispatcher use one memory; its store is asked by one of them at a time, as its port wants it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from service.couriers.kept import LOOK_EVERY_MS, KeptDeliveries
from service.couriers.parcel import Parcel
from service.log.memory import MemorySnapshots
from service.log.ports import SnapshotKey
from tests.core.dispatcher.world import START, notice


class Lone(MemorySnapshots):
    """Takes its time, and bears nobody beside."""

    busy = False

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        assert not self.busy, "two at a time"
        self.busy = True
        await asyncio.sleep(0)
        yield
        self.busy = False

    async def keys(self, owner: str) -> list[SnapshotKey]:
        async with self._alone():
            return await super().keys(owner)

    async def get(self, owner: str, key: SnapshotKey) -> bytes | None:
        async with self._alone():
            return await super().get(owner, key)

    async def put(self, owner: str, key: SnapshotKey, value: bytes) -> None:
        async with self._alone():
            await super().put(owner, key, value)

    async def delete(self, owner: str, keys: Sequence[SnapshotKey]) -> None:
        async with self._alone():
            await super().delete(owner, keys)


def parcel(number: int) -> Parcel:
    return Parcel(receiver="orchestrator", item=notice(number), place=0, taken_ms=START, next_ms=START)


async def test_the_store_is_asked_by_one_task_at_a_time() -> None:
    memory = KeptDeliveries("courier-0", Lone(), 1)
    await asyncio.gather(memory.waiting(), memory.offset(0), memory.sequences(), memory.confirm(START))
    known = await memory.take(0, 1, [parcel(1), parcel(2)], {})
    later = START + LOOK_EVERY_MS
    await asyncio.gather(
        memory.take(0, 2, [parcel(3)], {}), memory.ended(known[0], "delivered", later), memory.retried(known[1]), memory.confirm(later), memory.forget(later)
    )
    assert [each.item.id for each in await memory.waiting()] == ["ntc-2", "ntc-3"]
