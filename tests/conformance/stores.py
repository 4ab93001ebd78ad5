"""The adapters of the ports Log and Snapshots, each as a place that can be opened again; a new adapter adds one `Store` to STORES.

The shell's clock is the test's own, so arrivals are exact.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from service.log.memory import MemoryLog, MemorySnapshots
from service.log.ports import MANIFEST, Log, Row, SnapshotKey, Snapshots
from service.log.sqlite import SqliteLog, SqliteSnapshots

START_MS = 1_790_000_000_000
PART, OTHER, WHOLE = SnapshotKey(1, 7, "runs", 10), SnapshotKey(1, 8, "runs", 10), SnapshotKey(1, 7, MANIFEST, 0)


@dataclass
class Clock:
    now_ms: int = START_MS

    def __call__(self) -> int:
        return self.now_ms


@dataclass
class Store:
    """One adapter at one place; `another_*` opens the same place again, as a second thread or a restarted process does."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    opened: ExitStack = field(default_factory=ExitStack)

    def another_log(self) -> Log:
        raise NotImplementedError

    def another_snapshots(self) -> Snapshots:
        raise NotImplementedError


class Memory(Store):
    _log: MemoryLog | None = None
    _snapshots: MemorySnapshots | None = None

    def another_log(self) -> Log:
        self._log = self._log or MemoryLog(self.clock)
        return self._log

    def another_snapshots(self) -> Snapshots:
        self._snapshots = self._snapshots or MemorySnapshots()
        return self._snapshots


class Sqlite(Store):
    busy_ms = 5_000

    def another_log(self) -> SqliteLog:
        log = SqliteLog(self.folder, self.clock, self.busy_ms)
        self.opened.callback(log.close)
        return log

    def another_snapshots(self) -> SqliteSnapshots:
        snapshots = SqliteSnapshots(self.folder, self.busy_ms)
        self.opened.callback(snapshots.close)
        return snapshots


STORES: tuple[type[Store], ...] = (Memory, Sqlite)


def texts(rows: list[Row]) -> list[bytes]:
    return [row.value for row in rows]
