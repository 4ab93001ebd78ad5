"""Where an incident's money lies: the fewest values that carry the difference, in dollars that add up, from the books of either database."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from itertools import product
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as but
from rich.console import Console

from service.books import CellSpend
from service.cli import explain_page
from service.facts import HOUR_MS, MINUTE_MS, TOTAL, Cell, Counts, Envelope, Measures, Progress, Scope, Tally
from service.ledger import Ledger
from service.localise import Place, Where, of_incident
from service.localise import where as searching
from service.localise.where import DAY, WEEK, places, time_of
from service.money import NANO
from tests.core.ledger.heard import rows
from tests.golden import assert_golden
from tests.samples import INCIDENT

GOLDEN: Final = Path(__file__).parent / "golden" / "where.txt"
USUAL: Final = Cell("default", "indexer", "kyc", "BU", "scan", "openai", "gpt-4.1", "inference", "chat", batch=False)
GRID: Final = [
    USUAL._replace(agent=agent, use_case=f"of-{agent}", model=model, workflow=workflow)
    for agent, model, workflow in product(("indexer", "reader", "writer"), ("gpt-4.1", "gpt-5", "o3"), ("scan", "sum"))
]


def spent(more: Callable[[Cell], int], times: int = 4) -> list[CellSpend]:
    """Each cell of the grid spends ten dollars and, now, so much more; a little of that scatters."""
    return [CellSpend(cell, 10 * NANO + more(cell) + n % 5 * NANO // 10, times * 10 * NANO) for n, cell in enumerate(GRID)]


def values(cells: list[CellSpend], times: int = 4, *, fell: bool = False) -> list[dict[str, str]]:
    return [place.values for place in places(cells, times, fell=fell)]


@pytest.mark.parametrize(
    ("named", "is_it"),
    [
        ({"agent": "reader"}, lambda cell: cell.agent == "reader"),
        ({"model": "o3"}, lambda cell: cell.model == "o3"),
        ({"agent": "reader", "model": "o3"}, lambda cell: (cell.agent, cell.model) == ("reader", "o3")),
        ({"agent": "writer", "workflow": "sum", "model": "gpt-5"}, lambda cell: (cell.agent, cell.workflow, cell.model) == ("writer", "sum", "gpt-5")),
    ],
    ids=lambda named: "-".join(named) if isinstance(named, dict) else "",
)
def test_the_fewest_values_that_carry_it_are_named_and_who_before_what(named: dict[str, str], is_it: Callable[[Cell], bool]) -> None:
    """Each agent has a use case of its own, which says the same as the agent."""
    assert values(spent(lambda cell: 50 * NANO * is_it(cell))) == [named]
    assert values(spent(lambda cell: -9 * NANO * is_it(cell)), fell=True) == [named]


def test_an_agent_within_a_use_case_of_many_is_not_taken_for_it() -> None:
    cells = [each._replace(cell=each.cell._replace(use_case="kyc" if each.cell.agent == "writer" else "search")) for each in spent(lambda _: 0)]
    assert values([each._replace(nanos=each.nanos * (6 if each.cell.use_case == "search" else 1)) for each in cells]) == [{"use_case": "search"}]
    assert values([each._replace(nanos=each.nanos * (6 if each.cell.use_case == "kyc" else 1)) for each in cells]) == [{"agent": "writer"}]


def test_two_places_are_two_and_what_is_enough_ends_the_list() -> None:
    more = {("indexer", "gpt-5"): 60 * NANO, ("writer", "o3"): 40 * NANO, ("reader", "gpt-4.1"): 14 * NANO}
    assert values(spent(lambda cell: more.get((cell.agent, cell.model), 0))) == [{"agent": "indexer", "model": "gpt-5"}, {"agent": "writer", "model": "o3"}]


@pytest.mark.parametrize("cells", [[], spent(lambda _: 0), spent(lambda _: 30 * NANO), spent(lambda _: 30 * NANO)[:1]], ids=["none", "calm", "alike", "one"])
def test_where_it_is_spread_as_ever_no_place_is_named(cells: list[CellSpend]) -> None:
    assert values(cells) == []


def test_who_always_spends_the_most_is_named_once_only_its_cells_rose_and_all_of_them_alike() -> None:
    def dear(now: Callable[[int], float]) -> list[CellSpend]:
        cells = [USUAL._replace(model=model, workflow=str(n)) for model in ("gpt-5", "o3") for n in range(20)]
        return [
            CellSpend(cell, int(10 * NANO * (9 if cell.model == "gpt-5" else 1) * now(n)), (90 if cell.model == "gpt-5" else 10) * NANO)
            for n, cell in enumerate(cells)
        ]

    assert values(dear(lambda n: 1.25 + n % 3 / 50 if n < 20 else 0.98 + n % 5 / 100), 1) == [{"model": "gpt-5"}]
    assert values(dear(lambda n: 1.25 + n % 3 / 50), 1) == []


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 10**16), st.integers(0, 10**16)), min_size=18, max_size=18), st.integers(1, 7), st.booleans(), st.permutations(range(18))
)
def test_whatever_was_spent_parts_add_up_to_the_nano_dollar_in_any_order(amounts: list[tuple[int, int]], times: int, fell: bool, order: list[int]) -> None:
    cells = [CellSpend(cell, *amount) for cell, amount in zip(GRID, amounts, strict=True)]
    found = list(places(cells, times, fell=fell))
    free = cells
    for place in found:
        inside = [each for each in free if all(getattr(each.cell, kind) == name for kind, name in place.values.items())]
        assert abs(place.nanos * times - sum(each.nanos * times - each.before_nanos for each in inside)) * 2 <= times
        free = [each for each in free if each not in inside]
    assert list(places([cells[k] for k in order], times, fell=fell)) == found


def test_what_lies_in_two_places_is_counted_in_the_first() -> None:
    dear, more = spent(lambda cell: 60 * NANO * (cell.agent == "reader" or cell.model == "o3")), 60 * NANO
    first, second = places(dear, 4)
    assert (first.values, second.values) == ({"agent": "reader"}, {"model": "o3"})
    assert (first.nanos // more, second.nanos // more) == (6, 4)


def test_of_more_combinations_than_can_be_searched_the_last_kinds_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = spent(lambda cell: 50 * NANO * (cell.agent == "reader" and cell.workflow == "sum"))
    monkeypatch.setattr(searching, "WORK_MAX", len(GRID) << 2)
    assert values(cells) == [{"agent": "reader", "workflow": "sum"}]
    monkeypatch.setattr(searching, "WORK_MAX", len(GRID) << 1)
    assert values(cells) == [{"agent": "reader"}]


def test_an_incident_lasts_until_its_spend_was_counted_and_a_budgets_begins_with_its_period() -> None:
    begun = 480_000 * HOUR_MS + 20 * MINUTE_MS
    opened = but(INCIDENT, opened_ms=begun, time_ms=begun + 5 * MINUTE_MS)
    worse = but(opened, time_ms=begun + 3 * HOUR_MS, spend_nanos=2 * opened.spend_nanos)
    noted = but(worse, time_ms=begun + 90 * HOUR_MS, state="acknowledged")
    assert time_of([but(opened, time_ms=begun)]) == (480_000, 480_000 * 60 + 20)
    assert time_of([opened]) == (480_000, 480_000 * 60 + 25)
    assert time_of([opened, worse, noted]) == (480_000, 480_003 * 60 + 20)
    month = but(opened, period_start_ms=begun - 7 * HOUR_MS, period_end_ms=begun + HOUR_MS)
    assert time_of([month]) == (479_993, 480_000 * 60 + 25)
    over = but(month, time_ms=begun + 2 * HOUR_MS, spend_nanos=2 * month.spend_nanos, state="resolved")
    assert time_of([month, over]) == (479_993, 480_001 * 60 + 20), "what is spent before its end is said belongs to the next period"


# ---------------------------------------------------------------- the books

NOW: Final = 480_000  # the hour of the incident
TOLD: Final = but(INCIDENT, opened_ms=NOW * HOUR_MS, time_ms=NOW * HOUR_MS + 51 * MINUTE_MS)


def said(facts: Iterable[Tally | Progress], mark_minute: int, at: int) -> Envelope:
    return Envelope(0, mark_minute * MINUTE_MS, at, list(facts), Counts())


def booked(books: Ledger, days: int) -> None:
    """An hour of two models on each of some days, at ten dollars in its first 51 minutes and thirty in the rest, which today is still to come.

    Today the one is 25.10 dearer, ten of it in a minute that is still open.
    """
    first, last = USUAL, USUAL._replace(model="gpt-5")
    others = [last._replace(tenant="other"), last._replace(agent="reader"), first._replace(agent="reader")]
    arrival = NOW * 60 + 50
    closed = [
        Tally(cell, (NOW - ago * DAY) * 60 + minute, arrival, 0, Measures(records=1, nanos=5 * NANO))
        for cell in (first, last, *others)
        for ago in range(days + 1)
        for minute in (3, 40)
    ]
    closed += [
        Tally(cell, (NOW - ago * DAY) * 60 + 51, arrival, 0, Measures(records=1, nanos=30 * NANO)) for cell in (first, last) for ago in range(1, days + 1)
    ]
    beside = [Tally(last, hour * 60 + 59, arrival, 0, Measures(records=1, nanos=NANO)) for hour in (NOW - 1, NOW + 1, NOW - DAY + 1)]
    dear = Tally(last, NOW * 60 + 30, arrival, 0, Measures(records=1, nanos=15_100_000_000))
    books.apply(0, rows([said([*closed, *beside, dear], arrival + 1, 1)]))
    late = Progress(last, NOW * 60 + 50, arrival + 1, 9, 1, 10 * NANO, 0, 0, 0, 0, 0, 0)
    books.apply(0, rows([said([late], arrival + 1, 2)], first=1))


def test_the_books_say_where_it_lies_and_how_many_earlier_spans_they_hold(fresh: Callable[[], str]) -> None:
    books = Ledger(fresh())
    assert of_incident(books, [TOLD]).unknown == "not known yet: the books of agent indexer do not reach back 1 day before it"
    booked(books, days=3)
    places_found = (Place({"model": "gpt-5"}, 25_100_000_000),)
    assert of_incident(books, [TOLD]) == Where(NOW, NOW * 60 + 51, DAY, 3, 2, 25_100_000_000, places_found)
    assert of_incident(books, [but(TOLD, scope=TOTAL)]).places == (Place({"agent": "indexer", "model": "gpt-5"}, 25_100_000_000),)
    for less in (but(TOLD, excess_nanos=-1), but(TOLD, excess_nanos=-1, budget="each-agent-day")):
        assert [place.nanos for place in of_incident(books, [less]).places] == [25_100_000_000] * (less.budget != "")
    month = but(TOLD, period_start_ms=(NOW - 30 * DAY) * HOUR_MS)
    assert of_incident(books, [month]).unknown == "not known yet: the books of agent indexer do not reach back 35 days before it"
    longer = but(TOLD, opened_ms=TOLD.opened_ms - HOUR_MS)
    assert of_incident(books, [longer])._replace(places=()) == Where(NOW - 1, NOW * 60 + 51, DAY, 2, 2, 26_100_000_000)
    user = but(TOLD, scope=Scope("user", "ann"))
    assert of_incident(books, [user]).unknown == "not known: the books keep no combinations of user ann with anything else"
    books.forget_minutes((NOW - 2) * 60)
    aged = of_incident(books, [TOLD])
    assert (aged.to_minute, aged.nanos) == ((NOW + 1) * 60, 25_100_000_000 - 60 * NANO), "where minutes are no longer kept, whole hours"
    books.close()


# ---------------------------------------------------------------- what a person reads


def test_what_a_person_reads() -> None:
    found = (Place({"agent": "indexer", "model": "claude-sonnet-4-5"}, 25_100_000_000), Place({"workflow": "", "batch": "yes"}, 3_000_000_001))
    shown = [
        Where(NOW, (NOW + 5) * 60, DAY, 6, 40, 30_160_000_001, found),
        Where(NOW, (NOW + 5) * 60, WEEK, 4, 40, 1_000_000_000, (Place({"agent": "a [b]"}, 2_500_000_000),)),
        Where(NOW, (NOW + 5) * 60, DAY, 1, 40, 30_160_000_000),
        Where(NOW, (NOW + 700) * 60, 5 * WEEK, 2, 1, -30_160_000_000),
        Where(NOW, (NOW + 5) * 60, unknown="not known yet: the books of agent indexer do not reach back 1 day before it"),
    ]
    page = Console(file=io.StringIO(), width=110)
    for where in shown:
        for part in explain_page._where(where):
            page.print(part, "", sep="\n")
    assert isinstance(page.file, io.StringIO)
    assert_golden(GOLDEN, page.file.getvalue())
