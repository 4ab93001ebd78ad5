"""Empty books in every database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from service.ledger import Ledger
from tests.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Gives the address of a database without tables, another one each time."""
    if request.param == "sqlite":
        numbers = count()
        return lambda: f"sqlite:///{tmp_path}/ledger-{next(numbers)}.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.fresh


@pytest.fixture
def books(fresh: Callable[[], str]) -> Iterator[Ledger]:
    kept = Ledger(fresh())
    yield kept
    kept.close()
