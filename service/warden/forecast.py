"""When a budget's money is gone: three paces of what was not planned, beside what is planned still to come.

Planned spend that was spent counts in what is spent and in no pace, so a launch that was announced is not taken to go on for ever.
What remains of its sum is spent evenly until its own end; a plan without a sum promises nothing more. Rolling windows have no plan.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final, NamedTuple

from service.facts import DAY_MS, HOUR_MS
from service.warden.plan import Limit
from service.warden.state import Period


class Coming(NamedTuple):
    """So many nanos are planned to be spent evenly between two moments."""

    from_ms: int
    to_ms: int
    nanos: int


class Outlook(NamedTuple):
    """What is planned for one member of a budget: `lately` is in windows still open and so not yet in `Period.planned`."""

    lately: int = 0
    coming: tuple[Coming, ...] = ()


UNPLANNED: Final = Outlook()


def pace(limit: Limit, period: Period, now_ms: int, outlook: Outlook = UNPLANNED) -> float | None:
    """How many times faster than the budget allows the unplanned money is going; 1.0 is exactly on plan. A rolling window has no plan."""
    if limit.rolling_minutes:
        return None
    length = period.end_ms - period.start_ms
    elapsed = min(max(now_ms - period.start_ms, 1), length)
    return round((period.spent - period.planned - outlook.lately) / limit.amount / (elapsed / length), 3)


def runs_out(limit: Limit, period: Period, now_ms: int, outlook: Outlook = UNPLANNED) -> tuple[int, int, int] | None:
    """When the money is gone at the fastest, likely and slowest of three paces: last hours, last day, whole period.

    None when it is not going at all; at or after the end of the period means: not in this period.
    """
    left = limit.amount - period.spent
    if left <= 0:
        return (now_ms, now_ms, now_ms)
    going = [p for p in paces(limit, period, now_ms, outlook) if p > 0]
    if not going and not outlook.coming:
        return None
    fast, likely, slow = (max(going), sum(going) / len(going), min(going)) if going else (0.0, 0.0, 0.0)
    early, middle, late = (_gone_ms(left, p, now_ms, outlook.coming) for p in (fast, likely, slow))
    return None if early is None or middle is None or late is None else (early, middle, late)


def _gone_ms(left: float, pace_per_ms: float, now_ms: int, coming: tuple[Coming, ...]) -> int | None:
    """When `left` is used up at a pace beside what is coming; None where neither is enough."""
    for at_ms, until_ms in pairwise(sorted({now_ms, *(c.from_ms for c in coming), *(c.to_ms for c in coming)})):
        rate = pace_per_ms + sum(c.nanos / (c.to_ms - c.from_ms) for c in coming if c.from_ms <= at_ms < c.to_ms)
        if rate * (until_ms - at_ms) >= left:
            return at_ms + int(left / rate)
        left -= rate * (until_ms - at_ms)
        now_ms = until_ms
    return now_ms + int(left / pace_per_ms) if pace_per_ms > 0 else None


def at_the_end(limit: Limit, period: Period, now_ms: int, outlook: Outlook) -> float:
    """What will have been spent when the period ends, at the slowest of the paces."""
    planned = sum(c.nanos * (min(c.to_ms, period.end_ms) - c.from_ms) / (c.to_ms - c.from_ms) for c in outlook.coming)
    return period.spent + min(paces(limit, period, now_ms, outlook)) * (period.end_ms - now_ms) + planned


def paces(limit: Limit, period: Period, now_ms: int, outlook: Outlook = UNPLANNED) -> list[float]:
    """Unplanned spend per millisecond over the whole period so far, the last three hours and the last day."""
    elapsed = max(now_ms - period.start_ms, HOUR_MS) if not limit.rolling_minutes else limit.rolling_minutes * 60_000
    step_ms = limit.bucket_minutes * 60_000
    found = [(period.spent - period.planned - outlook.lately) / elapsed]
    for width_ms in (3 * HOUR_MS, DAY_MS):
        if width_ms <= elapsed:
            spent = sum(v for b, v in period.buckets.items() if (b + 1) * step_ms > now_ms - width_ms)
            found.append((spent - outlook.lately) / width_ms)
    return found
