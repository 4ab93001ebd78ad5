"""Log and snapshots in SQLite, for the embedded shell: one WAL file per topic and one for the snapshots, in one folder.

An append is one transaction under `synchronous=FULL`: when it returns, its rows outlive a power cut, and it either wrote all
of them or none. A call blocks its thread for about one fsync. An instance may be used from several threads: each topic has
a lock for its writer and one for its reader, so the door's commits to the stream stand in the way of neither the engine's
reads of it nor of its appends to the journal. Several instances, also in several processes, may share a folder: arrivals and
offsets are taken from the table `heads` inside the transaction, so they never go back and never come twice, whichever
instance writes, whatever was trimmed and wherever the clock jumps.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final

from service.log.ports import MANIFEST, LogError, Row, SnapshotKey

BUSY_MS: Final = 5_000
TRIM_ROWS_MAX: Final = 10_000  # one transaction of a trim: others get in between
WAL_BYTES_KEPT: Final = 64 * 1024 * 1024
_CREATING: Final = Lock()  # a new file's change to WAL is the one step that does not wait for others

_ROWS: Final = """
CREATE TABLE IF NOT EXISTS rows (partition INTEGER, offset INTEGER, arrival_ms INTEGER NOT NULL, value BLOB NOT NULL, PRIMARY KEY (partition, offset)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS heads (partition INTEGER PRIMARY KEY, first INTEGER NOT NULL, next INTEGER NOT NULL, arrival_ms INTEGER NOT NULL)"""
_PARTS: Final = """
CREATE TABLE IF NOT EXISTS parts (owner TEXT, epoch INTEGER, nonce INTEGER, name TEXT, offset INTEGER, value BLOB NOT NULL, PRIMARY KEY (owner, epoch, nonce, name, offset))"""
_THE_PART: Final = "owner = ? AND epoch = ? AND nonce = ? AND name = ? AND offset = ?"
_ADVICE: Final = {
    "SQLITE_FULL": "free space where the data folder lies",
    "SQLITE_BUSY": "another process holds it; only one service may run on a data folder",
    "SQLITE_READONLY": "the data folder must be writable",
    "SQLITE_CANTOPEN": "the data folder must exist and be writable",
    "SQLITE_IOERR": "look at the disk and the system's log",
    "SQLITE_CORRUPT": "restore the data folder from a backup",
    "SQLITE_NOTADB": "this file is not one of ours",
}


@contextmanager
def _saying(what: str, path: Path) -> Iterator[None]:
    """Turns what SQLite and the disk say into a LogError that names the file and the way out."""
    try:
        yield
    except sqlite3.Error as broken:
        name = getattr(broken, "sqlite_errorname", "")
        advice = next((text for code, text in _ADVICE.items() if name.startswith(code)), "")
        raise LogError(f"cannot {what} {path}: {broken}" + (f"; {advice}" if advice else "")) from broken
    except OSError as broken:
        raise LogError(f"cannot {what} {path}: {broken.strerror}") from broken


class _File:
    """One SQLite file: a connection that writes and one that reads, each behind its own lock, opened when first needed."""

    def __init__(self, path: Path, schema: str, busy_ms: int) -> None:
        self.path = path
        self._write_lock, self._read_lock = Lock(), Lock()
        with _CREATING, _saying("open", path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer, self._reader = self._connect(busy_ms), self._connect(busy_ms)
            for statement in schema.split(";"):
                self._writer.execute(statement)

    def _connect(self, busy_ms: int) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=busy_ms / 1000, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT}")
        return db

    @contextmanager
    def writing(self, what: str, *, synced: bool = True) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or nothing."""
        with self._write_lock, _saying(what, self.path):
            self._writer.execute(f"PRAGMA synchronous = {'FULL' if synced else 'NORMAL'}")
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            finally:
                if self._writer.in_transaction:
                    self._writer.rollback()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        with self._read_lock, _saying("read", self.path):
            yield self._reader

    def close(self) -> None:
        """Gives the files back; nothing can be asked afterwards."""
        with self._write_lock, self._read_lock:
            self._writer.close()
            self._reader.close()


class SqliteLog:
    """Topics in `folder`; `clock` gives the Unix milliseconds that rows are stamped with."""

    def __init__(self, folder: Path, clock: Callable[[], int], busy_ms: int = BUSY_MS) -> None:
        self._folder, self._clock, self._busy_ms = folder, clock, busy_ms
        self._files: dict[str, _File] = {}
        self._opening = Lock()

    def _file(self, topic: str) -> _File:
        with self._opening:
            if topic not in self._files:
                self._files[topic] = _File(self._folder / f"{topic}.db", _ROWS, self._busy_ms)
            return self._files[topic]

    async def append(self, topic: str, partition: int, values: Sequence[bytes]) -> int:
        """One transaction."""
        with self._file(topic).writing("append to") as db:
            return self._append(db, partition, values)

    async def append_many(self, topic: str, batches: Mapping[int, Sequence[bytes]]) -> None:
        """One transaction, so here all of it or nothing."""
        with self._file(topic).writing("append to") as db:
            for partition, values in batches.items():
                self._append(db, partition, values)

    def _append(self, db: sqlite3.Connection, partition: int, values: Sequence[bytes]) -> int:
        first, following, last_ms = _head(db, partition)
        arrival_ms = max(self._clock(), last_ms)
        db.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", [(partition, offset, arrival_ms, value) for offset, value in enumerate(values, following)])
        db.execute("INSERT OR REPLACE INTO heads VALUES (?, ?, ?, ?)", (partition, first, following + len(values), arrival_ms))
        return following

    async def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Row]:
        """One query; the trimmed are told from the not yet written only where nothing is found."""
        with self._file(topic).reading() as db:
            found = db.execute(
                "SELECT offset, arrival_ms, value FROM rows WHERE partition = ? AND offset >= ? ORDER BY offset LIMIT ?", (partition, offset, limit)
            ).fetchall()
            if found and found[0][0] == offset:
                return [Row(*row) for row in found]
            first = _head(db, partition)[0]
        if offset < first:
            raise LogError(f"{topic}-{partition}: offset {offset} has been trimmed away, the first kept is {first}")
        return []

    async def span(self, topic: str, partition: int) -> tuple[int, int]:
        """From the table of heads, so also of a partition trimmed empty."""
        with self._file(topic).reading() as db:
            return _head(db, partition)[:2]

    async def since(self, topic: str, partition: int, arrival_ms: int) -> int:
        """By halves, since arrival never goes back and offsets have no gaps."""
        with self._file(topic).reading() as db:

            def arrival(offset: int) -> int:
                found: tuple[int] = db.execute("SELECT arrival_ms FROM rows WHERE partition = ? AND offset = ?", (partition, offset)).fetchone()
                return found[0]

            first, following, _ = _head(db, partition)
            return first + bisect_left(range(first, following), arrival_ms, key=arrival)

    async def trim(self, topic: str, partition: int, before: int) -> None:
        """In pieces of TRIM_ROWS_MAX rows; the file keeps its size and fills the room again."""
        file = self._file(topic)
        more = True
        while more:
            with file.writing("trim") as db:
                first, following, _ = _head(db, partition)
                goal = min(before, following)
                to = min(goal, first + TRIM_ROWS_MAX)
                if to > first:
                    db.execute("DELETE FROM rows WHERE partition = ? AND offset < ?", (partition, to))
                    db.execute("UPDATE heads SET first = ? WHERE partition = ?", (to, partition))
                more = to < goal

    def close(self) -> None:
        """Gives the files back; nothing can be asked afterwards."""
        for file in self._files.values():
            file.close()


def _head(db: sqlite3.Connection, partition: int) -> tuple[int, int, int]:
    """The first offset that is kept, the next that is given, and the last arrival."""
    found: tuple[int, int, int] | None = db.execute("SELECT first, next, arrival_ms FROM heads WHERE partition = ?", (partition,)).fetchone()
    return found or (0, 0, 0)


class SqliteSnapshots:
    """Named bytes in `folder/snapshots.db`.

    Only the manifest waits for the disk: the write-ahead log is one sequence, so whatever was put before it is on disk with
    it, and a power cut in between leaves an older snapshot, whole.
    """

    def __init__(self, folder: Path, busy_ms: int = BUSY_MS) -> None:
        self._file = _File(folder / "snapshots.db", _PARTS, busy_ms)

    async def keys(self, owner: str) -> list[SnapshotKey]:
        """Every key of that owner, without the values."""
        with self._file.reading() as db:
            return [SnapshotKey(*key) for key in db.execute("SELECT epoch, nonce, name, offset FROM parts WHERE owner = ?", (owner,))]

    async def get(self, owner: str, key: SnapshotKey) -> bytes | None:
        """The bytes, or None."""
        with self._file.reading() as db:
            found: tuple[bytes] | None = db.execute(f"SELECT value FROM parts WHERE {_THE_PART}", (owner, *key)).fetchone()  # noqa: S608 -- a constant
        return found[0] if found else None

    async def put(self, owner: str, key: SnapshotKey, value: bytes) -> None:
        """One transaction; waits for the disk only with a manifest."""
        with self._file.writing("save to", synced=key.name == MANIFEST) as db:
            db.execute("INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?)", (owner, *key, value))

    async def delete(self, owner: str, keys: Sequence[SnapshotKey]) -> None:
        """One transaction that waits for no disk: what comes back after a power cut is rubbish that the next owner clears."""
        with self._file.writing("delete from", synced=False) as db:
            db.executemany(f"DELETE FROM parts WHERE {_THE_PART}", [(owner, *key) for key in keys])  # noqa: S608 -- a constant

    def close(self) -> None:
        """Gives the files back; nothing can be asked afterwards."""
        self._file.close()
