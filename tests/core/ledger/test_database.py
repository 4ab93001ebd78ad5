"""The books' database: one that is locked or missing books nothing and says so, and one that was killed, or lost its last commits, goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.api import Tokens
from service.facts import MINUTE_MS, Counts, Envelope, Measures, Tally
from service.ledger import Ledger
from service.ledger.sql import opened
from service.log.ports import JOURNAL, LogError
from tests.core.ledger.heard import ALL, cell, rows
from tests.postgres import Postgres


def test_a_locked_or_missing_database_is_a_log_error_and_books_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LogError, match="cannot open the books"):
        Ledger(f"sqlite:///{tmp_path}/nowhere/ledger.db")
    with pytest.raises(ValueError, match="sqlite or postgresql"):
        Ledger("mssql+pyodbc://x")
    monkeypatch.setattr("service.ledger.sql.BUSY_MS", 10)
    first, second = Ledger(f"sqlite:///{tmp_path}/ledger.db"), Ledger(f"sqlite:///{tmp_path}/ledger.db")
    log = rows([Envelope(0, MINUTE_MS, 9, [Tally(cell(), 5, 0, 9, Measures(records=1, nanos=7))], Counts())])
    with first._writer.begin(), pytest.raises(LogError, match="locked"):
        second.apply(0, log)
    assert second.next_offset(JOURNAL, 0) == 0
    assert second.apply(0, log) == 1
    assert first.apply(0, log) == 1
    assert first.spend(ALL).nanos == 7
    first.close()
    second.close()


def test_books_that_another_holds_too_long_are_a_log_error_in_postgresql_too(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.ledger.sql.BUSY_MS", 50)
    url = postgres.fresh()
    books, other = Ledger(url), Ledger(url)
    log = rows([Envelope(0, MINUTE_MS, 9, [Tally(cell(), 5, 0, 9, Measures(records=1, nanos=7))], Counts())])
    with other.anew({}):
        with pytest.raises(LogError, match=r"cannot book journal 0: .*lock timeout"):
            books.apply(0, log)
        assert books.next_offset(JOURNAL, 0) == 0
    assert books.apply(0, log) == 1
    books.close()
    other.close()


def test_what_a_killed_server_has_lost_is_booked_again(postgres: Postgres) -> None:
    """A server may forget its last commits: one that commits asynchronously, or a follower that took over. Subjects are numbered anew then."""
    url = postgres.fresh()
    Ledger(url).close()
    books = Ledger(f"{url}%20-csynchronous_commit%3Doff")
    log = rows([Envelope(0, MINUTE_MS, 9, [Tally(cell(), 5, 0, 9, Measures(records=1, nanos=7))], Counts())])
    assert books.apply(0, log) == 1
    assert books.spend(ALL).nanos == 7
    postgres.kill()
    with pytest.raises(LogError, match="cannot ask the books"):
        books.spend(ALL)
    with pytest.raises(LogError, match="cannot open the books"):
        Ledger(url)
    postgres.start()
    assert books.next_offset(JOURNAL, 0) == 0
    assert books.apply(0, log) == 1
    assert books.spend(ALL._replace(by="agent")).by == {"indexer": 7}
    books.close()


def test_connections_that_a_restart_has_cut_are_replaced_unnoticed(postgres: Postgres) -> None:
    books = Ledger(postgres.fresh())
    log = rows([Envelope(0, MINUTE_MS, 9, [Tally(cell(), 5, 0, 9, Measures(records=1, nanos=7))], Counts())] * 2)
    assert books.apply(0, log[:1]) == 1
    postgres.kill()
    postgres.start()
    assert books.apply(0, log) == 2
    assert books.spend(ALL).nanos == 7
    books.close()


def test_several_that_begin_at_once_find_one_set_of_tables(fresh: Callable[[], str]) -> None:
    for _ in range(5):
        url, together = fresh(), threading.Barrier(4)

        def begin(url: str = url, together: threading.Barrier = together) -> None:
            together.wait()
            Tokens(url, opened=opened).close()
            Ledger(url).close()

        with ThreadPoolExecutor(4) as pool:
            for begun in [pool.submit(begin) for _ in range(4)]:
                begun.result()
