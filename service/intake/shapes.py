"""How foreign JSON is looked at: any part may be missing or of another kind, and none of that is an error."""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime
from typing import Any

from service.records import TEXT_MAX


class Tree:
    """Nested objects by path, without surprises.

    >>> tree = Tree({"a": {"b": 5}, "c": None})
    >>> tree.get("a", "b"), tree.get("a", "x", "y"), tree.text("a", "b"), tree.text("c")
    (5, None, '5', '')
    """

    __slots__ = ("_root",)

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root

    def get(self, *path: str) -> Any:
        """The value there, or None."""
        here: Any = self._root
        for name in path:
            if not isinstance(here, dict):
                return None
            here = here.get(name)
        return here

    def text(self, *path: str) -> str:
        """The value there as text."""
        return text(self.get(*path))


def text(value: Any) -> str:
    """Text and whole numbers as text that can be encoded; all else is empty.

    >>> text(" kyc "), text(7), text(True), text(["x"])
    ('kyc', '7', '', '')
    """
    if isinstance(value, str):
        return value.strip().encode("utf-8", "replace").decode()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def fitted(name: str, limit: int = TEXT_MAX) -> str:
    """A name that is too long is cut and gets a digest of the whole, so that two different ones stay different.

    >>> fitted("kyc"), len(fitted("x" * 300)), fitted("x" * 300) == fitted("x" * 301)
    ('kyc', 256, False)
    """
    if len(name) <= limit:
        return name
    return f"{name[: limit - 17]}-{hashlib.blake2b(name.encode(), digest_size=8).hexdigest()}"


def number(value: Any) -> float | None:
    """A finite number, also one that is written as text, or None.

    >>> number(3), number("2.5"), number(True), number("much"), number(float("nan"))
    (3.0, 2.5, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        told = float(value)
    except (ValueError, OverflowError):
        return None
    return told if math.isfinite(told) else None


def count(value: Any) -> int:
    """A whole number of at least 0; what is none counts 0.

    >>> count(3.0), count(-2), count(None), count("7")
    (3, 0, 0, 7)
    """
    told = number(value)
    return max(0, int(told)) if told is not None else 0


def seconds(value: Any) -> float | None:
    """Unix seconds out of a number or ISO 8601 text (UTC unless it says otherwise), or None.

    >>> seconds(1.5), seconds("1970-01-01T00:01:00"), seconds("1970-01-01 00:01:00+01:00"), seconds("soon")
    (1.5, 60.0, -3540.0, None)
    """
    told = number(value)
    if told is not None or not isinstance(value, str):
        return told
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
