"""Calendar periods: which hour, day, week or month a minute belongs to, in a time zone.

Law of this file: for one unit and zone the spans of all minutes form a partition of time, whatever the zone's clocks do. A day
that loses an hour is shorter, an hour that comes twice is two hours, a day that a country skipped is empty.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from service.policy import Period

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
BLOCK_MINUTES: Final = 15  # zones of our time differ by whole quarters of an hour, so a block rarely holds a boundary
FIRST_MS: Final = -62_000_000_000_000  # the year 5; what a producer's clock says before it counts there
LAST_MS: Final = 253_000_000_000_000  # the year 9987, likewise
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class PeriodSpan(NamedTuple):
    """One period: `key` is its own in its unit and zone, `start_ms` belongs to it, `end_ms` to the next."""

    key: str
    start_ms: int
    end_ms: int


def period_of(minute: int, period: Period, tz: ZoneInfo) -> PeriodSpan:
    """The period that `minute` (since 1970) lies in; of a rolling one the window that ends with that minute.

    >>> period_of(29_400_000, Period("month"), ZoneInfo("Europe/Berlin"))
    PeriodSpan(key='2025-11', start_ms=1761951600000, end_ms=1764543600000)
    """
    if period.rolling_ms:
        end_ms = (minute + 1) * MINUTE_MS
        return PeriodSpan("rolling", end_ms - period.rolling_ms, end_ms)
    span = _of_block(minute // BLOCK_MINUTES, period.unit, tz)
    if span.start_ms <= minute * MINUTE_MS < span.end_ms:
        return span
    return _span(minute * MINUTE_MS, period.unit, tz)


@lru_cache(maxsize=8192)
def _of_block(block: int, unit: str, tz: ZoneInfo) -> PeriodSpan:
    return _span(block * BLOCK_MINUTES * MINUTE_MS, unit, tz)


def _span(at_ms: int, unit: str, tz: ZoneInfo) -> PeriodSpan:
    at_ms = min(max(at_ms, FIRST_MS), LAST_MS)
    if unit == "hour":
        return _hour(at_ms, tz)
    first = _first_day(_local(at_ms, tz).date(), unit)
    start_ms, end_ms = _midnight(first, tz), _midnight(_next(first, unit), tz)
    while at_ms < start_ms:  # the clock was put forward over midnight: the day's first minutes count as the day before
        first = _first_day(first - timedelta(days=1), unit)
        start_ms, end_ms = _midnight(first, tz), start_ms
    while at_ms >= end_ms:  # the clock was put back over midnight: yesterday's last minutes come again and count today
        first = _next(first, unit)
        start_ms, end_ms = end_ms, _midnight(_next(first, unit), tz)
    return PeriodSpan(_key(first, unit), start_ms, end_ms)


def _local(at_ms: int, tz: ZoneInfo) -> datetime:
    return (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(tz)


def _first_day(day: date, unit: str) -> date:
    match unit:
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case _:
            return day


def _next(first: date, unit: str) -> date:
    """The first day of the period after the one that begins on `first`."""
    match unit:
        case "week":
            return first + timedelta(days=7)
        case "month":
            return (first + timedelta(days=31)).replace(day=1)
        case _:
            return first + timedelta(days=1)


def _key(first: date, unit: str) -> str:
    match unit:
        case "week":
            year, week, _ = first.isocalendar()
            return f"{year}-W{week:02d}"
        case "month":
            return f"{first:%Y-%m}"
        case _:
            return first.isoformat()


def _midnight(day: date, tz: ZoneInfo) -> int:
    """When a day begins, in milliseconds; where clocks skip midnight, when they skip it."""
    local = datetime(day.year, day.month, day.day, tzinfo=tz)
    return (local - _EPOCH) // timedelta(milliseconds=1)


def _hour(at_ms: int, tz: ZoneInfo) -> PeriodSpan:
    """The local clock's hour, cut where the clock is put forward or back."""
    local = _local(at_ms, tz)
    into_ms = (local.minute * 60 + local.second) * 1000 + local.microsecond // 1000
    start_ms = at_ms - into_ms
    end_ms = start_ms + HOUR_MS
    offset = local.utcoffset()
    if _local(start_ms, tz).utcoffset() != offset:
        start_ms = _change(start_ms, at_ms, tz)
    if _local(end_ms - 1, tz).utcoffset() != offset:
        end_ms = _change(at_ms, end_ms, tz)
    return PeriodSpan(f"{local:%Y-%m-%dT%H%z}", start_ms, end_ms)


def _change(before_ms: int, after_ms: int, tz: ZoneInfo) -> int:
    """The first moment after `before_ms` with another offset; there is one until `after_ms`."""
    offset = _local(before_ms, tz).utcoffset()
    while after_ms - before_ms > 1:
        middle_ms = (before_ms + after_ms) // 2
        if _local(middle_ms, tz).utcoffset() == offset:
            before_ms = middle_ms
        else:
            after_ms = middle_ms
    return after_ms
