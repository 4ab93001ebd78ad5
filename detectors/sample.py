"""What a series usually holds: values of its past at even distances, from the first row to now."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from detectors.base import Expectation

KEPT: Final = 128
TAIL: Final = 0.025


class Sample(Struct, array_like=True):
    """Every `stride`-th value; when there is no room, every second of them goes and the stride doubles.

    >>> s = Sample()
    >>> for k in range(10_000): s.learn(float(k % 100))
    >>> s.stride, 64 <= len(s.values) <= 128, s.expectation().holds(50.0)
    (128, True, True)
    """

    values: list[float] = msgspec.field(default_factory=list)
    stride: int = 1
    due: int = 1

    def learn(self, value: float) -> None:
        """Take in the value of one more row."""
        self.due -= 1
        if self.due > 0:
            return
        self.values.append(value)
        if len(self.values) > KEPT:
            self.values = self.values[::2]
            self.stride *= 2
        self.due = self.stride

    def expectation(self) -> Expectation:
        """Mean and the range of nineteen in twenty; zeros while nothing was seen."""
        if not self.values:
            return Expectation(0.0, 0.0, 0.0)
        ordered = sorted(self.values)
        cut = int(TAIL * len(ordered))
        mean = sum(ordered) / len(ordered)
        return Expectation(mean, min(mean, ordered[cut]), max(mean, ordered[-1 - cut]))
