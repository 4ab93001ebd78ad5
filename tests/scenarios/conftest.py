"""A data folder that a service has run on, to be looked at or to be changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.scenarios.lives import a_life


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that nobody changes."""
    folder = tmp_path_factory.mktemp("life") / "data"
    a_life(folder)
    return folder


@pytest.fixture
def own(data: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(data, tmp_path / "own"))
