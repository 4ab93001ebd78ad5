"""The books' database: one that is locked or missing books nothing and says so, and every table is one PostgreSQL can make."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from service.facts import MINUTE_MS, Counts, Envelope, Measures, Tally
from service.ledger import Ledger
from service.ledger.tables import meta
from service.log.ports import JOURNAL, LogError
from tests.core.ledger.heard import ALL, cell, rows


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


def test_every_table_can_be_made_in_postgresql() -> None:
    for table in meta.sorted_tables:
        assert "BIG" in str(CreateTable(table).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
