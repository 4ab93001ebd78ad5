"""What the same time of yesterday held: lowest and highest value of each slot of the day, the day before and today."""

from __future__ import annotations

import math
from typing import Final

import msgspec
from msgspec import Struct

DAY_S: Final = 86_400
SLOT_S: Final = 1800
SLOT_MAX_S: Final = 6 * 3600  # rows farther apart than that know no time of day


class Slot(Struct, array_like=True):
    """One slot of the day at its last visit, and at the one before."""

    number: int
    low: float
    high: float
    low_before: float = math.nan
    high_before: float = math.nan


class Yesterday(Struct, array_like=True):
    """The range of values around the same time of the day before.

    >>> y = Yesterday()
    >>> for k in range(288): y.learn(300 * k, 300.0, float(k))
    >>> y.outside(86_400 + 12 * 3600, 300.0, 500.0), y.outside(86_400 + 12 * 3600, 300.0, 144.0)
    (345.0, 0.0)
    """

    slots: list[Slot | None] = msgspec.field(default_factory=list)

    def outside(self, start_s: float, width_s: float, value: float) -> float:
        """How far `value` is above the range of yesterday around this time, or below it (negative); 0 inside and where nothing is known."""
        slot_s = max(SLOT_S, width_s)
        size = int(DAY_S // slot_s)
        if len(self.slots) != size:
            return 0.0
        now = int(start_s // slot_s)
        low, high = math.inf, -math.inf
        for number in (now - size - 1, now - size, now - size + 1):
            slot = self.slots[number % size]
            if slot is None:
                continue
            if slot.number == number:
                least, most = slot.low, slot.high
            elif slot.number == number + size:
                least, most = slot.low_before, slot.high_before  # NaN where there is none: neither less nor more
            else:
                continue
            if least < low:  # noqa: PLR1730 -- twice as fast as a call
                low = least
            if most > high:  # noqa: PLR1730 -- the same
                high = most
        if low > high:
            return 0.0
        return value - high if value > high else min(0.0, value - low)

    def learn(self, start_s: float, width_s: float, value: float) -> None:
        """Take in the value of one row; rows of another width than before begin anew."""
        slot_s = max(SLOT_S, width_s)
        size = int(DAY_S // slot_s)
        if slot_s > SLOT_MAX_S:
            return
        if len(self.slots) != size:
            self.slots = [None] * size
        now = int(start_s // slot_s)
        slot = self.slots[now % size]
        if slot is None:
            self.slots[now % size] = Slot(now, value, value)
        elif slot.number == now:
            if value < slot.low:
                slot.low = value
            elif value > slot.high:
                slot.high = value
        else:
            self.slots[now % size] = Slot(now, value, value, slot.low, slot.high)
