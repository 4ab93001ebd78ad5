"""What is normal: last words gathered into ten-minute windows, closed in order by the least mark of all stream partitions.

Only tallies that had arrived two minutes after a window's end join it, whichever partition was ahead; later money counts in the books
and the budgets, never in what is normal. So the same records and arrivals close the same windows with the same content.
"""

from __future__ import annotations

from typing import Final

from service.facts import MINUTE_MS, TOTAL, Cell, Heaviest, Measures, Scope, Tally
from service.warden import budgets, detection, planned
from service.warden.causes import Activity
from service.warden.state import Tenant, Warden, Window

WIDTH_MINUTES: Final = 10
GRACE_MINUTES: Final = 2
WINDOWS_AT_ONCE_MAX: Final = 14 * 144  # after a longer silence only the last two weeks of windows are closed one by one
MEMBERS_PER_WINDOW_MAX: Final = 20_000
WATCHED: Final = ("agent", "use_case", "business_unit")
FIELDS: Final = Measures.__struct_fields__
_MAXIMA: Final = frozenset({"last_ms"})


def take(w: Warden, t: Tenant, fact: Tally) -> None:
    """A last word joins the window of its event time, if it came in time."""
    number = fact.event_minute // WIDTH_MINUTES
    if number <= w.closed or fact.arrival_minute >= (number + 1) * WIDTH_MINUTES + GRACE_MINUTES:
        return
    window = t.windows.get(number)
    if window is None:
        window = t.windows[number] = Window()
    known = window.cells.get(fact.cell)
    if known is None:
        window.cells[fact.cell] = fact.sums
    else:
        window.cells[fact.cell] = merged(known, fact.sums)


def merged(a: Measures, b: Measures) -> Measures:
    """Two sets of sums as one."""
    return Measures(*[max(x, y) if name in _MAXIMA else x + y for name, x, y in zip(FIELDS, _row(a), _row(b), strict=True)])


def _row(m: Measures) -> list[int]:
    return [getattr(m, name) for name in FIELDS]


def callers(t: Tenant, fact: Heaviest) -> None:
    """Who called an agent, in the window of the arrival."""
    number = fact.arrival_minute // WIDTH_MINUTES
    window = t.windows.get(number)
    if window is None:
        window = t.windows[number] = Window()
    for kind, members in fact.members.items():
        for name, (calls, nanos) in members.items():
            key = (fact.agent, kind, name)
            known = window.members.get(key)
            if known is not None:
                known[0] += calls
                known[1] += nanos
            elif len(window.members) < MEMBERS_PER_WINDOW_MAX:
                window.members[key] = [calls, nanos]


def close(w: Warden) -> None:
    """Closes every window that all partitions are past, in order."""
    reach = min(w.marks) // MINUTE_MS
    last = (reach - GRACE_MINUTES) // WIDTH_MINUTES - 1
    if w.closed < 0:
        w.closed = last if reach else -1
        return
    if last - w.closed > WINDOWS_AT_ONCE_MAX:
        w.closed = last - WINDOWS_AT_ONCE_MAX
    while w.closed < last:
        w.closed += 1
        for t in w.tenants.values():
            _close(w, t, w.closed)


def _close(w: Warden, t: Tenant, number: int) -> None:
    for stale in [n for n in t.windows if n < number]:
        del t.windows[stale]
    window = t.windows.pop(number, None) or Window()
    width_ms = WIDTH_MINUTES * MINUTE_MS
    planned.allow(w, t, window, number * width_ms, (number + 1) * width_ms)
    detection.look(w, t, number, window)
    if number % 6 == 5:
        budgets.close_periods(w, t)


def watched(cell: Cell) -> list[Scope]:
    """The scopes whose normality is learned from a cell, the narrowest first."""
    return [*(Scope(kind, getattr(cell, kind)) for kind in WATCHED), TOTAL]


def pace(w: Warden, t: Tenant, scope: Scope) -> int:
    """Nanos an hour that a scope burns now: over the windows that are still open."""
    spent, first = 0, None
    for number, window in t.windows.items():
        spent += sum(sums.nanos for cell, sums in window.cells.items() if scope in w.plan.view(cell).scopes)
        first = number if first is None else min(first, number)
    if first is None:
        return 0
    minutes = max(w.now_ms // MINUTE_MS - first * WIDTH_MINUTES, 1)
    return max(0, spent) * 60 // minutes


__all__ = ["Activity", "callers", "close", "merged", "pace", "take", "watched"]
