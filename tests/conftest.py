"""The services that tests of several folders share, and databases to keep books in."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings

from tests.kafka.cluster import brokers
from tests.kafka.fixtures import broker
from tests.kafka.guarded import guarded
from tests.postgres import Postgres, postgres

__all__ = ["broker", "brokers", "fresh", "guarded", "postgres"]

pytest.register_assert_rewrite("tests.golden")  # so that a text that differs is shown where it does

# How long an example takes says how busy the machine is, not whether the code is right. A gate draws the same lots each time, so that
# what it says is of the change; by hand they are new ones each time, and what they find becomes an @example.
settings.register_profile("any machine", deadline=None, derandomize=os.environ.get("SPENDWARDEN_REQUIRE_SERVICES") == "1")
settings.load_profile("any machine")


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Gives the address of a database without tables, another one each time."""
    if request.param == "sqlite":
        numbers = count()
        return lambda: f"sqlite:///{tmp_path}/ledger-{next(numbers)}.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.fresh
