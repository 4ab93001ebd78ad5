"""How rare a peak is for whoever has had peaks before: the calibration that every sequential test here shares.

A test statistic leaves 0, peaks and comes back: one episode. Peaks above `PEAK_MIN` fall off exponentially (Siegmund, Sequential Analysis, 1985,
for CUSUMs of a log-likelihood ratio), so two sums calibrate them: how many there were, and how far they went.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple, Protocol, runtime_checkable

from msgspec import Struct

from detectors.base import Features

PEAK_MIN: Final = 2.0
EXCESS_MAX: Final = 12.0  # one real incident must not make the next one ordinary
CAP: Final = 20.0  # of a CUSUM, so that it comes down again soon after the end
PRIOR_EPISODES: Final = 3.0
PRIOR_EXCESS: Final = 1.2  # nats: were the model of the ordinary exact, it would be 1
_LN10: Final = math.log(10.0)


def gathered(level: float, nats: float) -> float:
    """Page's CUSUM (Biometrika 1954): where it stands with so much more evidence.

    >>> gathered(3.0, -5.0), gathered(3.0, 1.5), gathered(3.0, 99.0)
    (0.0, 4.5, 20.0)
    """
    return min(CAP, max(0.0, level + nats))


def scale(episodes: float, excess: float, prior_episodes: float = PRIOR_EPISODES, prior_excess: float = PRIOR_EXCESS) -> float:
    """How many nats of a peak make it e times rarer, where so many `episodes` had so much `excess` above the least together.

    >>> scale(episodes=0.0, excess=0.0), scale(episodes=9.0, excess=44.4)
    (1.2, 4.0)
    """
    return (excess + prior_episodes * prior_excess) / (episodes + prior_episodes)


class Basis(NamedTuple):
    """All that a score is made of, so that it can be told and worked out once more; `mean_excess` is that of its own peaks, in nats like `level`."""

    level: float
    peaks: float
    mean_excess: float
    days: float
    prior_peaks: float
    prior_excess: float

    @property
    def score(self) -> float:
        """As it was told.

        >>> t = Tail(episodes=20.0, excess=15.0, days=5.0)
        >>> t.basis(12.0).score == t.score(12.0)
        True
        """
        return Tail(episodes=self.peaks, excess=self.mean_excess * self.peaks, days=self.days).score(self.level, self.prior_peaks, self.prior_excess)


@runtime_checkable
class Reckons(Protocol):
    """A detector that can say what its score comes from."""

    def basis(self, x: Features) -> Basis:
        """What `score_one` makes its score of."""


class Tail(Struct, array_like=True):
    """The episodes of one statistic in nats.

    >>> t = Tail()
    >>> for level in [0.0, 3.0, 0.0, 2.5, 0.0] * 10: t.hear(level, days=0.1)
    >>> t.episodes, round(t.score(3.0), 1), round(t.score(12.0), 1)
    (20.0, 0.0, 4.8)
    """

    level: float = 0.0
    peak: float = 0.0
    episodes: float = 0.0
    excess: float = 0.0
    days: float = 0.0

    def hear(self, level: float, days: float) -> None:
        """The statistic stands at `level` after another `days`; an episode that ends is counted."""
        self.level = level
        self.days += days
        if level > 0.0:
            self.peak = max(self.peak, level)
            return
        if self.peak > PEAK_MIN:
            self.episodes += 1.0
            self.excess += min(self.peak - PEAK_MIN, EXCESS_MAX)
        self.peak = 0.0

    def score(self, level: float, prior_episodes: float = PRIOR_EPISODES, prior_excess: float = PRIOR_EXCESS) -> float:
        """-log10 of the episodes a day that reach `level`, never below 0."""
        if level <= PEAK_MIN:
            return 0.0
        per_day = (self.episodes + 0.5) / (self.days + 1.0)
        return max(0.0, ((level - PEAK_MIN) / scale(self.episodes, self.excess, prior_episodes, prior_excess) - math.log(per_day)) / _LN10)

    def basis(self, level: float, prior_episodes: float = PRIOR_EPISODES, prior_excess: float = PRIOR_EXCESS) -> Basis:
        """What `score` makes of `level`."""
        return Basis(level, self.episodes, self.excess / self.episodes if self.episodes else 0.0, self.days, prior_episodes, prior_excess)
