"""Empty books in every database."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from service.ledger import Ledger


@pytest.fixture
def books(fresh: Callable[[], str]) -> Iterator[Ledger]:
    kept = Ledger(fresh())
    yield kept
    kept.close()
