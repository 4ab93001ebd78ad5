"""What a window in which a test spoke has cost beyond the usual, in dollars that add up, and who carries it."""

from __future__ import annotations

from fractions import Fraction

from service.facts import Cause, DimensionShare, Scope
from service.warden import votes
from service.warden.causes import DIMENSIONS_MAX, carried, cause
from service.warden.normal import by_scope
from service.warden.state import Tenant, Window


def worth(t: Tenant, scope: Scope, window: Window, number: int, driver: str, about: Scope | None) -> Cause | None:
    """The cause of the window's excess, told as what the test found: its driver and its member come first.

    None where the money does not bear it out: no excess, or none by this driver or member. Then there is nothing to add up.
    """
    series = t.series.get(scope)
    seen = by_scope(window, scope).get(scope)
    if series is None or seen is None or series.baseline.nanos <= 0:
        return None
    scale = Fraction(votes.usual(series, number) + seen.planned, series.baseline.nanos)
    usual = {member: int(nanos * scale) for member, nanos in series.members.items()}
    found = cause(seen.activity, series.baseline, scale, members=seen.members, usual_members=usual)
    excess = sum(part.nanos for part in found.drivers)
    mine = next((part for part in found.drivers if part.driver == driver), None)
    if excess <= 0 or mine is None or mine.nanos <= 0:
        return None
    dimensions = found.dimensions
    if about is not None:
        share = carried(seen.members.get(about, 0) - usual.get(about, 0), excess)
        if share <= 0:
            return None
        dimensions = [DimensionShare(*about, float(share)), *(part for part in dimensions if part[:2] != about)][:DIMENSIONS_MAX]
    along = sum(part.nanos for part in found.drivers if part.nanos > 0)
    return Cause(driver, float(Fraction(mine.nanos, along)), [mine, *(part for part in found.drivers if part is not mine)], dimensions)
