"""What each alert carries for whoever doubts it: what its score comes from, and what the other detectors say of the same window."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from detectors.base import Features
from detectors.surprise import Surprise
from detectors.tail import Basis
from service.facts import Reckoning, Scope, Vote
from service.warden.state import Series, Tenant

WIDTH_S: Final = 600
WATCHING: Final = Surprise  # of all that the registry names; the others are for who asks for them
VOTES_MAX: Final = 8
VOTE_LEAST: Final = 1.0  # -log10: less than one such episode in ten days
PLACES: Final = 6  # of each number that is told
_LN10: Final = math.log(10.0)


def awake(series: Series) -> Surprise:
    """A scope's detector of spend, made from its bytes; between windows it sleeps as bytes, which are smaller and ready for a snapshot."""
    asleep = series.detectors.get(WATCHING.name)
    return WATCHING.load(asleep) if asleep is not None else WATCHING()


def features(number: int, nanos: int, width_s: int = WIDTH_S) -> Features:
    """A window as the detectors of spend hear it; `number` counts windows of its width, `nanos` is without what was planned."""
    return {"spend": nanos / 1e9, "start_s": number * width_s, "width_s": width_s}


def of_spend(t: Tenant, scope: Scope, number: int, nanos: int) -> list[Vote]:
    """What the detector of spend says of a window that it has not heard yet."""
    series = t.series.get(scope)
    if series is None:
        return []
    return [Vote(WATCHING.name, awake(series).score_one(features(number, nanos)))]


def usual(series: Series, number: int) -> int:
    """Nanos that such a window of the scope usually costs."""
    return round(awake(series).expected(features(number, 0)).value * 1e9)


def chosen(votes: Iterable[Vote]) -> list[Vote]:
    """Those worth carrying, the strongest first.

    >>> chosen([Vote("up", 0.2), Vote("cache", 1.51234), Vote("size", 3.0)])
    [Vote(detector='size', score=3.0), Vote(detector='cache', score=1.512)]
    """
    return [Vote(name, round(score, 3)) for name, score in sorted(votes, key=lambda vote: (-vote.score, vote.detector)) if score > VOTE_LEAST][:VOTES_MAX]


def reckoning(basis: Basis, threshold: float, factor: float = 1.0) -> Reckoning:
    """As it is told; `threshold` in nats."""
    return Reckoning(*(round(value, PLACES) for value in (*basis, threshold, factor)))


def nats(score: float) -> float:
    """A score, which is -log10, in nats."""
    return score * _LN10
