"""How rare a value is among those seen: a histogram, and beyond its upper end an exponential tail."""

from __future__ import annotations

import math
from typing import Final

from msgspec import Struct, field

from detectors.packed import Packed, is_packed, number_at, packed, put, unpacked

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
    bins: Packed = field(default_factory=lambda: packed([0.0] * BINS))
    tail_start: float = math.inf
    tail_share: float = 0.0
    tail_mean: float = TAIL_PRIOR_MEAN
    tail_due: float = 1.0

    def __post_init__(self) -> None:
        """What was dumped as a list is bytes now."""
        if not is_packed(self.bins):
            self.bins = packed(self.bins)

    def learn(self, value: float) -> None:
        """Take in one value; the tail is measured anew at every fiftieth more."""
        k = _bin(value)
        put(self.bins, k, number_at(self.bins, k) + 1.0)
        self.total += 1.0
        if self.total >= self.tail_due:
            self._measure_tail()

    def forget_half(self) -> None:
        """Let all that was seen count half."""
        self.bins = packed(count / 2 for count in unpacked(self.bins))
        self.total /= 2
        self._measure_tail()

    def above(self, value: float) -> float:
        """The share of the past at or above `value`."""
        if value >= self.tail_start:
            return self.tail_share * math.exp(max(-500.0, (self.tail_start - value) / self.tail_mean))
        k = _bin(value)
        here, *higher = unpacked(self.bins, k)
        into = min(1.0, max(0.0, (value - LOW) / BIN - k))
        return (sum(higher) + (1.0 - into) * here + 0.5) / (self.total + 1.0)

    def quantile(self, share: float) -> float:
        """The value that `share` of the past lies below, to half a bin."""
        left = share * self.total
        for k, count in enumerate(unpacked(self.bins)):
            left -= count
            if left < 0.0:
                return LOW + (k + 0.5) * BIN
        return 0.0

    def _measure_tail(self) -> None:
        """Where the upper tail begins, its share, and its mean excess."""
        most, many, over = TAIL * self.total, 0.0, 0.0
        k, bins = BINS - 1, unpacked(self.bins)
        while k > 0 and many + bins[k] <= most:
            over += many * BIN + bins[k] * BIN / 2
            many += bins[k]
            k -= 1
        self.tail_start = LOW + (k + 1) * BIN
        self.tail_share = (many + 0.5) / (self.total + 1.0)
        self.tail_mean = (over + TAIL_PRIOR * TAIL_PRIOR_MEAN) / (many + TAIL_PRIOR)
        self.tail_due = self.total * 1.02


def _bin(value: float) -> int:
    k = int((value - LOW) / BIN)
    return k if 0 <= k < BINS else min(BINS - 1, max(0, k))
