"""A running service that cannot keep up, or whose disk is full or held by another: it says so, loses nothing, and goes on by itself."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.engine.owners import Lag
from service.folder import LOGS
from service.log.ports import JOURNAL, STREAM
from service.policy import load
from service.warden.snapshot import WardenFold
from tests.scenarios.live_service import live, until
from tests.scenarios.small_service import SmallService


def problem(answer: httpx.Response, status: int) -> str:
    """What a problem says, and what to do."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    assert int(answer.headers["retry-after"]) >= 1
    return f"{answer.json()['detail']} {answer.json()['fix']}"


# ---------------------------------------------------------------- it cannot keep up


async def test_what_no_owner_has_folded_is_counted_in_both_logs(tmp_path: Path) -> None:
    service = await SmallService.begun(tmp_path, load(""))
    await service.live(1_000)
    assert await service.engine.lag() == Lag(0, 0)
    await service.log.append_many(STREAM, {0: [b"never read"] * 3, 2: [b"never read"] * 2})
    await service.log.append(JOURNAL, 0, [b"never read"] * 7)
    assert await service.engine.lag() == Lag(5, 7)
    service.kill()


async def test_a_warden_that_is_stuck_shuts_the_door_until_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's thread stands still inside the warden's fold, as in a step that takes for ever: it could not count what lies behind it."""
    with _held_warden(monkeypatch) as (hold, inside, go_on):
        monkeypatch.setattr("service.shells.front.LAG_MAX", 100)
        monkeypatch.setattr("service.shells.front.LAG_EVERY_MS", 1)
        monkeypatch.setattr("service.shells.front.METRICS_S", 0.1)
        async with live(tmp_path) as service:
            await service.taken(40)
            hold()
            assert await asyncio.to_thread(inside.wait, 20)
            answers = [await service.send(40) for _ in range(6)]
            statuses = [answer.status_code for answer in answers]
            assert statuses == sorted(statuses)
            assert set(statuses) == {202, 429}
            assert "Send the same again after 2 s." in problem(answers[-1], 429)
            told = (await service.door.get("/metrics")).text
            lag = {log: float(rows) for log, rows in re.findall(r'spendwarden_engine_lag_rows\{log="(\w+)"\} (\S+)', told)}
            assert lag.keys() == {"stream", "journal"}
            assert sum(lag.values()) > 100
            go_on()
            await until(service.takes)
            await until(service.is_booked)


@contextmanager
def _held_warden(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """What makes it stand still in its next fold, what says that it does, and what lets it go."""
    free, inside, fold = threading.Event(), threading.Event(), WardenFold.fold
    free.set()

    def held(self: WardenFold, state: Any, items: Sequence[Any]) -> Any:
        if not free.is_set():
            inside.set()
            free.wait(60)
        return fold(self, state, items)

    monkeypatch.setattr(WardenFold, "fold", held)
    try:
        yield free.clear, inside, free.set
    finally:
        free.set()


# ---------------------------------------------------------------- the disk


@pytest.mark.parametrize("topic", [STREAM, JOURNAL])
async def test_a_full_disk_is_told_and_nothing_acknowledged_is_lost(tmp_path: Path, topic: str) -> None:
    """Without room in the stream nothing is taken; without room in the journal the engine waits, and what was taken waits with it."""
    async with live(tmp_path) as service:
        await service.taken(40)
        writer = service.running.log._file(topic)._writer
        writer.execute(f"PRAGMA max_page_count = {writer.execute('PRAGMA page_count').fetchone()[0]}")
        if topic == STREAM:
            await until(lambda: service.refuses(1_000))
            full = service.last
            assert "log: " in problem(await service.door.get("/readyz"), 503)
            assert 'spendwarden_door_failed_total{log="stream"} 1.0' in (await service.door.get("/metrics")).text
        else:
            await service.taken(1_000)
            await until(service.is_unready)
            full = await service.door.get("/readyz")
        assert "free space where the data folder lies" in problem(full, 503)
        assert (await service.door.get("/healthz")).status_code == 200
        if topic == JOURNAL:
            problem(await service.door.get("/v1/budgets"), 503)
            assert "spendwarden_engine_ready 0.0" in (await service.door.get("/metrics")).text
        writer.execute("PRAGMA max_page_count = 1000000")
        await until(service.takes)
        await until(service.is_ready)
        await until(service.is_booked)


async def test_a_database_that_another_holds_is_told_and_nothing_acknowledged_is_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with live(tmp_path) as service:
        await service.taken(40)
        service.running.log._file(STREAM)._writer.execute("PRAGMA busy_timeout = 50")
        with closing(sqlite3.connect(tmp_path / LOGS / "stream.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = await service.send(40)
            assert "only one service may run on a data folder" in problem(answer, 503)
            assert "Send the same again; a repetition is counted once." in problem(answer, 503)
            await service.send(40)
            assert await service.is_unready()
            assert 'spendwarden_door_failed_total{log="stream"} 2.0' in (await service.door.get("/metrics")).text
            assert capsys.readouterr().out.count("append_failed") == 1
            other.execute("ROLLBACK")
        await until(service.takes)
        await until(service.is_ready)
        await until(service.is_booked)


async def test_books_that_cannot_be_written_wait_and_the_service_decides_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.ledger.sql.BUSY_MS", 50)
    async with live(tmp_path) as service:
        with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await service.taken(40)
            await until(service.is_unready)
            assert "locked" in problem(await service.door.get("/readyz"), 503)
            await service.taken(40)
            assert service.running.engine.heard.ready
            other.execute("ROLLBACK")
        await until(service.is_booked)
        await until(service.is_ready)
