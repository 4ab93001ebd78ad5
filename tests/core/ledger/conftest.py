"""Empty books in every database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.ledger import Ledger
from tests.core.ledger.heard import DATABASES, emptied


@pytest.fixture(params=DATABASES)
def books(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    kept = Ledger(emptied(request.param, tmp_path))
    yield kept
    kept.close()
