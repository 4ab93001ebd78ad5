"""Where an incident's money lies: the fewest combinations of values that carry the difference to the same hours before, as the books have it.

Leaves are the books' cells of the incident's scope, from the hour of its beginning to the minute of the step that counted its spend: the rest of
that hour is still to come when people ask first, and beside whole hours all would seem to have fallen. Ordinary is the mean of the same time on the
same weekday of earlier weeks, or of earlier days while the books are younger than that. Nothing of it is decided by, and no decision comes of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from math import fsum
from typing import Final, NamedTuple

import numpy as np

from service.books import CELL_KINDS, CELLS_MAX, Books, CellSpend, CellsQuestion
from service.facts import HOUR_MS, MINUTE_MS, TOTAL, Incident
from service.localise.cuboids import Bools, Ints
from service.localise.elements import Element, localise
from service.localise.money import SHARE_MIN, Money
from service.localise.shifts import of_sums
from service.phrases import called, span

KINDS: Final = ("agent", "use_case", "workflow", "model", "business_unit", "provider", "operation", "layer", "batch")  # who first, then what
DAY: Final = 24
WEEK: Final = 7 * DAY
DAYS_MAX: Final = 7
WEEKS_MAX: Final = 4
WEEKS_MIN: Final = 2  # with fewer in the books, of a span of hours days are averaged
WORK_MAX: Final = CELLS_MAX << 5  # leaves x cuboids: of as many cells as there may be five kinds are searched, of a few thousand all
ENOUGH: Final = 0.8  # of what moved the way of the whole: so much named, no more is


class Place(NamedTuple):
    """A combination of values and its part of the difference, in nano-dollars."""

    values: dict[str, str]
    nanos: int


class Where(NamedTuple):
    """Where the difference of a span lies: `places`, none where it is spread as ever over all `cells`, and what is left of `nanos`, the whole.

    It is to the mean of `times` earlier spans, `every_hours` apart. Where that is not known, `unknown` says why.
    """

    from_hour: int
    to_minute: int
    every_hours: int = 0
    times: int = 0
    cells: int = 0
    nanos: int = 0
    places: tuple[Place, ...] = ()
    unknown: str = ""

    @property
    def rest_nanos(self) -> int:
        """What no place carries."""
        return self.nanos - sum(place.nanos for place in self.places)


def of_incident(books: Books, steps: Sequence[Incident]) -> Where:
    """Of an incident, by its steps, the oldest first. Raises LogError."""
    now, (since, until) = steps[-1], time_of(steps)
    if now.scope != TOTAL and now.scope.kind not in CELL_KINDS:
        return Where(since, until, unknown=f"not known: the books keep no combinations of {called(now.scope)} with anything else")
    every, times = earlier(since, -(-until // 60), books.began(now.tenant, now.scope))
    if not times:
        return Where(since, until, unknown=f"not known yet: the books of {called(now.scope)} do not reach back {span(every * HOUR_MS)} before it")
    until, cells = books.cells(CellsQuestion(now.tenant, now.scope, since, until, every, times))
    if len(cells) > CELLS_MAX:
        return Where(since, until, unknown=f"not known: there are more than {CELLS_MAX:,} combinations in {called(now.scope)}")
    whole = _rounded(sum(_difference(cell, times) for cell in cells), times)
    fell = not now.budget and (now.excess_nanos or whole) < 0  # a budget is told for what was spent, however much less than usual that is
    return Where(since, until, every, times, len(cells), whole, tuple(places(cells, times, fell=fell)))


def time_of(steps: Sequence[Incident]) -> tuple[int, int]:
    """From the hour in which it began, a budget's in which its period did, before the minute by which a step first told of all its spend.

    The last word on a budget comes after its period; what is spent by then is the next one's.
    """
    now = steps[-1]
    begun_ms = min(now.opened_ms, now.period_start_ms if now.period_start_ms is not None else now.opened_ms)
    counted_ms = next(step.time_ms for step in steps if (step.spend_nanos, step.excess_nanos) == (now.spend_nanos, now.excess_nanos))
    ended_ms = min(counted_ms, now.period_end_ms if now.period_end_ms is not None else counted_ms)
    since = begun_ms // HOUR_MS
    return since, max(-(-ended_ms // MINUTE_MS), since * 60 + 1)


def earlier(since: int, until: int, began: int | None) -> tuple[int, int]:
    """How many hours apart the earlier spans lie, and how many of them the books hold whole.

    >>> earlier(1000, 1004, began=1000 - 3 * 24 - 5), earlier(1000, 1004, began=0), earlier(1000, 1030, began=1000 - 170), earlier(1000, 1004, None)
    ((24, 3), (168, 4), (168, 1), (24, 0))
    """
    held = max(since - began, 0) if began is not None else 0
    weeks = -(-(until - since) // WEEK) * WEEK
    if until - since > DAY or held >= WEEKS_MIN * WEEK:
        return weeks, min(held // weeks, WEEKS_MAX)
    return DAY, min(held // DAY, DAYS_MAX)


def places(cells: Sequence[CellSpend], times: int, *, fell: bool = False) -> Iterator[Place]:
    """The combinations that carry the difference to the mean of `times` earlier spans, the one that tells most first; whatever the order of cells."""
    columns, sign = _columns(cells), -1 if fell else 1
    wanted = ENOUGH * sum(max(sign * _difference(cell, times), 0) for cell in cells)
    free = np.ones(len(cells), dtype=bool)
    for element in _elements(cells, times, _told_apart(columns), fell=fell):
        if wanted <= 0:
            return
        inside = _inside(columns, element.values)
        nanos = sum(_difference(cells[k], times) for k in np.flatnonzero(inside & free).tolist())
        free &= ~inside
        wanted -= sign * nanos
        yield Place(_shortest(columns, inside), _rounded(nanos, times))


def _elements(cells: Sequence[CellSpend], times: int, dimensions: Mapping[str, Sequence[str]], *, fell: bool) -> list[Element]:
    """By their money; where that tells nothing, since who rose always spends the most, those of which all cells moved alike and the others did not."""
    spent = np.array([cell.nanos for cell in cells], dtype=np.float64)
    usual = np.array([cell.before_nanos for cell in cells], dtype=np.float64) / times
    found = localise(dimensions, Money(spent, usual, fell))
    if found or fell != (fsum(spent) < fsum(usual)):
        return found
    return localise(dimensions, of_sums(spent, usual)._replace(share_min=SHARE_MIN))


def _difference(cell: CellSpend, times: int) -> int:
    """To the mean of `times` earlier spans, `times` over, so that it is whole."""
    return cell.nanos * times - cell.before_nanos


def _rounded(nanos: int, times: int) -> int:
    """Divided, to the nearest nano-dollar."""
    return (2 * nanos + times) // (2 * times)


def _columns(cells: Sequence[CellSpend]) -> dict[str, list[str]]:
    """Each kind's value of each cell; `batch` is yes or no."""
    told = {True: "yes", False: "no"}
    return {kind: [told[value] if isinstance(value, bool) else value for value in (getattr(each.cell, kind) for each in cells)] for kind in KINDS}


def _told_apart(columns: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """The kinds worth searching: not one that has the same value everywhere or says the same as one before it, and no more than WORK_MAX allows."""
    kept: dict[str, Sequence[str]] = {}
    seen: set[bytes] = {b""}
    for kind, column in columns.items():
        if len(column) << (len(kept) + 1) > WORK_MAX:
            break
        said = _partition(column)
        if len(set(column)) > 1 and said not in seen:
            kept[kind] = column
            seen.add(said)
    return kept


def _partition(column: Sequence[str]) -> bytes:
    """Which cells share a value, whatever the values are called."""
    numbers: dict[str, int] = {}
    codes: Ints = np.array([numbers.setdefault(value, len(numbers)) for value in column], dtype=np.intp)
    return codes.tobytes()


def _inside(columns: Mapping[str, Sequence[str]], values: Mapping[str, str]) -> Bools:
    inside: Bools = np.all([np.array(columns[kind], dtype=object) == value for kind, value in values.items()], axis=0)
    return inside


def _shortest(columns: Mapping[str, Sequence[str]], inside: Bools) -> dict[str, str]:
    """The fewest values that are common to these cells and to no other, in the order of KINDS."""
    some = int(np.flatnonzero(inside)[0])
    masks = {kind: _inside(columns, {kind: column[some]}) for kind, column in columns.items()}
    common = [kind for kind, mask in masks.items() if bool(mask[inside].all())]
    for count in range(1, len(common) + 1):
        for kinds in combinations(common, count):
            if np.array_equal(np.all([masks[kind] for kind in kinds], axis=0), inside):
                return {kind: columns[kind][some] for kind in kinds}
    raise AssertionError(f"cells that no values tell apart: {common}")
