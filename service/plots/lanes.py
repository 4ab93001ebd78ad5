"""Where labels stand so that none covers another, and which times are written under an axis: all of it plain numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from service.phrases import moment
from service.plots.chart import DAY
from service.plots.words import clock

LANES_MAX: Final = 3
MINUTE_MS: Final = 60_000
TICKS_MAX: Final = 7
_STEPS: Final = tuple(hours * 60 for hours in (1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 720, 2160, 8760))  # minutes between two times


class Place(NamedTuple):
    """A label at `x`: in which lane, and whether it stands to the left of its point; lane None where there is no room for it."""

    x: float
    lane: int | None
    left: bool


def placed(labels: Sequence[tuple[float, float]], width: float) -> list[Place]:
    """A place for each label, given as (x of its point, its own width) by x, on an axis from 0 to `width`; the latest choose first.

    >>> placed([(10, 30), (20, 30), (90, 30)], 100)
    [Place(x=10, lane=1, left=False), Place(x=20, lane=0, left=False), Place(x=90, lane=0, left=True)]
    """
    taken: list[list[tuple[float, float]]] = [[] for _ in range(LANES_MAX)]
    return [_place(x, needs, width, taken) for x, needs in reversed(labels)][::-1]


def _place(x: float, needs: float, width: float, taken: list[list[tuple[float, float]]]) -> Place:
    """To the right of its point if there is room, else to the left; in the lowest lane that is free there."""
    for left, begins in ((False, x), (True, x - needs)):
        for lane, others in enumerate(taken):
            inside = begins >= 0 and begins + needs <= width
            if inside and all(begins + needs <= start or begins >= end for start, end in others):
                others.append((begins, begins + needs))
                return Place(x, lane, left)
    return Place(x, None, left=False)


def times(from_ms: int, to_ms: int) -> list[tuple[int, str]]:
    r"""Instants to be written under the axis, on whole hours or days of UTC; midnight is told by its date.

    >>> [text for _, text in times(0, 24 * 3_600_000)]
    ['Thu\n1 Jan', '06:00', '12:00', '18:00', 'Fri\n2 Jan']
    """
    minutes = (to_ms - from_ms) // MINUTE_MS
    step_ms = next((step for step in _STEPS if minutes / step <= TICKS_MAX), _STEPS[-1]) * MINUTE_MS
    first = -(-from_ms // step_ms) * step_ms
    return [(at, _tick(at)) for at in range(first, to_ms + 1, step_ms)]


def _tick(at_ms: int) -> str:
    if at_ms % (DAY * MINUTE_MS):
        return clock(at_ms)
    day, number, month, *_ = moment(at_ms).split()
    return f"{day}\n{number} {month}"
