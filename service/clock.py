"""The machine's clock; every shell is given it from here."""

from __future__ import annotations

from time import time_ns  # noqa: TID251 -- the one clock of the service


def now_ms() -> int:
    """Unix milliseconds: the only place that looks."""
    return time_ns() // 1_000_000
