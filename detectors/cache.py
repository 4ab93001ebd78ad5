"""The cache is no longer hit: calls whose cached share is far below what such calls are used to, step by step of a run.

A call misses where its share is under 0.3 of the mean of its step; misses are tried against the learned rate, with two alternatives: nearly all, and most.
Later calls of a run weigh less: they are not independent of the first.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import ClassVar, Final, TypeAlias

from msgspec import field

from detectors.base import Expectation, Features, number, whole
from detectors.sequential import Sequential
from detectors.tail import gathered

STEPS: Final = 4
EIGHTHS: Final = 9
WEIGHTS: Final = (0.0, 1.0, 0.7, 0.3)  # a first call may come to a cold cache
MISS: Final = 0.3
WATCHED: Final = 0.12  # a step with less in its cache has nothing to lose
OTHERS: Final = (0.93, 0.6)
PRIOR: Final = (1.0, 30.0)
REMEMBERED: Final = 4_000.0
WINDOW_NATS: Final = 5.0  # one window may be one run
CALLS_LEAST: Final = 10.0  # of a step, before its mean is known
CALLS_MAX: Final = 1e6
NAMES_KNOWN: Final = 1_024  # of features, so that the same few are not read again in each window
_Call: TypeAlias = tuple[int, int, float]
_Seen: TypeAlias = tuple[list[_Call], float, float, list[float]]


class Cache(Sequential, array_like=True, tag="cache"):
    """Calls by step class and cached eighths: feature `"2:5"` counts calls of class 2 with five eighths cached.

    >>> d = Cache()
    >>> for k in range(500): d.learn_one({"0:0": 1.0, "1:6": 2.0, "2:7": 2.0, "2:0": float(k % 20 == 0)})
    >>> before = d.score_one({"1:6": 2.0, "2:7": 2.0})
    >>> for k in range(2): d.learn_one({"1:0": 6.0, "2:1": 9.0})
    >>> before, d.score_one({"1:0": 6.0, "2:1": 9.0}) > 4.0
    (0.0, True)
    """

    name: ClassVar[str] = "cache"

    misses: float = 0.0
    of: float = 0.0
    calls: list[float] = field(default_factory=lambda: [0.0] * STEPS)
    cached: list[float] = field(default_factory=lambda: [0.0] * STEPS)
    levels: list[float] = field(default_factory=lambda: [0.0] * len(OTHERS))

    @property
    def usual(self) -> float:
        """The learned share of misses, in (0, 1)."""
        return min(0.9, (self.misses + PRIOR[0]) / (self.of + PRIOR[1]))

    def level(self, x: Features) -> float:
        """The higher of the two alternatives' CUSUMs."""
        return self.weigh(x)[0]

    def weigh(self, x: Features) -> tuple[float, _Seen]:
        """The level, with the calls, misses among how many, and the levels by alternative."""
        calls = _calls(x)
        means = self._means()
        misses, of = _counts(calls, means)
        levels = self._levels(misses, of) if max(means) >= WATCHED else [0.0] * len(OTHERS)  # given up for good: an episode that no call could end
        return max(levels), (calls, misses, of, levels)

    def keep(self, x: Features, seen: _Seen) -> None:  # noqa: ARG002 -- it has been read
        """The levels move on."""
        self.levels = seen[3]

    def learn(self, x: Features, seen: _Seen) -> None:  # noqa: ARG002 -- it has been read
        """Misses join the rate, cached shares their step's mean."""
        calls, misses, of, _ = seen
        self.misses += misses
        self.of += of
        for step, eighth, count in calls:
            self.calls[step] += count
            self.cached[step] += count * eighth / 8
        if sum(self.calls) > REMEMBERED:
            self.misses, self.of = self.misses / 2, self.of / 2
            self.calls, self.cached = [n / 2 for n in self.calls], [n / 2 for n in self.cached]

    def observed(self, x: Features) -> float:
        """Weighted misses."""
        return _counts(_calls(x), self._means())[0]

    def expected(self, x: Features) -> Expectation:
        """Misses among such calls."""
        mean = self.usual * _counts(_calls(x), self._means())[1]
        return Expectation(mean, 0.0, mean + 2.0 * math.sqrt(mean) + 1.0)

    def _means(self) -> list[float]:
        """The mean cached share of each step's calls; 0 while there are few."""
        return [cached / calls if calls >= CALLS_LEAST else 0.0 for cached, calls in zip(self.cached, self.calls, strict=True)]

    def _levels(self, misses: float, of: float) -> list[float]:
        usual = self.usual
        levels = []
        for other, level in zip(OTHERS, self.levels, strict=True):
            if other < 2.0 * usual and other < 0.9:  # too near to be told apart from what is usual
                levels.append(0.0)
                continue
            above = max(other, 0.5 + usual / 2)
            nats = misses * math.log(above / usual) + (of - misses) * math.log((1.0 - above) / (1.0 - usual))
            levels.append(gathered(level, min(WINDOW_NATS, nats)))
        return levels


def _counts(calls: list[_Call], means: list[float]) -> tuple[float, float]:
    """Weighted misses among weighted calls of the watched steps."""
    misses = of = 0.0
    for step, eighth, count in calls:
        mean = means[step]
        if mean >= WATCHED:
            weight = count * WEIGHTS[step]
            of += weight
            misses += weight * (eighth / 8 < MISS * mean)
    return misses, of


def _calls(x: Features) -> list[_Call]:
    return [(shape[0], shape[1], number(x, name, 0.0, CALLS_MAX)) for name in x if (shape := _shape(name)) is not None]


@lru_cache(NAMES_KNOWN)
def _shape(name: str) -> tuple[int, int] | None:
    """Step class and cached eighths, as the feature's name says them."""
    before, _, after = name.partition(":")
    step, eighth = whole(before, STEPS), whole(after, EIGHTHS)
    return (step, eighth) if step is not None and eighth is not None else None
