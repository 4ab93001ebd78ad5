"""Snapshots on Kafka: `meter-3` is partition 3 of the compacted topic `spendwarden.snapshots.meter`, a row per part, a tombstone per delete."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from service.log.kafka.cluster import Cluster
from service.log.kafka.producer import BATCH_BYTES, Record
from service.log.ports import MANIFEST, LogError, SnapshotKey

SNAPSHOTS: Final = "snapshots."
READ_ROWS: Final = 1_000

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(SnapshotKey).decode


@dataclass(slots=True)
class _Scan:
    """What the rows below `offset` leave; a value is None where it need not be kept: who writes has read. `held`: some are kept."""

    offset: int = 0
    values: dict[SnapshotKey, bytes | None] = field(default_factory=dict)
    held: bool = False


class KafkaSnapshots:
    """Reads a partition begin to end when its owner takes over, and from then on only what others wrote to it.

    Parts wait until a batch is full or the manifest comes; the manifest is sent when all of them are on all replicas in sync.
    One task at a time for an owner.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._scans: dict[str, _Scan] = {}
        self._waiting: defaultdict[str, list[Record]] = defaultdict(list)

    async def keys(self, owner: str) -> list[SnapshotKey]:
        """Up to the partition's present end."""
        await self._flush(owner)
        return list((await self._scanned(owner)).values)

    async def get(self, owner: str, key: SnapshotKey) -> bytes | None:
        """As `keys` saw it last."""
        await self._flush(owner)
        scan = self._scans.get(owner) or await self._scanned(owner)
        if key in scan.values and scan.values[key] is None:
            del self._scans[owner]
            scan = await self._scanned(owner)
        return scan.values.get(key)

    async def put(self, owner: str, key: SnapshotKey, value: bytes) -> None:
        """See the class; a part that could not be written is a LogError here or at the manifest."""
        if key.name == MANIFEST:
            await self._flush(owner)
        waiting = self._waiting[owner]
        waiting.append((_encode(key), value))
        if key.name == MANIFEST or sum(len(part or b"") for _, part in waiting) >= BATCH_BYTES:
            await self._flush(owner)

    async def delete(self, owner: str, keys: Sequence[SnapshotKey]) -> None:
        """A tombstone each; compaction takes both away in time."""
        self._waiting[owner] += [(_encode(key), None) for key in keys]
        await self._flush(owner)

    async def _flush(self, owner: str) -> None:
        records = self._waiting.pop(owner, [])
        if not records:
            return
        topic, partition = self._place(owner)
        offset = (await self._cluster.append(topic, {partition: records}))[partition]
        scan = self._scans.get(owner)
        if scan is None:
            return
        if scan.held:
            scan.values, scan.held = dict.fromkeys(scan.values), False
        if scan.offset == offset:  # nobody else wrote in between, so there is nothing to read
            scan.offset += len(records)
            for key, value in records:
                _take(scan, key, there=value is not None, value=None)

    async def _scanned(self, owner: str) -> _Scan:
        topic, partition = self._place(owner)
        first, end = await self._cluster.span(topic, partition)
        scan = self._scans.setdefault(owner, _Scan())
        scan.offset = max(scan.offset, first)
        read = scan.offset < end
        while scan.offset < end:
            records = await self._cluster.records(topic, partition, scan.offset, READ_ROWS)
            for record in records:
                _take(scan, record.key, there=record.value is not None, value=record.value)
            scan.held = True
            scan.offset = records[-1].offset + 1 if records else end
        if read:
            self._cluster.release(topic, partition)
        return scan

    def _place(self, owner: str) -> tuple[str, int]:
        kind, _, partition = owner.rpartition("-")
        return f"{self._cluster.settings.topic_prefix}{SNAPSHOTS}{kind}", int(partition)


def _take(scan: _Scan, key: bytes | None, *, there: bool, value: bytes | None) -> None:
    """A row: of a tombstone nothing is there any more."""
    try:
        known = _decode(key or b"")
    except ValueError as wrong:
        raise LogError(f"a snapshot topic holds a row that is none of ours, under the key {key!r}: {wrong}") from wrong
    if there:
        scan.values[known] = value
    else:
        scan.values.pop(known, None)
