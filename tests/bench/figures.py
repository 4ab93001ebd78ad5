"""What a bench measured, and what was wanted."""

from __future__ import annotations

import gc
import resource
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

PAGE_BYTES = resource.getpagesize()


class Figure(NamedTuple):
    """One number; `must`: the bench has failed when it is missed."""

    name: str
    value: float
    unit: str
    goal: str = ""
    met: bool | None = None
    must: bool = False


def at_least(name: str, value: float, unit: str, goal: float) -> Figure:
    return Figure(name, value, unit, f">= {goal:,.0f}", value >= goal)


def below(name: str, value: float, unit: str, goal: float) -> Figure:
    return Figure(name, value, unit, f"< {goal:,.0f}", value < goal)


def exactly(name: str, value: int, goal: int = 0) -> Figure:
    return Figure(name, value, "", f"= {goal:,}", value == goal, must=True)


def rss_bytes() -> int:
    """Memory that this process holds now, after a collection."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of them do not exceed (nearest rank).

    >>> quantile([3.0, 1.0, 2.0], 0.5), quantile([], 0.5)
    (2.0, 0.0)
    """
    if not values:
        return 0.0
    return sorted(values)[min(len(values) - 1, max(0, -(-int(share * 1000) * len(values) // 1000) - 1))]
