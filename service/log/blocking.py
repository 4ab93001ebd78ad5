"""For shells on a log that never waits: its coroutines may be run to their end in place, in any thread."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def complete(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine that never waits (SQLite's ports block instead) to its end, in this thread."""
    try:
        work.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    work.close()
    raise AssertionError("a port of the embedded shell waited")
