"""Durations, instants and zones as they are written. All raise ValueError with what must be written."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

DURATION_MAX_MS: Final = 400 * 86_400_000
_UNIT_MS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000}
_DURATION: Final = re.compile(r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def duration_ms(text: object) -> int:
    """A duration as whole milliseconds; raises ValueError with what it must be.

    >>> duration_ms("24h"), duration_ms("1h30m"), duration_ms("7d")
    (86400000, 5400000, 604800000)
    """
    match = _DURATION.fullmatch(text) if isinstance(text, str) and text else None
    total = sum(int(n or 0) * unit for n, unit in zip(match.groups(), _UNIT_MS.values(), strict=True)) if match else 0
    if not 0 < total <= DURATION_MAX_MS:
        raise ValueError("must be a duration such as 30m, 24h or 7d, at most 400d")
    return total


def duration_text(ms: int) -> str:
    """The shortest text of a duration; sub-second parts do not exist in a policy.

    >>> duration_text(5_400_000), duration_text(86_400_000)
    ('1h30m', '1d')
    """
    parts = []
    for unit, size in _UNIT_MS.items():
        n, ms = divmod(ms, size)
        parts += [f"{n}{unit}"] if n else []
    return "".join(parts)


def instant_ms(value: object, where: tzinfo = UTC) -> int:
    """A date, a date with time, or Unix seconds as milliseconds; `where` is the zone of what names none. Raises ValueError.

    >>> instant_ms("2026-11-28T20:00:00Z"), instant_ms(date(1970, 1, 2)), instant_ms(1.5)
    (1795896000000, 86400000, 1500)
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e11:
        return int(value * 1000)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        raise ValueError("must be a date such as 2026-11-01, or with a time such as 2026-11-28T20:00:00Z")  # noqa: TRY004
    aware = value if value.tzinfo else value.replace(tzinfo=where)
    return (aware - _EPOCH) // timedelta(milliseconds=1)


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The zone of that name; raises ValueError for one that nobody knows."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # a folder's name gives an OSError
        raise ValueError("is no time zone; write one such as UTC or Europe/Berlin") from None
