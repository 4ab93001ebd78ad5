"""What is normal: last words gathered into ten-minute windows, closed in order by the least mark of all stream partitions.

Only tallies that had arrived two minutes after a window's end join it, whichever partition was ahead; later money counts in the books
and the budgets, never in what is normal. So the same records and arrivals close the same windows with the same content.
"""

from __future__ import annotations

from operator import add
from typing import Final, TypeVar

from msgspec.structs import astuple

from service.facts import MINUTE_MS, Heaviest, Measures, Shape, Tally
from service.warden import budgets, detection, planned, signals
from service.warden.state import WINDOW_MINUTES, Look, Tenant, Warden, Window

GRACE_MINUTES: Final = 2
WINDOWS_AT_ONCE_MAX: Final = 14 * 144  # after a longer silence only the last two weeks of windows are closed one by one
MEMBERS_PER_WINDOW_MAX: Final = 20_000
LOOKS_PER_WINDOW_MAX: Final = 50_000  # agents' workflows of a tenant
FIELDS: Final = Measures.__struct_fields__
K = TypeVar("K")
_LAST_MS: Final = FIELDS.index("last_ms")  # the only one that does not add


def take(w: Warden, t: Tenant, fact: Tally) -> None:
    """A last word joins the window of its event time, if it came in time."""
    number = fact.event_minute // WINDOW_MINUTES
    if number <= w.closed or fact.arrival_minute >= (number + 1) * WINDOW_MINUTES + GRACE_MINUTES:
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
    row = list(map(add, astuple(a), astuple(b)))
    row[_LAST_MS] = max(a.last_ms, b.last_ms)
    return Measures(*row)


def callers(t: Tenant, fact: Heaviest) -> None:
    """Who called an agent, in the window of the arrival."""
    number = fact.arrival_minute // WINDOW_MINUTES
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


def looks(t: Tenant, fact: Shape) -> None:
    """What an agent's calls looked like, in the window of the arrival."""
    number = fact.arrival_minute // WINDOW_MINUTES
    if fact.reached.runs:
        signals.ended(t, fact.agent, number, fact.reached)
    window = t.windows.get(number)
    if window is None:
        window = t.windows[number] = Window()
    look = window.looks.get((fact.agent, fact.workflow))
    if look is None:
        if len(window.looks) >= LOOKS_PER_WINDOW_MAX:
            t.looks_folded += 1
            return
        look = window.looks[fact.agent, fact.workflow] = Look()
    _count(look.calls, fact.calls)
    _count(look.ended, fact.ended)
    _count(look.begun, fact.begun)
    look.lowest = sorted(look.lowest + fact.lowest)[:2]


def _count(counts: dict[K, int], more: dict[K, int]) -> None:
    for key, count in more.items():
        counts[key] = counts.get(key, 0) + count


def close(w: Warden) -> None:
    """Closes every window that all partitions are past, in order."""
    reach = min(w.marks) // MINUTE_MS
    last = (reach - GRACE_MINUTES) // WINDOW_MINUTES - 1
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
    width_ms = WINDOW_MINUTES * MINUTE_MS
    planned.allow(w, t, window, number * width_ms, (number + 1) * width_ms)
    votes = signals.look(w, t, number, window)
    detection.look(w, t, number, window, votes)
    if number % 6 == 5:
        budgets.close_periods(w, t)
