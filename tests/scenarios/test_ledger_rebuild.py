"""`spendwarden ledger rebuild`: the books that are built from the logs are the books that were kept, table by table, in both databases."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, closing, nullcontext
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, delete, select, update

from service.books import SpendQuestion
from service.facts import MINUTE_MS, Control, Counts, Envelope, Fact, Measures, Outbox, PricedLate, Tally, encode
from service.folder import LEDGER, LOGS
from service.ledger import Ledger
from service.ledger.tables import deliveries, hours, meta, minutes, open_minutes, orders, places, subjects
from service.log.memory import MemoryLog
from service.log.ports import JOURNAL, OUTBOX, Log, LogError, Row
from service.log.sqlite import SqliteLog
from service.shells import bookkeeper
from service.shells.bookkeeper import Bookkeeper
from service.shells.rebuild import lost, rebuild, sources_of
from tests.core.ledger.heard import cell
from tests.scenarios.commands import run

Fresh = Callable[[], str]
Tables = dict[str, list[tuple[Any, ...]]]


def tables(url: str) -> Tables:
    """All that is in the books, a subject by its digest: its number depends on who was heard first."""
    engine = create_engine(url)
    with engine.begin() as db:
        names = {number: bytes(digest) for number, digest in db.execute(select(subjects.c.id, subjects.c.digest))}
        found: Tables = {}
        for table in meta.sorted_tables:
            place = [column.name for column in table.columns].index("id" if table is subjects else "subject") if table in (subjects, *_OF_SUBJECTS) else None
            rows = [tuple(names[value] if at == place else value for at, value in enumerate(row)) for row in db.execute(select(table))]
            found[table.name] = sorted(rows, key=repr)
    engine.dispose()
    return found


_OF_SUBJECTS = [table for table in meta.sorted_tables if "subject" in table.columns]


def opens(log: Log) -> Callable[[], AbstractAsyncContextManager[Log]]:
    return lambda: nullcontext(log)


async def follow(log: Log, books: Ledger, partitions: int = 1) -> None:
    """As a service keeps them."""
    keeper = Bookkeeper(opens(log), books, partitions)
    while await keeper.catch_up(log):
        pass


async def rebuilt(log: Log, books: Ledger, partitions: int = 1) -> None:
    await rebuild(log, books, await sources_of(log, partitions))


@pytest.fixture
def log(data: Path) -> SqliteLog:
    """Of a service that has run: spend, incidents, orders, notices, a control."""
    return SqliteLog(data / LOGS, lambda: 0)


async def test_the_rebuilt_books_are_those_that_were_kept(fresh: Fresh, log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bookkeeper, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr("service.shells.rebuild.ROWS_AT_ONCE", 50)
    kept, anew = fresh(), fresh()
    with closing(Ledger(kept)) as books:
        await follow(log, books)
    before = tables(kept)
    assert all(before[name] for name in ("places", "marks", "minutes", "hours", "incidents", "incident_steps", "orders", "notices", "controls"))
    with closing(Ledger(anew)) as books:
        await rebuilt(log, books)
    assert tables(anew) == before
    engine = create_engine(kept)
    with engine.begin() as db:
        db.execute(delete(hours))
        db.execute(update(minutes).values(nanos=minutes.c.nanos + 1))
        db.execute(update(orders).values(state="nonsense"))
        db.execute(deliveries.insert().values(id="never", receiver="said", state="delivered", reason="", time_ms=0))
        db.execute(open_minutes.insert().values(journal=0, partition=99, subject=1, minute=0, offset=0, nanos=1))
        db.execute(update(places).values(next_offset=10**9))
    engine.dispose()
    assert tables(kept) != before
    with closing(Ledger(kept)) as books:
        await rebuilt(log, books)
        assert tables(kept) == before
        await follow(log, books)
        assert tables(kept) == before
    log.close()


class _Breaking:
    """A log that fails at its so manieth read."""

    def __init__(self, log: Log, at: int) -> None:
        self._log, self._left = log, at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Row]:
        self._left -= 1
        if self._left < 0:
            raise LogError("the log is gone")
        return await self._log.read(topic, partition, offset, limit)


async def test_a_rebuild_that_fails_leaves_the_books_as_they_were(fresh: Fresh, log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.shells.rebuild.ROWS_AT_ONCE", 50)
    url = fresh()
    with closing(Ledger(url)) as books:
        await follow(log, books)
        before = tables(url)
        for reads in (0, 1, 5):
            breaking: Any = _Breaking(log, reads)
            with pytest.raises(LogError, match="the log is gone"):
                await rebuild(breaking, books, await sources_of(log, 1))
            assert tables(url) == before
    log.close()


def told(minute: int, nanos: int, agent: str) -> bytes:
    words: list[Fact] = [Tally(cell(agent), minute, minute, 0, Measures(records=1, nanos=nanos))]
    return encode(Envelope(0, (minute + 1) * MINUTE_MS, minute, words, Counts(records=1)))


async def test_a_service_on_the_books_sees_the_old_ones_and_goes_on_with_the_new(fresh: Fresh) -> None:
    """It has the subjects' numbers in memory; whoever rebuilds may meet them in another order."""
    log, url = MemoryLog(clock=lambda: 1), fresh()
    await log.append(JOURNAL, 0, [told(0, 1, "b"), told(1, 10, "a")])
    await log.append(JOURNAL, 1, [told(0, 100, "c")])
    await log.append(OUTBOX, 1, [encode(Outbox(0, [PricedLate(9, cell("c"), 0, 1000)]))])
    asked = SpendQuestion("default", by="agent")
    with closing(Ledger(url)) as service, closing(Ledger(url)) as command:
        await follow(log, service, partitions=2)
        truth = {"a": 10, "b": 1, "c": 1100}
        assert service.spend(asked).by == truth
        with command.anew({}) as book:
            assert service.spend(asked).by == truth
            rows = await log.read(JOURNAL, 1, 0, 9)
            book(JOURNAL, 1, rows)
            assert service.spend(asked).by == truth
        assert service.spend(asked).by == {"c": 100}
        await rebuilt(log, command, partitions=2)
        assert service.spend(asked).by == truth
        await log.append(JOURNAL, 0, [told(2, 5, "c"), told(3, 7, "d")])
        await follow(log, service, partitions=2)
        assert service.spend(asked).by == {"a": 10, "b": 1, "c": 1105, "d": 7}


async def test_what_was_trimmed_away_is_named_and_the_books_go_on_from_what_is_left(fresh: Fresh) -> None:
    now_ms = 0
    log, url = MemoryLog(clock=lambda: now_ms), fresh()
    for day in range(3):
        now_ms = 1_795_507_200_000 + day * 86_400_000
        await log.append(JOURNAL, 0, [told(day, 10**day, "a"), encode(Control(f"ctl-{day}", "default", "note", "maria"))])
        await log.append(OUTBOX, 0, [encode(Outbox(day, []))])
    assert await lost(log, await sources_of(log, 1)) == []
    await log.trim(JOURNAL, 0, 2)
    await log.trim(OUTBOX, 0, 3)
    assert await lost(log, await sources_of(log, 1)) == [
        "journal 0: everything before 2026-11-25T08:00:00.000Z has been trimmed away (2 rows)",
        "outbox 0: everything has been trimmed away (3 rows)",
    ]
    with closing(Ledger(url)) as books:
        with pytest.raises(LogError, match=r"trimmed away.*ledger rebuild --accept-loss"):
            await follow(log, books)
        await rebuilt(log, books)
        assert books.spend(SpendQuestion("default")).nanos == 110
        await log.append(OUTBOX, 0, [encode(Outbox(5, []))])
        await follow(log, books)
        assert books.next_offset(OUTBOX, 0) == 4


# ---------------------------------------------------------------- the command


def test_the_command_mends_the_books_of_a_folder(own: Path) -> None:
    url = f"sqlite:///{own / LEDGER}"
    before = tables(url)
    (own / LEDGER).unlink()
    done = run("ledger", "rebuild", "--data", str(own))
    assert done.exit_code == 0, done.output
    log = SqliteLog(own / LOGS, lambda: 0)
    ends = [asyncio.run(log.span(topic, 0))[1] for topic in (JOURNAL, OUTBOX)]
    assert done.stdout == f"rebuilt from {ends[0]:,} rows of the journal and {ends[1]:,} of the outbox\n"
    assert tables(url) == before

    asyncio.run(log.trim(JOURNAL, 0, ends[0] - 1))
    log.close()
    done = run("ledger", "rebuild", "--data", str(own))
    assert done.exit_code == 1
    assert "nothing was changed" in done.stderr
    assert "journal 0: everything before 2025-11-25T12:0" in done.stderr
    assert tables(url) == before
    done = run("ledger", "rebuild", "--data", str(own), "--accept-loss")
    assert done.exit_code == 0, done.output
    assert "lost: journal 0: everything before" in done.stderr
    assert tables(url)["places"] == before["places"]
    assert tables(url) != before


def test_books_that_are_no_database_are_told_with_what_to_do(own: Path, tmp_path: Path) -> None:
    (own / LEDGER).write_bytes(b"no database at all " * 1000)
    done = run("ledger", "rebuild", "--data", str(own))
    assert done.exit_code == 1
    assert "not a database" in done.stderr
    assert "move the books' file away" in done.stderr
    shutil.move(own / LEDGER, tmp_path / "away.db")
    assert run("ledger", "rebuild", "--data", str(own)).exit_code == 0
    done = run("ledger", "rebuild", "--data", str(tmp_path / "nowhere"))
    assert (done.exit_code, "no data folder of a service" in done.stderr) == (2, True)
