"""A share of tries that turns out otherwise: fallbacks, missing labels. A CUSUM of hits against what this scope is used to.

The share is learned (a Beta prior of few hits in many tries); the alternative is that the cause makes a part of all other tries hits as well.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Final

from detectors.base import Expectation, Features, number
from detectors.sequential import Sequential
from detectors.tail import gathered

PRIOR: Final = (0.5, 60.0)
REMEMBERED: Final = 20_000.0  # tries; then the past counts half
OF_MAX: Final = 1e9


class Share(Sequential, array_like=True, tag="share"):
    """`hits` among `of` tries beside the learned share; `floor` is a share that others have now, and that is nobody's own fault.

    >>> d = Share()
    >>> for k in range(500): d.learn_one({"hits": k % 50 == 0, "of": 4.0})
    >>> d.score_one({"hits": 0.0, "of": 4.0}), d.score_one({"hits": 6.0, "of": 6.0}) > 3.0
    (0.0, True)
    """

    name: ClassVar[str] = "share"

    step: float = 0.2
    hits: float = 0.0
    of: float = 0.0

    @property
    def usual(self) -> float:
        """The learned share, in (0, 1)."""
        return min(0.95, (self.hits + PRIOR[0]) / (self.of + PRIOR[1]))

    def level(self, x: Features) -> float:
        """The CUSUM of hits."""
        hits, of = _counts(x)
        usual = min(0.95, max(self.usual, number(x, "floor", 0.0, 0.95)))
        other = usual + self.step * (1.0 - usual)
        return gathered(self.tail.level, hits * math.log(other / usual) + (of - hits) * math.log((1.0 - other) / (1.0 - usual)))

    def learn(self, x: Features, seen: Any) -> None:  # noqa: ARG002 -- nothing of it is needed twice
        """Hits and tries join the share."""
        hits, of = _counts(x)
        self.hits += hits
        self.of += of
        if self.of > REMEMBERED:
            self.hits, self.of = self.hits / 2, self.of / 2

    def observed(self, x: Features) -> float:
        """Hits."""
        return _counts(x)[0]

    def expected(self, x: Features) -> Expectation:
        """Hits among so many tries."""
        mean = self.usual * _counts(x)[1]
        spread = 2.0 * math.sqrt(mean) + 1.0
        return Expectation(mean, max(0.0, mean - spread), mean + spread)


def _counts(x: Features) -> tuple[float, float]:
    of = number(x, "of", 0.0, OF_MAX)
    return min(of, number(x, "hits", 0.0, OF_MAX)), of
