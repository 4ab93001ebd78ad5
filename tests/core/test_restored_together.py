"""A worker restores some partitions at once, not all of a thousand; the first that cannot be restored ends the others, and says why."""

from __future__ import annotations

import asyncio

import pytest

from service.engine.engine import Engine, Ports
from service.engine.owners import RESTORED_AT_ONCE, Holding
from service.log.memory import MemoryLog, MemorySnapshots
from service.log.ports import LogError, SnapshotKey
from tests.core.streams import START_MS, policy_set

PARTITIONS = 9


class Gated(MemorySnapshots):
    """Nobody is answered before `opened`; then `broken` cannot be read."""

    def __init__(self, broken: str = "") -> None:
        super().__init__()
        self.broken, self.opened = broken, asyncio.Event()
        self.waiting, self.most, self.left = 0, 0, 0

    async def keys(self, owner: str) -> list[SnapshotKey]:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        try:
            if owner == self.broken:
                raise LogError(f"{owner} cannot be read")
            await self.opened.wait()
        except asyncio.CancelledError:
            self.left += 1
            raise
        finally:
            self.waiting -= 1
        return await super().keys(owner)


def world(snapshots: Gated) -> tuple[Engine, Ports]:
    ports = Ports(MemoryLog(lambda: START_MS), snapshots)
    engine = Engine.of_all(ports, PARTITIONS, lambda: START_MS, lambda: 1, policy_set("version: 1"))
    engine.hold(Holding(frozenset(range(PARTITIONS)), frozenset((0,))))
    return engine, ports


async def test_some_at_once() -> None:
    snapshots = Gated()
    engine, ports = world(snapshots)
    restoring = asyncio.create_task(engine.restore(ports, START_MS))
    async with asyncio.timeout(5):
        while snapshots.waiting < RESTORED_AT_ONCE:  # noqa: ASYNC110 -- one at a time would never get there
            await asyncio.sleep(0)
    snapshots.opened.set()
    await restoring
    assert snapshots.most == RESTORED_AT_ONCE < PARTITIONS
    assert list(engine.held.meters) == list(range(PARTITIONS))
    assert {owner.fold.kind for owner in engine.held.meters.values()} == {"meter"}
    assert [owner.fold.kind for owner in engine.held.wardens.values()] == ["warden"]


async def test_one_that_fails_ends_the_others() -> None:
    snapshots = Gated(broken="meter-1")
    engine, ports = world(snapshots)
    async with asyncio.timeout(5):
        with pytest.raises(LogError, match="meter-1 cannot be read"):
            await engine.restore(ports, START_MS)
    assert snapshots.left >= RESTORED_AT_ONCE - 1
    assert snapshots.waiting == 0, "nobody is left behind who still reads"
