"""A scope's day so far beside a usual one: the cause that a budget line is told with."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from service.facts import Cause, Scope
from service.warden.activity import Activity
from service.warden.causes import cause
from service.warden.normal import Seen, by_scope
from service.warden.state import Series, Tenant, Today

MEMBERS_MAX: Final = 200


def add(series: Series, day: int, seen: Seen | None, expected_nanos: int) -> None:
    """One closed window joins its day."""
    if day != series.today.day:
        series.today = Today(day)
    day_so_far = series.today
    day_so_far.expected_nanos += expected_nanos
    if seen is None:
        return
    day_so_far.activity.join(seen.activity)
    for member, nanos in seen.members.items():
        if member in day_so_far.members or len(day_so_far.members) < MEMBERS_MAX:
            day_so_far.members[member] = day_so_far.members.get(member, 0) + nanos


def explain(t: Tenant, scope: Scope) -> tuple[int, Cause | None]:
    """How much more the scope has spent today than on a usual day by now, and why; the drivers sum to it.

    Windows that are still open count as far as their last words have come. Without any of either nothing can be said yet.
    """
    series = t.series.get(scope)
    activity, members, expected = Activity(), dict[Scope, int](), 0
    usual, usual_members = Activity(), dict[Scope, int]()
    if series is not None:
        activity.join(series.today.activity)
        members |= series.today.members
        usual, usual_members = series.baseline, series.members
        expected = series.today.expected_nanos if usual.nanos > 0 else 0
    for window in t.windows.values():
        seen = by_scope(window, scope).get(scope)
        if seen is not None:
            activity.join(seen.activity)
            for member, nanos in seen.members.items():
                members[member] = members.get(member, 0) + nanos
    if not activity.nanos:
        return 0, None
    scale = Fraction(expected, usual.nanos) if usual.nanos > 0 else Fraction(0)
    found = cause(activity, usual, scale, members=members, usual_members={m: int(nanos * scale) for m, nanos in usual_members.items()})
    return sum(part.nanos for part in found.drivers), found
