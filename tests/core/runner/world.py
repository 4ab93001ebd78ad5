"""An owner of the smallest fold there is, on a log and snapshots that write down every write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from service.engine.runner import Owner
from service.log.memory import MemoryLog, MemorySnapshots
from service.log.ports import JOURNAL, STREAM, LogError, Row, SnapshotKey

Sums = dict[str, int]


@dataclass
class Adding:
    """Sums the numbers of even and of odd offsets, one part each, and says each number it hears."""

    kind: str = "meter"
    version: int = 1
    source: str = STREAM
    sink: str = JOURNAL

    def empty(self, partition: int) -> Sums:
        return {}

    def decode(self, raw: bytes) -> int:
        return int(raw)

    def fold(self, state: Sums, items: Iterable[tuple[int, int, int]]) -> list[tuple[int, bytes]]:
        said = []
        for offset, _, number in items:
            name = "odd" if offset % 2 else "even"
            state[name] = state.get(name, 0) + number
            said.append((number % 2, b"%d" % number))
        return said

    def dump(self, state: Sums) -> dict[str, bytes]:
        return {name: b"%d" % total for name, total in state.items()}

    def load(self, parts: Mapping[str, bytes], partition: int) -> Sums:
        return {name: int(total) for name, total in parts.items()}

    def policy_version(self, state: Sums) -> int:
        return 4


@dataclass
class World:
    """A log and snapshots that write down every write, and refuse the ones named in `refused`."""

    log: MemoryLog = field(default_factory=lambda: MemoryLog(lambda: 1_000))
    kept: MemorySnapshots = field(default_factory=MemorySnapshots)
    writes: list[str] = field(default_factory=list)
    refused: str = "nothing"

    def _write(self, what: str) -> None:
        if what.startswith(self.refused):
            raise LogError("the disk is full")
        self.writes.append(what)

    async def append(self, topic: str, partition: int, values: Sequence[bytes]) -> int:
        self._write(f"append {topic}-{partition}")
        return await self.log.append(topic, partition, values)

    async def append_many(self, topic: str, batches: Mapping[int, Sequence[bytes]]) -> None:
        self._write(f"append {topic} {sorted(batches)}")
        await self.log.append_many(topic, batches)

    async def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Row]:
        return await self.log.read(topic, partition, offset, limit)

    async def span(self, topic: str, partition: int) -> tuple[int, int]:
        return await self.log.span(topic, partition)

    async def since(self, topic: str, partition: int, arrival_ms: int) -> int:
        return await self.log.since(topic, partition, arrival_ms)

    async def trim(self, topic: str, partition: int, before: int) -> None:
        await self.log.trim(topic, partition, before)

    async def keys(self, owner: str) -> list[SnapshotKey]:
        return await self.kept.keys(owner)

    async def get(self, owner: str, key: SnapshotKey) -> bytes | None:
        return await self.kept.get(owner, key)

    async def put(self, owner: str, key: SnapshotKey, value: bytes) -> None:
        self._write(f"put {key.name}")
        await self.kept.put(owner, key, value)

    async def delete(self, owner: str, keys: Sequence[SnapshotKey]) -> None:
        self._write(f"delete {sorted(f'{key.epoch}/{key.name}/{key.offset}' for key in keys)}")
        await self.kept.delete(owner, keys)

    async def hear(self, *numbers: int) -> None:
        await self.log.append(STREAM, 3, [b"%d" % number for number in numbers])

    async def owner(self, nonce: int = 7, version: int = 1, now_ms: int = 0) -> Owner[Sums]:
        return await Owner.restore(Adding(version=version), 3, self, self, nonce=nonce, now_ms=now_ms)

    async def saved(self, rows: int, nonce: int = 7, version: int = 1) -> Owner[Sums]:
        """An owner that has read up to so many rows and has saved then."""
        owner = await self.owner(nonce, version)
        await owner.step(rows, 0)
        await owner.save(0)
        return owner

    async def said(self, partition: int) -> list[bytes]:
        return [row.value for row in await self.log.read(JOURNAL, partition, 0, 1_000)]
