"""Log and snapshots in memory, for replay and for tests: the same promises as the others, until the process ends.

Both may be used from several threads; one lock each is held for a call.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from threading import Lock

from service.log.ports import LogError, Row, SnapshotKey


class _Partition:
    """The kept rows of one partition: `rows[0]` has the offset `first`."""

    __slots__ = ("arrival_ms", "first", "rows")

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.first = 0
        self.arrival_ms = 0

    @property
    def end(self) -> int:
        return self.first + len(self.rows)


class MemoryLog:
    """Partitions as lists; `clock` gives the Unix milliseconds that rows are stamped with."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._partitions: defaultdict[tuple[str, int], _Partition] = defaultdict(_Partition)

    async def append(self, topic: str, partition: int, values: Sequence[bytes]) -> int:
        """All or nothing, as one step."""
        with self._lock:
            return self._append(topic, partition, values)

    async def append_many(self, topic: str, batches: Mapping[int, Sequence[bytes]]) -> None:
        """All or nothing, as one step."""
        with self._lock:
            for partition, values in batches.items():
                self._append(topic, partition, values)

    def _append(self, topic: str, partition: int, values: Sequence[bytes]) -> int:
        kept = self._partitions[topic, partition]
        first = kept.end
        kept.arrival_ms = arrival_ms = max(self._clock(), kept.arrival_ms)
        kept.rows += [Row(offset, arrival_ms, value) for offset, value in enumerate(values, first)]
        return first

    def begin(self, topic: str, partition: int, first: int) -> None:
        """Lets a partition that has no rows begin at `first`, as one that was trimmed does."""
        with self._lock:
            kept = self._partitions[topic, partition]
            assert not kept.rows, "a partition begins once"
            kept.first = first

    def place(self, topic: str, partition: int, row: Row) -> None:
        """Puts a row where it once was, with the arrival it had; raises LogError when it cannot be the next one."""
        with self._lock:
            kept = self._partitions[topic, partition]
            if row.offset != kept.end:
                raise LogError(f"{topic}-{partition}: a row of offset {row.offset} where {kept.end} must come next")
            if row.arrival_ms < kept.arrival_ms:
                raise LogError(f"{topic}-{partition}: offset {row.offset} arrives before the row in front of it")
            kept.arrival_ms = row.arrival_ms
            kept.rows.append(row)

    async def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Row]:
        """A slice of the list; raises LogError below the first kept offset."""
        with self._lock:
            kept = self._partitions[topic, partition]
            if offset < kept.first:
                raise LogError(f"{topic}-{partition}: offset {offset} has been trimmed away, the first kept is {kept.first}")
            return kept.rows[offset - kept.first : offset - kept.first + limit]

    async def span(self, topic: str, partition: int) -> tuple[int, int]:
        """The first kept offset and the next."""
        with self._lock:
            kept = self._partitions[topic, partition]
            return kept.first, kept.end

    async def since(self, topic: str, partition: int, arrival_ms: int) -> int:
        """By halves, since arrival never goes back."""
        with self._lock:
            kept = self._partitions[topic, partition]
            return kept.first + bisect_left(kept.rows, arrival_ms, key=lambda row: row.arrival_ms)

    async def trim(self, topic: str, partition: int, before: int) -> None:
        """Drops the head of the list."""
        with self._lock:
            kept = self._partitions[topic, partition]
            gone = min(max(before - kept.first, 0), len(kept.rows))
            del kept.rows[:gone]
            kept.first += gone


class MemorySnapshots:
    """Named bytes in a dict."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._values: dict[tuple[str, SnapshotKey], bytes] = {}

    async def keys(self, owner: str) -> list[SnapshotKey]:
        """Every key of that owner."""
        with self._lock:
            return [key for whose, key in self._values if whose == owner]

    async def get(self, owner: str, key: SnapshotKey) -> bytes | None:
        """The bytes, or None."""
        with self._lock:
            return self._values.get((owner, key))

    async def put(self, owner: str, key: SnapshotKey, value: bytes) -> None:
        """Replaces what was there."""
        with self._lock:
            self._values[owner, key] = value

    async def delete(self, owner: str, keys: Sequence[SnapshotKey]) -> None:
        """Forgets what is there of them."""
        with self._lock:
            for key in keys:
                self._values.pop((owner, key), None)
