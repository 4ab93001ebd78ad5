"""The two ports that both shells hand to the runner.

A log is partitioned and append-only; it stamps each row with its arrival, which never goes back in a partition. Snapshots
are a plain store of named bytes in which each put is atomic by itself and nothing is atomic together. Both are written so
that SQLite and Kafka can keep them; what they promise is tested by `tests/conformance/test_stores.py` on every adapter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

STREAM: Final = "stream"
JOURNAL: Final = "journal"
OUTBOX: Final = "outbox"
CONTROLS: Final = "controls"
REFUSED: Final = "refused"


class Row(NamedTuple):
    """One row of a partition, as it was appended."""

    offset: int
    arrival_ms: int
    value: bytes


class LogError(Exception):
    """The log could not do what was asked; nothing of that call counts as written. The owner stops (fail-stop)."""


class Log(Protocol):
    """Partitioned append-only topics."""

    async def append(self, topic: str, partition: int, values: Sequence[bytes]) -> int:
        """Appends all values in their order, durably, and returns the first one's offset; raises LogError."""
        ...

    async def append_many(self, topic: str, batches: Mapping[int, Sequence[bytes]]) -> None:
        """The same for several partitions at the price of one wait; after a LogError or a crash any part may have been written."""
        ...

    async def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Row]:
        """Up to `limit` rows from `offset` on; raises LogError where `offset` has been trimmed away.

        Fewer, or none, does not mean that the end is reached; of what is there by `span` or by an own append there is at least one.
        """
        ...

    async def span(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset that is kept and the one the next append will get."""
        ...

    async def since(self, topic: str, partition: int, arrival_ms: int) -> int:
        """The offset of the first kept row that arrived then or later; where none did, the one the next append will get."""
        ...

    async def trim(self, topic: str, partition: int, before: int) -> None:
        """Forgets rows below `before`; offsets never start again."""
        ...


MANIFEST: Final = "manifest"


class SnapshotKey(NamedTuple):
    """Who wrote a part or manifest: `epoch` and `nonce` are the owner's own; `name` is the part, or `MANIFEST`."""

    epoch: int
    nonce: int
    name: str
    offset: int


class Snapshots(Protocol):
    """Named bytes per owner (`meter-3`, `warden-0`)."""

    async def keys(self, owner: str) -> list[SnapshotKey]:
        """Every key there is, in any order."""
        ...

    async def get(self, owner: str, key: SnapshotKey) -> bytes | None:
        """The bytes, or None."""
        ...

    async def put(self, owner: str, key: SnapshotKey, value: bytes) -> None:
        """Writes one value; raises LogError. A manifest is durable when this returns, and all that was put before it; a part may wait for it."""
        ...

    async def delete(self, owner: str, keys: Sequence[SnapshotKey]) -> None:
        """Forgets values; those that are not there are no error."""
        ...
