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

    def learn(self, value: float) -> None:
        """Take in one value."""
        self.bins[_bin(value)] += 1.0
        self.total += 1.0

    def forget_half(self) -> None:
        """Let all that was seen count half."""
        self.bins = [count / 2 for count in self.bins]
        self.total /= 2

    def above(self, value: float) -> float:
        """The share of the past at or above `value`."""
        start, many, mean = self._tail()
        if value >= start:
            return (many + 0.5) / (self.total + 1.0) * math.exp(max(-500.0, (start - value) / mean))
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

    def _tail(self) -> tuple[float, float, float]:
        """Where the upper tail begins, how many are in it, and their mean excess."""
        most = TAIL * self.total
        many = over = 0.0
        for k in range(BINS - 1, -1, -1):
            count = self.bins[k]
            if many + count > most:
                break
            over += many * BIN + count * BIN / 2
            many += count
        start = LOW + (k + 1) * BIN
        return start, many, (over + TAIL_PRIOR * TAIL_PRIOR_MEAN) / (many + TAIL_PRIOR)


def _bin(value: float) -> int:
    return min(BINS - 1, max(0, int((value - LOW) / BIN)))
