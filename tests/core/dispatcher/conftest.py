"""A world for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.core.dispatcher.world import World


@pytest.fixture(params=["sqlite", "kept"])
async def world(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    made = World(tmp_path, kind=request.param)
    yield made
    made.close()
