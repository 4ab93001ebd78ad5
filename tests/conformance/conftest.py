"""Places for logs and snapshots, closed again behind each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.stores import STORES, Kafka, Sqlite, Store


@pytest.fixture(params=STORES, ids=lambda kind: kind.__name__.lower())
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = request.param(tmp_path)
    with made.opened:
        if isinstance(made, Kafka):
            made.make_topics(request.getfixturevalue("broker").address())
        yield made


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Sqlite]:
    made = Sqlite(tmp_path / "data")
    made.busy_ms = 10
    with made.opened:
        yield made
