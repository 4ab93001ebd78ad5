"""What each day cost whom, by the policy's calendar, for reports: the same money as the books', as far as the journal has come.

Nothing is kept while the policy asks for no reports.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from service.facts import DAY_MS, MINUTE_MS, Cell, Measures, Quality
from service.records import UNATTRIBUTED
from service.warden.periods import period_of
from service.warden.plan import DAY
from service.warden.state import Tenant, Warden

KEPT_DAYS: Final = 16  # two whole weeks, and the days on which they are told
DAY_ROWS_MAX: Final = 50_000  # per tenant; what is further is counted under nobody's name
NANOS, RECORDS, UNPRICED, INPUT, CACHED = range(5)
Who: TypeAlias = tuple[str, str, str, str]  # agent, use case, business unit, workflow
NAMES: Final = ("agent", "use_case", "business_unit", "workflow")
OTHER: Final[Who] = ("other", "", "", "")


def spent(w: Warden, t: Tenant, cell: Cell, event_minute: int, nanos: int) -> None:
    """So much more was spent in the day of that minute."""
    if nanos and w.plan.reports:
        row = _row(w, t, cell, event_minute)
        if row is not None:
            row[NANOS] += nanos


def counted(w: Warden, t: Tenant, cell: Cell, event_minute: int, sums: Measures) -> None:
    """A last word's calls and tokens; its money is counted as it comes."""
    if not w.plan.reports:
        return
    row = _row(w, t, cell, event_minute)
    if row is not None:
        row[RECORDS] += sums.records
        row[UNPRICED] += sums.unpriced
        row[INPUT] += sums.input + sums.cache_read + sums.cache_write
        row[CACHED] += sums.cache_read


def begin(w: Warden) -> None:
    """Reports were not asked for until now, or by another zone's days: today is not known whole, so the next day is the first that is kept."""
    for t in w.tenants.values():
        t.days.clear()
    w.days_from_ms = period_of(w.now_ms // MINUTE_MS, DAY, w.plan.zone).end_ms


def _row(w: Warden, t: Tenant, cell: Cell, event_minute: int) -> list[int] | None:
    key = (w.plan.day_ms(event_minute), (cell.agent, cell.use_case, cell.business_unit, cell.workflow))
    row = t.days.get(key)
    return row if row is not None else _new(w, t, key)


def _new(w: Warden, t: Tenant, key: tuple[int, Who]) -> list[int] | None:
    """None for a day that no report tells, or none any more."""
    if key[0] < max(w.days_from_ms, w.reach_ms - KEPT_DAYS * DAY_MS):
        return None
    if len(t.days) >= DAY_ROWS_MAX:
        t.days_folded += 1
        key = (key[0], OTHER)
    row = t.days.get(key)
    if row is None:
        row = t.days[key] = [0] * 5
    return row


def forget(w: Warden, t: Tenant) -> None:
    """Days that no report tells any more; all of them once none is asked for."""
    before_ms = w.reach_ms - KEPT_DAYS * DAY_MS if w.plan.reports else 1 << 62
    for key in [key for key, _ in t.days.peek() if key[0] < before_ms]:
        del t.days[key]


def between(t: Tenant, start_ms: int, end_ms: int) -> dict[Who, list[int]]:
    """The sums of the days that begin in a span, by whom they belong to."""
    found: dict[Who, list[int]] = {}
    for (day_ms, who), row in t.days.peek():
        if start_ms <= day_ms < end_ms:
            sums = found.setdefault(who, [0] * len(row))
            for at, number in enumerate(row):
                sums[at] += number
    return found


def first_ms(t: Tenant) -> int:
    """The first day of which anything is kept; far in the future where nothing is."""
    return min((key[0] for key, _ in t.days.peek()), default=1 << 62)


def quality(rows: dict[Who, list[int]]) -> Quality:
    """Of some rows."""
    total = [sum(row[at] for row in rows.values()) for at in range(5)]
    unattributed = sum(row[NANOS] for who, row in rows.items() if who[0] in ("", UNATTRIBUTED))
    return Quality(total[RECORDS], total[UNPRICED], unattributed, total[INPUT], total[CACHED])
