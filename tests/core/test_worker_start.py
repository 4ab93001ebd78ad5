"""A worker that is started again is waited for: its program loads nothing that only the door and the books need."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("fastapi", "sqlalchemy", "uvicorn", "river", "numpy")


def test_it_starts_without_door_and_books() -> None:
    code = f"import sys, service.bootstrap.workers; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
