"""What each hour of the week usually holds: a level that follows, times a shape that is believed as far as it was seen."""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct as Layout
from typing import Final

from msgspec import Struct, field

from detectors.packed import Packed, is_packed, number_at, packed, put

HOURS: Final = 168
DAYS: Final = 7
WEEK_BELIEF_H: Final = 3.0  # hours seen until an hour of the week counts as much as its hour of the day
DAY_BELIEF_H: Final = 1.0  # the same for an hour of the day against the mean
LEVEL_HALF_LIFE_H: Final = 96.0
SHAPE_HALF_LIFE_H: Final = 8.0  # visits of an hour: eight weeks
_WEEK: Final = Layout(f"<{DAYS}f")  # an hour of the day on each day of the week: what is asked for together lies together


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
    sums: Packed = field(default_factory=lambda: packed([0.0] * HOURS))
    hours: Packed = field(default_factory=lambda: packed([0.0] * HOURS))

    def __post_init__(self) -> None:
        """What was dumped as lists, Monday 0 h first, is laid out as it is now."""
        if not is_packed(self.sums):
            self.sums, self.hours = _laid_out(self.sums), _laid_out(self.hours)

    def seen(self, hour: int) -> tuple[float, ...]:
        """How much was seen of the same hour of the day, Monday to Sunday, in hours; what is long ago counts less."""
        return _WEEK.unpack_from(self.hours, hour % 24 * _WEEK.size)

    def shape(self, hour: int) -> float:
        """How much more than the mean this hour of the week holds; 1.0 while nothing is known."""
        day, of = divmod(hour, 24)
        sums: tuple[float, ...] = _WEEK.unpack_from(self.sums, of * _WEEK.size)
        hours: tuple[float, ...] = _WEEK.unpack_from(self.hours, of * _WEEK.size)
        day_mean = (sum(sums) + DAY_BELIEF_H) / (sum(hours) + DAY_BELIEF_H)
        return max(0.02, (sums[day] + WEEK_BELIEF_H * day_mean) / (hours[day] + WEEK_BELIEF_H))

    def at(self, hour: int) -> float:
        """The amount expected per hour at this hour of the week."""
        return self.level * self.shape(hour)

    def learn(self, hour: int, amount: float, hours: float, shape: float = 0.0) -> None:
        """A window of `hours` at this hour of the week held `amount`; its `shape`, where that is known already."""
        shape = shape or self.shape(hour)
        self.seen_h += hours
        pace = max(1.0 - 0.5 ** (hours / LEVEL_HALF_LIFE_H), hours / self.seen_h)
        self.level += pace * (amount / hours / shape - self.level)
        if self.level > 0.0:
            keep = 0.5 ** (hours / SHAPE_HALF_LIFE_H)
            day, of = divmod(hour, 24)
            at = DAYS * of + day
            put(self.sums, at, number_at(self.sums, at) * keep + amount / self.level)
            put(self.hours, at, number_at(self.hours, at) * keep + hours)


def _laid_out(values: Iterable[float]) -> bytearray:
    by_hour_of_week = list(values)
    return packed(by_hour_of_week[24 * day + of] for of in range(24) for day in range(DAYS))
