"""The ports as an owner in a dangerous world sees them: every call gives others a turn, and every write may be the last.

A write that fails may have been done in part, in whole or not at all, and either the process is gone (`Crash`) or it is told so
(`LogError`); a real log offers no more than that. A case's `sabotage` names a rule that these ports break:

    careless         a write that was refused is taken as done
    unacknowledged   rows are taken as written before they are; the process dies a little later
    early_clear      the older epochs are deleted before the own manifest is written
    greedy_clear     whatever another owner wrote is deleted, newer or not
    loose_parts      a restore takes the newest of each part instead of the parts that one manifest names
"""

from __future__ import annotations

import types
from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

from service.log.ports import MANIFEST, LogError, Row, SnapshotKey

if TYPE_CHECKING:
    from tests.simulation.world import World

REFUSED_SHARE = 0.3
BREAKS = ("careless", "unacknowledged", "early_clear", "greedy_clear", "loose_parts")


class Crash(BaseException):
    """The process is gone; whatever it had written stays."""


@types.coroutine
def turn() -> Generator[None, None, None]:
    """Lets the world go on with somebody else."""
    yield


class Ports:
    """Log and Snapshots of one process."""

    def __init__(self, world: World) -> None:
        self._world, self._chance = world, world.chance
        self._breaks = world.case.sabotage
        self._calls_left: int | None = None

    async def _turn(self) -> None:
        await turn()
        if self._calls_left is not None:
            self._calls_left -= 1
            if self._calls_left < 0:
                self._crash()

    def _crash(self) -> NoReturn:
        self._world.crashes += 1
        raise Crash

    def _fail(self) -> None:
        if self._chance.random() > REFUSED_SHARE:
            self._crash()
        self._world.refusals += 1
        if self._breaks != "careless":
            raise LogError("simulated: the disk is full")

    async def append(self, topic: str, partition: int, values: Sequence[bytes]) -> int:
        await self.append_many(topic, {partition: values})
        return 0

    async def append_many(self, topic: str, batches: Mapping[int, Sequence[bytes]]) -> None:
        await self._turn()
        struck = self._world.strikes()
        if struck and self._breaks == "unacknowledged":
            self._calls_left = self._chance.randint(0, 30)
            return
        for partition, values in batches.items():
            written = values[: self._chance.randint(0, len(values))] if struck else values
            await self._world.append(topic, partition, written)
        if struck:
            self._fail()

    async def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Row]:
        await self._turn()
        return await self._world.log.read(topic, partition, offset, limit)

    async def span(self, topic: str, partition: int) -> tuple[int, int]:
        await self._turn()
        return await self._world.log.span(topic, partition)

    async def since(self, topic: str, partition: int, arrival_ms: int) -> int:
        raise NotImplementedError

    async def trim(self, topic: str, partition: int, before: int) -> None:
        raise NotImplementedError

    async def keys(self, owner: str) -> list[SnapshotKey]:
        await self._turn()
        return await self._world.kept.keys(owner)

    async def get(self, owner: str, key: SnapshotKey) -> bytes | None:
        await self._turn()
        if self._breaks == "loose_parts" and key.name != MANIFEST:
            same = [other for other in await self._world.kept.keys(owner) if other.name == key.name]
            key = max(same, key=lambda other: (other.epoch, other.offset), default=key)
        return await self._world.kept.get(owner, key)

    async def put(self, owner: str, key: SnapshotKey, value: bytes) -> None:
        await self._turn()
        struck = self._world.strikes()
        if self._breaks in {"early_clear", "greedy_clear"}:
            await self._clear(owner, key)
        if not struck or self._chance.random() < 0.5:
            await self._world.kept.put(owner, key, value)
        if struck:
            self._fail()

    async def _clear(self, owner: str, mine: SnapshotKey) -> None:
        keys = await self._world.kept.keys(owner)
        if self._breaks == "early_clear":
            await self._world.kept.delete(owner, [key for key in keys if key.epoch < mine.epoch])
        elif mine.name == MANIFEST:
            await self._world.kept.delete(owner, [key for key in keys if key.nonce != mine.nonce])

    async def delete(self, owner: str, keys: Sequence[SnapshotKey]) -> None:
        await self._turn()
        struck = self._world.strikes()
        await self._world.kept.delete(owner, keys[: self._chance.randint(0, len(keys))] if struck else keys)
        if struck:
            self._fail()
