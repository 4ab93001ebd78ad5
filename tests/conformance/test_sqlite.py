"""What the world does to SQLite: full disks, locks, folders and files of something else are log errors, and pass."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from service.log import sqlite
from service.log.ports import STREAM, LogError
from service.log.sqlite import SqliteLog
from tests.conformance.stores import PART, WHOLE, Clock, Sqlite, texts


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
