"""Evidence gathered over windows, and how rare that much of it is for this very scope.

Three steps, each by its source. A tail probability p becomes nats by a bet against it, ln k - (1 - k) ln p (the power calibrator of Vovk and Wang,
Annals of Statistics 2021): right for any distribution, so heavy tails cost power and never calibration. The nats add up to Page's CUSUM (Biometrika
1954), S <- min(cap, max(0, S + nats)); neighbours are alike, so a window that goes on with an episode weighs as much as it has of its own, (1 - r) /
(1 + r) at autocorrelation r (Bayley and Hammersley 1946), and one that could begin it counts whole. `tail` knows how rare its peaks are.
"""

from __future__ import annotations

import math
from typing import Final

from detectors.tail import PEAK_MIN, Basis, Tail

BET: Final = 0.2  # k: near 0 only the very rare counts, near 1 the merely unusual as well
NATS_MAX: Final = 12.0  # one window alone is never all the evidence
CAP: Final = 30.0  # so that it comes down again soon after the end
PRIOR_EPISODES: Final = 6.0
PRIOR_EXCESS: Final = 4.0
ALIKE_MAX: Final = 0.95
PRIOR_ALIKE: Final = (1.0, 0.3)
_FIRST, _EACH = math.log(BET), 1.0 - BET


def nats(rare: float) -> float:
    """The evidence in one tail probability, in (0, 1].

    >>> round(nats(0.5), 2), round(nats(1e-4), 2), nats(1e-200)
    (-1.05, 5.76, 12.0)
    """
    return min(NATS_MAX, _FIRST - _EACH * math.log(rare))


class Evidence(Tail, array_like=True):
    """A CUSUM of surprises that knows its own tail.

    >>> e = Evidence()
    >>> for rare in [0.9, 0.01, 0.5, 0.6] * 20: e.add(rare, days=0.1)
    >>> e.episodes, round(e.score(e.after(1e-4)), 1), round(e.score(e.after(1e-7)), 1)
    (20.0, 1.3, 3.8)
    """

    last: float = 0.0
    square: float = PRIOR_ALIKE[0]
    product: float = PRIOR_ALIKE[1]

    def after(self, rare: float) -> float:
        """The level once a window of tail probability `rare` is added; nothing is changed."""
        gain = nats(rare)
        if gain <= 0.0:
            return max(0.0, self.level + gain)
        alike = max(0.0, min(ALIKE_MAX, self.product / self.square))
        going_on = self.level + gain * (1.0 - alike) / (1.0 + alike)
        return min(CAP, max(going_on, gain))

    def add(self, rare: float, days: float) -> None:
        """Add a window that is `days` long; an episode that ends is counted."""
        self.join(rare, self.after(rare), days)

    def join(self, rare: float, level: float, days: float) -> None:
        """`add` where it is known that the evidence then stands at `level`, which is `after(rare)`."""
        self.hear(level, days)
        centred = 0.5 - rare
        self.square += centred * centred
        self.product += centred * self.last
        self.last = centred

    def score(self, level: float, prior_episodes: float = PRIOR_EPISODES, prior_excess: float = PRIOR_EXCESS) -> float:
        """-log10 of the episodes a day that reach `level`, never below 0."""
        return Tail.score(self, level, prior_episodes, prior_excess)

    def basis(self, level: float, prior_episodes: float = PRIOR_EPISODES, prior_excess: float = PRIOR_EXCESS) -> Basis:
        """What `score` makes of `level`."""
        return Tail.basis(self, level, prior_episodes, prior_excess)


__all__ = ["CAP", "PEAK_MIN", "Evidence", "nats"]
