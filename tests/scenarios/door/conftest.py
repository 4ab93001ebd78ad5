"""A service, its door, and the tokens that open it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from service.api import Tokens
from tests.scenarios.door.client import client_of
from tests.scenarios.fake_service import FakeService


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
async def door(service: FakeService) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(service) as client:
        yield client


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[Tokens]:
    kept = Tokens(f"sqlite:///{tmp_path}/tokens.db")
    yield kept
    kept.close()
