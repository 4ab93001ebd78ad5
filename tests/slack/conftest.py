"""A desk whose fake Slack must have found nothing wrong in the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.slack import published
from tests.slack.desk import Desk


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    assert made.slack.mistakes == []


@pytest.fixture
def described() -> None:
    if not published.is_here():
        pytest.skip(published.WHY_NOT)
