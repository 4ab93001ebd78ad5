"""What every adapter of the ports Log and Snapshots promises, asked of each.

A new adapter adds one `Store` to STORES; the shell's clock is the test's own, so arrivals are exact.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Barrier

import pytest

from service.log import sqlite
from service.log.memory import MemoryLog, MemorySnapshots
from service.log.ports import MANIFEST, STREAM, Log, LogError, Row, SnapshotKey, Snapshots
from service.log.sqlite import SqliteLog, SqliteSnapshots

START_MS = 1_790_000_000_000


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
    close: list[Callable[[], None]] = field(default_factory=list)

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
        self.close.append(log.close)
        return log

    def another_snapshots(self) -> SqliteSnapshots:
        snapshots = SqliteSnapshots(self.folder, self.busy_ms)
        self.close.append(snapshots.close)
        return snapshots


STORES: tuple[type[Store], ...] = (Memory, Sqlite)


@pytest.fixture(params=STORES, ids=lambda kind: kind.__name__.lower())
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = request.param(tmp_path)
    yield made
    for close in made.close:
        close()


def texts(rows: list[Row]) -> list[bytes]:
    return [row.value for row in rows]


# ---------------------------------------------------------------- the log


async def test_offsets_begin_at_nought_and_rise_by_one_in_each_partition_apart(store: Store) -> None:
    log = store.another_log()
    assert await log.span(STREAM, 0) == (0, 0)
    assert await log.append(STREAM, 0, [b"a", b"b"]) == 0
    assert await log.append(STREAM, 1, [b"x"]) == 0
    assert await log.append(STREAM, 0, [b"c"]) == 2
    assert await log.append(STREAM, 0, []) == 3
    assert await log.read(STREAM, 0, 0, 10) == [Row(0, START_MS, b"a"), Row(1, START_MS, b"b"), Row(2, START_MS, b"c")]
    assert await log.span(STREAM, 0) == (0, 3)
    assert await log.span("journal", 0) == (0, 0)


async def test_several_partitions_at_once(store: Store) -> None:
    log = store.another_log()
    await log.append_many(STREAM, {3: [b"a", b"b"], 5: [b"c"]})
    await log.append_many(STREAM, {3: [b"d"]})
    assert texts(await log.read(STREAM, 3, 0, 10)) == [b"a", b"b", b"d"]
    assert texts(await log.read(STREAM, 5, 0, 10)) == [b"c"]


async def test_reads_from_any_offset_up_to_the_limit_and_nothing_behind_the_end(store: Store) -> None:
    log = store.another_log()
    await log.append(STREAM, 0, [str(i).encode() for i in range(100)])
    assert texts(await log.read(STREAM, 0, 97, 10)) == [b"97", b"98", b"99"]
    assert texts(await log.read(STREAM, 0, 4, 2)) == [b"4", b"5"]
    assert await log.read(STREAM, 0, 100, 10) == []
    assert await log.read(STREAM, 0, 5_000, 10) == []


async def test_bytes_come_back_as_they_were(store: Store) -> None:
    log = store.another_log()
    values = [b"", b"\x00\xff", bytes(range(256)) * 256]
    await log.append(STREAM, 0, values)
    assert texts(await log.read(STREAM, 0, 0, 10)) == values


async def test_arrival_never_goes_back_although_the_clock_does(store: Store) -> None:
    log = store.another_log()
    await log.append(STREAM, 0, [b"a"])
    store.clock.now_ms -= 3_600_000
    await log.append(STREAM, 0, [b"b"])
    await log.append(STREAM, 1, [b"another partition has its own time"])
    store.clock.now_ms = START_MS + 5
    await store.another_log().append(STREAM, 0, [b"c"])
    assert [row.arrival_ms for row in await log.read(STREAM, 0, 0, 10)] == [START_MS, START_MS, START_MS + 5]
    assert [row.arrival_ms for row in await log.read(STREAM, 1, 0, 10)] == [START_MS - 3_600_000]


async def test_a_reopened_log_goes_on_where_it_was_even_when_all_was_trimmed(store: Store) -> None:
    log = store.another_log()
    await log.append(STREAM, 0, [b"a", b"b", b"c"])
    await log.trim(STREAM, 0, 99)
    store.clock.now_ms -= 1000
    again = store.another_log()
    assert await again.span(STREAM, 0) == (3, 3)
    assert await again.append(STREAM, 0, [b"d"]) == 3
    assert await again.read(STREAM, 0, 3, 10) == [Row(3, START_MS, b"d")]


async def test_what_was_trimmed_cannot_be_read_and_the_error_says_from_where_it_can(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "TRIM_ROWS_MAX", 3)  # several pieces
    log = store.another_log()
    await log.append(STREAM, 0, [str(i).encode() for i in range(20)])
    await log.append(STREAM, 1, [b"stays"])
    await log.trim(STREAM, 0, 11)
    await log.trim(STREAM, 0, 4)
    assert await log.span(STREAM, 0) == (11, 20)
    assert texts(await log.read(STREAM, 0, 11, 2)) == [b"11", b"12"]
    assert texts(await log.read(STREAM, 1, 0, 2)) == [b"stays"]
    with pytest.raises(LogError, match=r"stream-0: offset 10 .*11"):
        await log.read(STREAM, 0, 10, 5)


async def test_two_threads_append_to_one_partition_and_every_batch_stays_together(store: Store) -> None:
    await _from_threads(store, [STREAM, STREAM], [store.another_log(), store.another_log()])
    rows = await store.another_log().read(STREAM, 0, 0, 10_000)
    assert [row.offset for row in rows] == list(range(2 * 60 * 5))
    batches = [texts(rows[i : i + 5]) for i in range(0, len(rows), 5)]
    assert all(batch == [batch[0]] * 5 for batch in batches)
    for writer in (b"0", b"1"):
        assert [batch[0] for batch in batches if batch[0].startswith(writer)] == [b"%s-%d" % (writer, i) for i in range(60)]


async def test_two_threads_may_share_one_instance(store: Store) -> None:
    shared = store.another_log()
    await _from_threads(store, [STREAM, "journal"], [shared, shared])
    assert await shared.span(STREAM, 0) == (0, 300)
    assert await shared.span("journal", 0) == (0, 300)


async def test_many_threads_may_open_a_new_place_at_once(store: Store) -> None:
    start = Barrier(4)

    def work(number: int) -> None:
        start.wait()
        asyncio.run(store.another_log().append(STREAM, number, [b"x"]))

    async with asyncio.TaskGroup() as group:
        for number in range(4):
            group.create_task(asyncio.to_thread(work, number))
    assert [await store.another_log().span(STREAM, number) for number in range(4)] == [(0, 1)] * 4


async def _from_threads(store: Store, topics: list[str], logs: list[Log]) -> None:
    async def write(number: int) -> None:
        for i in range(60):
            await logs[number].append(topics[number], 0, [b"%d-%d" % (number, i)] * 5)
            await logs[number].read(STREAM, 0, 0, 3)

    async with asyncio.TaskGroup() as group:
        for number in range(2):
            group.create_task(asyncio.to_thread(asyncio.run, write(number)))


# ---------------------------------------------------------------- snapshots

PART, OTHER, WHOLE = SnapshotKey(1, 7, "runs", 10), SnapshotKey(1, 8, "runs", 10), SnapshotKey(1, 7, MANIFEST, 0)


async def test_a_value_is_found_under_its_key_alone_also_when_opened_again(store: Store) -> None:
    snapshots = store.another_snapshots()
    assert await snapshots.keys("meter-0") == []
    await snapshots.put("meter-0", PART, b"\x00one")
    await snapshots.put("meter-0", OTHER, b"two")
    await snapshots.put("meter-1", PART, b"three")
    await snapshots.put("meter-0", WHOLE, b"named")
    again = store.another_snapshots()
    assert set(await again.keys("meter-0")) == {PART, OTHER, WHOLE}
    assert [await again.get("meter-0", key) for key in (PART, OTHER, WHOLE)] == [b"\x00one", b"two", b"named"]
    assert await again.get("meter-1", PART) == b"three"
    assert await again.get("meter-1", OTHER) is None


async def test_a_put_replaces_and_a_delete_may_be_repeated(store: Store) -> None:
    snapshots = store.another_snapshots()
    await snapshots.put("meter-0", WHOLE, b"old")
    await snapshots.put("meter-0", WHOLE, b"new")
    await snapshots.put("meter-0", PART, b"part")
    assert await snapshots.get("meter-0", WHOLE) == b"new"
    for _ in range(2):
        await snapshots.delete("meter-0", [PART, OTHER])
    await snapshots.delete("meter-0", [])
    assert await snapshots.keys("meter-0") == [WHOLE]


# ---------------------------------------------------------------- what the world does to SQLite


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Sqlite]:
    made = Sqlite(tmp_path / "data")
    made.busy_ms = 10
    yield made
    for close in made.close:
        close()


async def test_a_full_disk_is_a_log_error_and_leaves_nothing_of_that_append(sqlite_store: Sqlite) -> None:
    log = sqlite_store.another_log()
    await log.append(STREAM, 0, [b"before"])
    full(log._file(STREAM))
    with pytest.raises(LogError, match=r"cannot append to .*stream\.db: database or disk is full; free space"):
        await log.append(STREAM, 0, [b"x" * 4000] * 100)
    with pytest.raises(LogError, match="full"):
        await log.append_many(STREAM, {0: [b"small"], 1: [b"x" * 4000] * 100})
    assert await log.span(STREAM, 0) == (0, 1)
    assert await log.span(STREAM, 1) == (0, 0)
    log._file(STREAM)._writer.execute("PRAGMA max_page_count = 100000")
    assert await log.append(STREAM, 0, [b"after"]) == 1
    assert texts(await log.read(STREAM, 0, 0, 10)) == [b"before", b"after"]


async def test_a_full_disk_leaves_the_old_snapshot(sqlite_store: Sqlite) -> None:
    snapshots = sqlite_store.another_snapshots()
    await snapshots.put("meter-0", PART, b"old")
    full(snapshots._file)
    with pytest.raises(LogError, match=r"cannot save to .*snapshots\.db"):
        await snapshots.put("meter-0", PART, b"x" * 400_000)
    assert await snapshots.get("meter-0", PART) == b"old"


def full(file: sqlite._File) -> None:
    pages = file._writer.execute("PRAGMA page_count").fetchone()[0]
    file._writer.execute(f"PRAGMA max_page_count = {pages}")


async def test_a_lock_that_another_process_holds_is_a_log_error_and_passes(sqlite_store: Sqlite) -> None:
    log = sqlite_store.another_log()
    await log.append(STREAM, 0, [b"before"])
    with closing(sqlite3.connect(sqlite_store.folder / "stream.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LogError, match=r"cannot append to .*locked; another process"):
            await log.append(STREAM, 0, [b"x"])
        assert texts(await log.read(STREAM, 0, 0, 10)) == [b"before"], "whoever writes hinders no reader"
    assert await log.append(STREAM, 0, [b"after"]) == 1


async def test_a_folder_that_cannot_be_made_is_a_log_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LogError, match="cannot open"):
        await SqliteLog(tmp_path / "file", Clock()).append(STREAM, 0, [b"x"])


async def test_a_file_of_something_else_is_a_log_error(sqlite_store: Sqlite) -> None:
    sqlite_store.folder.mkdir()
    (sqlite_store.folder / "stream.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(LogError, match="not one of ours"):
        await sqlite_store.another_log().append(STREAM, 0, [b"x"])


async def test_an_append_waits_for_the_disk_and_of_the_snapshots_only_the_manifest(sqlite_store: Sqlite) -> None:
    log, snapshots = sqlite_store.another_log(), sqlite_store.another_snapshots()
    seen: list[str] = []
    log._file(STREAM)._writer.set_trace_callback(seen.append)
    snapshots._file._writer.set_trace_callback(seen.append)
    await log.append(STREAM, 0, [b"x"])
    await snapshots.put("meter-0", PART, b"x")
    await snapshots.put("meter-0", WHOLE, b"x")
    assert [said.split()[-1] for said in seen if said.startswith("PRAGMA synchronous")] == ["FULL", "NORMAL", "FULL"]
