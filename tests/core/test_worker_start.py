"""A worker that is started again is waited for: its program loads nothing that only the door and the books need."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("fastapi", "sqlalchemy", "uvicorn", "river", "numpy", "matplotlib")


def test_it_starts_without_door_and_books() -> None:
    code = f"import sys, service.bootstrap.workers; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["service.bootstrap.embedded", "service.bootstrap.serving", "service.bootstrap.workers", "service.cli.replay"])
def test_nothing_that_runs_for_long_loads_what_draws(module: str) -> None:
    code = f"import sys, {module}; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
