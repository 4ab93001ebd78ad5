"""What each hour of the week usually holds: a level that follows, times a shape that is believed as far as it was seen."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

HOURS: Final = 168
WEEK_BELIEF_H: Final = 3.0  # hours seen until an hour of the week counts as much as its hour of the day
DAY_BELIEF_H: Final = 1.0  # the same for an hour of the day against the mean
LEVEL_HALF_LIFE_H: Final = 96.0
SHAPE_HALF_LIFE_H: Final = 8.0  # visits of an hour: eight weeks


def hour_of_week(start_s: float) -> int:
    """Hour of the week in UTC, 0 is Monday 0 h.

    >>> hour_of_week(0), hour_of_week(4 * 86_400)
    (72, 0)
    """
    return int(start_s // 3600 + 72) % HOURS


class Profile(Struct, array_like=True):
    """Mean of some amount per hour, by hour of the week; shrunk to the hour of the day, and that to the overall mean.

    >>> p = Profile()
    >>> for hour in range(336): p.learn(hour % 168, 9.0 if hour % 24 == 8 else 1.0, hours=1.0)
    >>> round(p.at(8), 1), round(p.at(9), 1)
    (7.9, 0.9)
    """

    level: float = 0.0
    seen_h: float = 0.0
    sums: list[float] = msgspec.field(default_factory=lambda: [0.0] * HOURS)
    hours: list[float] = msgspec.field(default_factory=lambda: [0.0] * HOURS)

    def shape(self, hour: int) -> float:
        """How much more than the mean this hour of the week holds; 1.0 while nothing is known."""
        day = hour % 24
        week_h = self.hours[hour]
        day_mean = (sum(self.sums[day::24]) + DAY_BELIEF_H) / (sum(self.hours[day::24]) + DAY_BELIEF_H)
        return max(0.02, (self.sums[hour] + WEEK_BELIEF_H * day_mean) / (week_h + WEEK_BELIEF_H))

    def at(self, hour: int) -> float:
        """The amount expected per hour at this hour of the week."""
        return self.level * self.shape(hour)

    def learn(self, hour: int, amount: float, hours: float) -> None:
        """A window of `hours` at this hour of the week held `amount`."""
        shape = self.shape(hour)
        self.seen_h += hours
        pace = max(1.0 - 0.5 ** (hours / LEVEL_HALF_LIFE_H), hours / self.seen_h)
        self.level += pace * (amount / hours / shape - self.level)
        if self.level > 0.0:
            keep = 0.5 ** (hours / SHAPE_HALF_LIFE_H)
            self.sums[hour] = self.sums[hour] * keep + amount / self.level
            self.hours[hour] = self.hours[hour] * keep + hours
