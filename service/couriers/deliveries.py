"""What has been taken from the outbox and what became of it: written before anything is sent, so that a killed courier loses nothing.

Taking rows writes their parcels and the offset read up to in one transaction; a parcel ends only after its receipt is in the journal.
In between a crash means that it is sent again, under the same id. What has ended is remembered for a while, because the outbox may
say it again.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeAlias, TypeVar

import msgspec

from service.couriers.parcel import Parcel
from service.couriers.port import KEPT_DAYS
from service.facts import DAY_MS, Notice, Order, Scope

ENDED_KEPT_MS: Final = 8 * DAY_MS  # a day longer than the stream is kept
TOLD_KEPT_MS: Final = KEPT_DAYS * DAY_MS
Sequences: TypeAlias = dict[tuple[str, Scope], tuple[int, int]]  # (tenant, scope) -> (greatest sequence, when its orders are over)
_T = TypeVar("_T")


class Deliveries(Protocol):
    """The courier's memory. What its methods wrote outlives a kill once they return; they raise what their database raises (fail-stop)."""

    async def offset(self, partition: int) -> int | None:
        """The first row of this outbox partition that has not been taken; None when none ever was."""
        ...

    async def confirm(self, now_ms: int) -> None:
        """Raises LogError where another courier has taken this memory over: who slept through that must neither write nor send."""
        ...

    async def take(self, partition: int, offset: int, parcels: Sequence[Parcel], sequences: Sequences) -> list[Parcel]:
        """Saves parcels and the offset to go on from, together; returns those that were not known yet."""
        ...

    async def waiting(self) -> list[Parcel]:
        """Every parcel that has not ended, in the order taken."""
        ...

    async def sequences(self) -> Sequences:
        """The greatest sequence seen of each scope."""
        ...

    async def retried(self, parcel: Parcel) -> None:
        """A try failed: remembers its attempts and when the next one is due."""
        ...

    async def ended(self, parcel: Parcel, state: str, now_ms: int) -> None:
        """The parcel has ended and its receipt is in the journal."""
        ...

    async def kept(self, receiver: str, about: str) -> bytes | None:
        """What a courier keeps about something it told; None when nothing."""
        ...

    async def keep(self, receiver: str, about: str, value: bytes, now_ms: int) -> None:
        """Keeps that instead of what was there."""
        ...

    async def forget(self, now_ms: int) -> None:
        """Forgets what ended or was kept long ago, and the sequences of scopes whose orders are all over."""
        ...


@dataclass(frozen=True, slots=True)
class Remembered:
    """The part of the memory that is one courier's; see couriers.port.Memory."""

    deliveries: Deliveries
    receiver: str
    clock: Callable[[], int]

    @staticmethod
    def of(deliveries: Deliveries, clock: Callable[[], int]) -> Callable[[str], Remembered]:
        """Each receiver's own."""
        return lambda receiver: Remembered(deliveries, receiver, clock)

    async def kept(self, about: str) -> bytes | None:
        """See Memory."""
        return await self.deliveries.kept(self.receiver, about)

    async def keep(self, about: str, value: bytes) -> None:
        """See Memory. Confirms first, so that a courier whose memory is another's by now neither writes nor goes on to send."""
        now_ms = self.clock()
        await self.deliveries.confirm(now_ms)
        await self.deliveries.keep(self.receiver, about, value, now_ms)


_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS parcels (
    place INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, receiver TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
    next_ms INTEGER NOT NULL, taken_ms INTEGER NOT NULL, ended_ms INTEGER, item BLOB, UNIQUE (id, receiver));
CREATE INDEX IF NOT EXISTS parcels_waiting ON parcels (state, place);
CREATE TABLE IF NOT EXISTS offsets (partition INTEGER PRIMARY KEY, next INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS sequences (
    tenant TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, sequence INTEGER NOT NULL, over_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind, name));
CREATE TABLE IF NOT EXISTS told (receiver TEXT NOT NULL, about TEXT NOT NULL, kept_ms INTEGER NOT NULL, value BLOB NOT NULL, PRIMARY KEY (receiver, about));
"""
_TAKE: Final = "INSERT OR IGNORE INTO parcels (id, receiver, state, attempts, next_ms, taken_ms, item) VALUES (?, ?, 'waiting', 0, ?, ?, ?)"
_SEQUENCE: Final = "INSERT OR REPLACE INTO sequences VALUES (?, ?, ?, ?, ?)"
_item: Final = msgspec.msgpack.Decoder(Order | Notice)


class SqliteDeliveries:
    """The memory in one SQLite file; a thread of its own does the waiting for the disk."""

    def __init__(self, path: Path) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="deliveries")
        self._db = self._thread.submit(_open, path).result()

    async def offset(self, partition: int) -> int | None:
        """See Deliveries."""
        row = await self._run(lambda: self._db.execute("SELECT next FROM offsets WHERE partition = ?", (partition,)).fetchone())
        return None if row is None else int(row[0])

    async def confirm(self, now_ms: int) -> None:
        """See Deliveries. A data folder is one process's."""

    async def take(self, partition: int, offset: int, parcels: Sequence[Parcel], sequences: Sequences) -> list[Parcel]:
        """See Deliveries. The parcels returned have their place."""
        return await self._run(lambda: self._take(partition, offset, parcels, sequences))

    async def waiting(self) -> list[Parcel]:
        """See Deliveries."""
        query = "SELECT receiver, item, place, taken_ms, attempts, next_ms FROM parcels WHERE state = 'waiting' ORDER BY place"
        rows = await self._run(lambda: self._db.execute(query).fetchall())
        return [Parcel(receiver=row[0], item=_item.decode(row[1]), place=row[2], taken_ms=row[3], attempts=row[4], next_ms=row[5]) for row in rows]

    async def sequences(self) -> Sequences:
        """See Deliveries."""
        rows = await self._run(lambda: self._db.execute("SELECT tenant, kind, name, sequence, over_ms FROM sequences").fetchall())
        return {(tenant, Scope(kind, name)): (sequence, over_ms) for tenant, kind, name, sequence, over_ms in rows}

    async def retried(self, parcel: Parcel) -> None:
        """See Deliveries."""
        values = (parcel.attempts, parcel.next_ms, parcel.place)
        await self._run(lambda: self._write("UPDATE parcels SET attempts = ?, next_ms = ? WHERE place = ?", values))

    async def ended(self, parcel: Parcel, state: str, now_ms: int) -> None:
        """See Deliveries. Its content is forgotten at once, its id after ENDED_KEPT_MS."""
        values = (state, now_ms, parcel.place)
        await self._run(lambda: self._write("UPDATE parcels SET state = ?, ended_ms = ?, item = NULL WHERE place = ?", values))

    async def kept(self, receiver: str, about: str) -> bytes | None:
        """See Deliveries."""
        query = "SELECT value FROM told WHERE receiver = ? AND about = ?"
        row = await self._run(lambda: self._db.execute(query, (receiver, about)).fetchone())
        return None if row is None else bytes(row[0])

    async def keep(self, receiver: str, about: str, value: bytes, now_ms: int) -> None:
        """See Deliveries."""
        await self._run(lambda: self._write("INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?)", (receiver, about, now_ms, value)))

    async def forget(self, now_ms: int) -> None:
        """See Deliveries."""
        await self._run(lambda: self._forget(now_ms))

    def close(self) -> None:
        """Lets go of the file."""
        self._thread.submit(self._db.close).result()
        self._thread.shutdown()

    async def _run(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _take(self, partition: int, offset: int, parcels: Sequence[Parcel], sequences: Mapping[tuple[str, Scope], tuple[int, int]]) -> list[Parcel]:
        new: list[Parcel] = []
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for parcel in parcels:
                values = (parcel.item.id, parcel.receiver, parcel.next_ms, parcel.taken_ms, msgspec.msgpack.encode(parcel.item))
                cursor = self._db.execute(_TAKE, values)
                if cursor.rowcount:
                    parcel.place = cursor.lastrowid or 0
                    new.append(parcel)
            self._db.executemany(_SEQUENCE, [(tenant, *scope, *seen) for (tenant, scope), seen in sequences.items()])
            self._db.execute("INSERT OR REPLACE INTO offsets VALUES (?, ?)", (partition, offset))
        return new

    def _write(self, statement: str, values: tuple[object, ...]) -> None:
        with self._db:
            self._db.execute(statement, values)

    def _forget(self, now_ms: int) -> None:
        with self._db:
            self._db.execute("DELETE FROM parcels WHERE ended_ms < ?", (now_ms - ENDED_KEPT_MS,))
            self._db.execute("DELETE FROM sequences WHERE over_ms < ?", (now_ms,))
            self._db.execute("DELETE FROM told WHERE kept_ms < ?", (now_ms - TOLD_KEPT_MS,))


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")  # a power cut may undo the last writes, offset and all: what they held is taken or sent again
    db.executescript(_SCHEMA)
    return db
