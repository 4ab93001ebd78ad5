"""A desk and a room whose fake Slack must have found nothing wrong in the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.scenarios.fake_service import INCIDENT, FakeService
from tests.slack import published
from tests.slack.desk import Desk
from tests.slack.pressing import Room, Stands


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    assert made.slack.mistakes == []


@pytest.fixture
def described() -> None:
    if not published.is_here():
        pytest.skip(published.WHY_NOT)


@pytest.fixture
async def room(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    monkeypatch.setattr("service.api.slack.doing.PAUSES_S", ())
    made = Room(FakeService())
    yield made
    await made.door.aclose()
    assert made.slack.mistakes == []


@pytest.fixture
def books(room: Room) -> Stands:
    made = room.service.books = Stands(INCIDENT)
    return made
