"""How rare a value is among those seen: a histogram, and beyond its upper end an exponential tail."""

from __future__ import annotations

import math
from typing import Final

import msgspec
from msgspec import Struct

BINS: Final = 96
BIN: Final = 0.125
LOW: Final = -4.0
TAIL: Final = 0.04  # the upper part that is taken for exponential
TAIL_PRIOR: Final = 3.0
TAIL_PRIOR_MEAN: Final = 0.35


class Ranks(Struct, array_like=True):
    """Upper tail probabilities of log ratios under their own past; finite and above 0 for every finite value.

    >>> r = Ranks()
    >>> for k in range(1000): r.learn(k / 1000)
    >>> round(r.above(0.5), 2), r.above(3.0) < 1e-3
    (0.5, True)
    """

    total: float = 0.0
    bins: list[float] = msgspec.field(default_factory=lambda: [0.0] * BINS)
    tail_start: float = math.inf
    tail_share: float = 0.0
    tail_mean: float = TAIL_PRIOR_MEAN
    tail_due: float = 1.0

    def learn(self, value: float) -> None:
        """Take in one value; the tail is measured anew at every fiftieth more."""
        self.bins[_bin(value)] += 1.0
        self.total += 1.0
        if self.total >= self.tail_due:
            self._measure_tail()

    def forget_half(self) -> None:
        """Let all that was seen count half."""
        self.bins = [count / 2 for count in self.bins]
        self.total /= 2
        self._measure_tail()

    def above(self, value: float) -> float:
        """The share of the past at or above `value`."""
        if value >= self.tail_start:
            return self.tail_share * math.exp(max(-500.0, (self.tail_start - value) / self.tail_mean))
        k = _bin(value)
        into = min(1.0, max(0.0, (value - LOW) / BIN - k))
        return (sum(self.bins[k + 1 :]) + (1.0 - into) * self.bins[k] + 0.5) / (self.total + 1.0)

    def quantile(self, share: float) -> float:
        """The value that `share` of the past lies below, to half a bin."""
        left = share * self.total
        for k, count in enumerate(self.bins):
            left -= count
            if left < 0.0:
                return LOW + (k + 0.5) * BIN
        return 0.0

    def _measure_tail(self) -> None:
        """Where the upper tail begins, its share, and its mean excess."""
        most, many, over = TAIL * self.total, 0.0, 0.0
        k = BINS - 1
        while k > 0 and many + self.bins[k] <= most:
            over += many * BIN + self.bins[k] * BIN / 2
            many += self.bins[k]
            k -= 1
        self.tail_start = LOW + (k + 1) * BIN
        self.tail_share = (many + 0.5) / (self.total + 1.0)
        self.tail_mean = (over + TAIL_PRIOR * TAIL_PRIOR_MEAN) / (many + TAIL_PRIOR)
        self.tail_due = self.total * 1.02


def _bin(value: float) -> int:
    return min(BINS - 1, max(0, int((value - LOW) / BIN)))
