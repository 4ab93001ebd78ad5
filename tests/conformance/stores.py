"""The adapters of the ports Log and Snapshots, each as a place that can be opened again; a new adapter adds one `Store` to STORES.

The shell's clock is the test's own, so arrivals are exact; on Kafka alone they are the broker's, and `arrivals_are_ours` says no.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

from service.log.kafka import Cluster, KafkaLog, KafkaSnapshots, make, topics
from service.log.memory import MemoryLog, MemorySnapshots
from service.log.ports import JOURNAL, MANIFEST, STREAM, Log, Row, SnapshotKey, Snapshots
from service.log.sqlite import SqliteLog, SqliteSnapshots
from service.settings import KafkaSettings

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

    arrivals_are_ours: ClassVar[bool] = True

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


class Kafka(Store):
    """Topics of a prefix of their own on the broker that the tests share; each adapter has its own connections."""

    arrivals_are_ours = False
    settings: KafkaSettings

    def make_topics(self, address: str) -> None:
        self.settings = KafkaSettings(brokers=address, topic_prefix=f"{uuid4()}.", request_timeout_ms=15_000)
        prefix = self.settings.topic_prefix
        needed = {prefix + STREAM, prefix + JOURNAL, f"{prefix}snapshots.meter"}
        asyncio.run(make(self._cluster(), [topic for topic in topics(prefix, 6, 1) if topic.name in needed], 1))

    def another_log(self) -> KafkaLog:
        return KafkaLog(self._cluster())

    def another_snapshots(self) -> KafkaSnapshots:
        return KafkaSnapshots(self._cluster())

    def _cluster(self) -> Cluster:
        cluster = Cluster(self.settings)
        self.opened.callback(cluster.close)
        return cluster


STORES: tuple[type[Store], ...] = (Memory, Sqlite, Kafka)


def numbered(rows: list[Row]) -> list[tuple[int, bytes]]:
    return [(row.offset, row.value) for row in rows]


def texts(rows: list[Row]) -> list[bytes]:
    return [row.value for row in rows]
