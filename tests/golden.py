"""Texts that were read and agreed upon, as files: what is written now must be the same, letter for letter."""

from __future__ import annotations

import os
from pathlib import Path


def assert_golden(path: Path, text: str) -> None:
    """Whether it reads as agreed; `GOLDEN=rewrite` writes it anew instead, for somebody to read the difference."""
    if os.environ.get("GOLDEN") == "rewrite":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
