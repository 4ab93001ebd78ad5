"""What was usual for a scope at each of its windows, worked out again from its spend alone: nothing is kept for it.

The same detector hears the same windows in the same order, so it expects what it expected then. It differs only where the books know more than
the warden did: records that came too late for their window, and spend that the policy's calendar had planned, which no detector hears.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from detectors.base import Expectation
from service.warden.votes import WATCHING, features

__all__ = ["Expectation", "Spent", "usual"]


class Spent(NamedTuple):
    """One closed window; `start_s` is Unix time, a multiple of its width."""

    start_s: int
    width_s: int
    nanos: int


def usual(windows: Iterable[Spent]) -> Iterator[Expectation | None]:
    """The expectation of each window in dollars before it was learned; None while too little was seen to speak.

    Windows come in order and without gaps; one without spend holds 0.

    >>> steady = [Spent(600 * k, 600, 10**9) for k in range(1000)]
    >>> expected = list(usual(steady))
    >>> expected[0], round(expected[999].value, 2), expected[999].holds(1.0), expected[999].holds(9.0)
    (None, 1.0, True, False)
    """
    detector = WATCHING()
    for window in windows:
        x = features(window.start_s // window.width_s, window.nanos, window.width_s)
        yield detector.expected(x) if detector.warm else None
        detector.learn_one(x)
