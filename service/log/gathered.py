"""Appends of many owners as one transaction, for a shell that drives them all in turn.

What the owners say is gathered and written by `flush`; a snapshot is only put once everything gathered before it is in the log, so the
owner's rule (facts before the snapshot that covers them) holds as if each had written for itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from service.log.ports import Log, Row, SnapshotKey, Snapshots


class Gathered:
    """Both ports over another log and snapshots. For one task at a time."""

    def __init__(self, log: Log, snapshots: Snapshots) -> None:
        self._log, self._snapshots = log, snapshots
        self._waiting: dict[str, dict[int, list[bytes]]] = {}

    async def append(self, topic: str, partition: int, values: Sequence[bytes]) -> int:
        """At once; its place in the log is asked for."""
        await self.flush()
        return await self._log.append(topic, partition, values)

    async def append_many(self, topic: str, batches: Mapping[int, Sequence[bytes]]) -> None:
        """With the next flush."""
        waiting = self._waiting.setdefault(topic, defaultdict(list))
        for partition, values in batches.items():
            waiting[partition] += values

    async def flush(self) -> None:
        """Writes all that was gathered, durably; raises LogError, and then nobody may go on who had said it."""
        for topic in list(self._waiting):
            await self._log.append_many(topic, self._waiting[topic])
            del self._waiting[topic]

    async def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Row]:
        """See Log."""
        return await self._log.read(topic, partition, offset, limit)

    async def span(self, topic: str, partition: int) -> tuple[int, int]:
        """See Log."""
        return await self._log.span(topic, partition)

    async def since(self, topic: str, partition: int, arrival_ms: int) -> int:
        """See Log."""
        return await self._log.since(topic, partition, arrival_ms)

    async def trim(self, topic: str, partition: int, before: int) -> None:
        """See Log."""
        await self._log.trim(topic, partition, before)

    async def keys(self, owner: str) -> list[SnapshotKey]:
        """See Snapshots."""
        return await self._snapshots.keys(owner)

    async def get(self, owner: str, key: SnapshotKey) -> bytes | None:
        """See Snapshots."""
        return await self._snapshots.get(owner, key)

    async def put(self, owner: str, key: SnapshotKey, value: bytes) -> None:
        """Only after all that was said before."""
        await self.flush()
        await self._snapshots.put(owner, key, value)

    async def delete(self, owner: str, keys: Sequence[SnapshotKey]) -> None:
        """See Snapshots."""
        await self._snapshots.delete(owner, keys)
