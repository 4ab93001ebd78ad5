"""From the books to a chart: which time is shown, what was usual, what was told and stopped, and bars that add up."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace as but

from service.books import OrderStory, Span
from service.facts import DRIVERS, MINUTE_MS, Cause, DriverShare, Kind, PolicySet, Scope
from service.intake import FORMATS, Unknown
from service.money import NANO
from service.plots import NothingSpentError, alt, of_incident, of_scope
from service.plots.lanes import LANES_MAX, placed, times
from service.plots.telling import BARS_MAX, why
from service.policy import Policy, dump
from service.records import Usage
from service.replay.engine import Engine
from service.warden.hindsight import Spent, usual
from service.warden.votes import awake, features
from tests.core.plots.told import CAUSE, NIGHT, PAUSED, PROOF, RUNAWAY, Told, week
from tests.samples import INCIDENT, NIGHT_MS, ORDER

INDEXER = Scope("agent", "indexer")
HOUR_MS = 3_600_000


def test_an_incident_is_shown_with_its_ordinary_day_before_it() -> None:
    chart = of_incident(Told(week(), [RUNAWAY], [PAUSED]), RUNAWAY)
    assert chart.each_minutes == 10
    assert (chart.from_ms, chart.to_ms) == ((NIGHT - 18 * 60) * MINUTE_MS, (NIGHT + 70) * MINUTE_MS)
    spent = {window.start_ms // MINUTE_MS: window for window in chart.windows}
    assert [spent[NIGHT + 10 * k].usd for k in range(4)] == [20.0, 20.0, 20.0, 0.0]
    assert [window.start_ms // MINUTE_MS for window in chart.windows if window.above] == [NIGHT, NIGHT + 10, NIGHT + 20]
    assert 1.0 < (spent[NIGHT].high or 0.0) < 4.0
    assert [(mark.at_ms, mark.text) for mark in chart.marks] == [(NIGHT_MS, "cache break")]


def test_what_is_usual_is_what_the_warden_held() -> None:
    """The same detector, asked afterwards, stands where the one stands that heard the service's windows."""
    parse, unknown, engine = FORMATS["spendwarden"], Unknown(), Engine(PolicySet(1, "x", dump(Policy())))
    spent: dict[int, int] = {}
    for minute in range(0, 5 * 1440, 7):
        nanos = (1 + minute // 60 % 5) * NANO // 10
        record = parse(f'{{"id": "{minute}", "time": {1_764_000_000 + minute * 60}, "agent": "indexer", "cost_usd": "{nanos / NANO}"}}'.encode(), "", unknown)
        assert isinstance(record, Usage)
        engine.hear((1_764_000_000 + minute * 60) * 1000, record)
        start_s = (1_764_000_000 + minute * 60) // 600 * 600
        spent[start_s] = spent.get(start_s, 0) + nanos
    closed_s = engine.warden.closed * 600
    windows = [Spent(at, 600, spent.get(at, 0)) for at in range(min(spent), closed_s + 1200, 600)]
    held = awake(engine.warden.tenants["default"].series[INDEXER])
    assert held.warm
    assert list(usual(windows))[-1] == held.expected(features(closed_s // 600 + 1, 0))


@pytest.mark.parametrize(("days", "each"), [(1, 10), (3, 60), (16, 60), (17, 1440)])
def test_a_long_time_is_shown_in_wider_windows(days: int, each: int) -> None:
    chart = of_scope(Told(week()), "default", INDEXER, Span(NIGHT - days * 1440, NIGHT))
    assert chart.each_minutes == each
    shown = sum(nanos for at, nanos in week().items() if chart.from_ms <= at * MINUTE_MS < chart.to_ms)
    assert sum(window.usd for window in chart.windows) == pytest.approx(shown / NANO)


def test_where_minutes_are_forgotten_hours_are_shown_and_nothing_is_lost() -> None:
    books = Told(week(), by_hour_before=NIGHT // 60 * 60 - 600)
    by_hour = of_scope(books, "default", INDEXER, Span(NIGHT - 1440, NIGHT))
    assert by_hour.each_minutes == 60
    later = of_scope(books, "default", INDEXER, Span(NIGHT - 300, NIGHT))
    assert later.each_minutes == 10
    assert all(window.high is not None and 1 < window.high < 4 for window in later.windows), "the hours before taught what is usual in ten minutes"


def test_without_a_question_it_goes_back_to_the_newest_incident_that_cost_something() -> None:
    cheap = but(INCIDENT, id="inc-2", kinds=[Kind.FLAT_LINE], opened_ms=NIGHT_MS + HOUR_MS, cause=None)
    later = week() | {NIGHT + 10 * k: NANO for k in range(3, 300)}
    chart = of_scope(Told(later, [RUNAWAY, cheap]), "default", INDEXER)
    assert chart.from_ms <= NIGHT_MS - 17 * HOUR_MS
    assert chart.title.startswith("Agent indexer has lost its prompt cache")
    assert [mark.text for mark in chart.marks] == ["cache break", "flat line"]
    long_after = later | {NIGHT + 9 * 1440: NANO}
    chart = of_scope(Told(long_after, [RUNAWAY]), "default", INDEXER)
    assert chart.why is None
    assert chart.to_ms - chart.from_ms == 24 * HOUR_MS


def test_a_budget_is_marked_where_it_passed_its_first_line() -> None:
    budget = but(INCIDENT, kinds=[Kind.BUDGET_FORECAST, Kind.BUDGET_THRESHOLD], budget="day", threshold=100.0, limit_nanos=6 * NANO)
    twin = but(budget, id="inc-2", opened_ms=NIGHT_MS + 60_000)
    chart = of_incident(Told(week(), [budget, twin]), budget)
    assert [(mark.at_ms, mark.text) for mark in chart.marks] == [(NIGHT_MS, "budget (2)")]


def test_a_scope_without_any_spend_is_no_picture() -> None:
    with pytest.raises(NothingSpentError):
        of_scope(Told({}), "default", INDEXER)


def test_one_window_is_enough() -> None:
    chart = of_scope(Told({NIGHT: NANO}), "default", INDEXER)
    assert [window.usd for window in chart.windows if window.usd] == [1.0]
    assert all(window.high is None for window in chart.windows)
    assert chart.title == "Agent indexer spent $1.00"


@pytest.mark.parametrize(
    ("story", "text", "sent", "ends"),
    [
        (PAUSED, "Paused 02:35, proved 4 min later, $0.36 spent in between", True, None),
        (OrderStory(PAUSED.order, "accepted", []), "Paused 02:35, stop not proved yet", True, None),
        (OrderStory(PAUSED.order, "requested", []), "Order of 02:35 to pause is not confirmed yet", True, None),
        (OrderStory(PAUSED.order, "refused", []), "Order of 02:35 to pause was refused", False, 0),
        (OrderStory(PAUSED.order, "failed", []), "Order of 02:35 to pause failed, it goes on spending", False, 0),
        (OrderStory(but(PAUSED.order, mode="observe"), "expired", []), "Would have paused 02:35 (observe only)", False, None),
        (
            OrderStory(but(PAUSED.order, scope=Scope("execution", "run-7")), "effective", [but(PROOF, overshoot_nanos=0)]),
            "Paused one execution 02:35, proved 4 min later, nothing spent in between",
            True,
            None,
        ),
    ],
)
def test_an_order_is_shown_as_far_as_it_has_come(story: OrderStory, text: str, sent: bool, ends: int | None) -> None:
    chart = of_incident(Told(week(), [RUNAWAY], [story]), RUNAWAY)
    (halt,) = chart.halts
    assert (halt.text, halt.sent) == (text, sent)
    assert halt.to_ms == (chart.to_ms if ends is None else halt.from_ms + ends)


def test_a_pause_ends_where_it_was_resumed() -> None:
    resumed = OrderStory(but(ORDER, id="ord-2", action="resume", sequence=4, time_ms=PAUSED.order.time_ms + 60_000), "delivered", [])
    (halt,) = of_incident(Told(week(), [RUNAWAY], [PAUSED, resumed]), RUNAWAY).halts
    assert halt.to_ms == PAUSED.order.time_ms + 60_000


@given(st.lists(st.integers(-(10**12), 10**15), min_size=1, max_size=len(DRIVERS)))
@example([(9 - k) * NANO for k in range(9)])
def test_bars_add_up_to_what_the_head_says(amounts: list[int]) -> None:
    told = why(but(RUNAWAY, cause=Cause("cache", 1.0, [DriverShare(driver, nanos) for driver, nanos in zip(DRIVERS, amounts, strict=False)], [])))
    if told is None:
        return
    assert len(told.bars) <= BARS_MAX
    sign = -1 if " less " in told.head else 1
    assert sum(_usd(bar.dollars) for bar in told.bars) == sign * _usd(told.head.split()[0])
    assert [bar.usd for bar in told.bars] == [float(_usd(bar.dollars)) for bar in told.bars]


def _usd(text: str) -> Decimal:
    return Decimal(text.replace("$", "").replace(",", ""))


def test_its_sentence_says_what_the_picture_shows() -> None:
    said = alt(of_incident(Told(week(), [RUNAWAY], [PAUSED]), RUNAWAY))
    assert said.startswith("Agent indexer has lost its prompt cache and pays full price for its input: $44.00 since Wed 19 Nov 02:14 UTC (")
    for words in (
        "$20.00 in 10 minutes, usually at most $",
        "1 alert: cache break",
        "Paused 02:35, proved 4 min later",
        "$40.00 more than expected, of which +$30.00",
    ):
        assert words in said
    assert CAUSE.drivers[0].nanos == 30 * NANO


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(1, 60)), max_size=30).map(sorted))
def test_no_label_covers_another(labels: list[tuple[float, float]]) -> None:
    spans = [
        (place.lane, place.x - needs if place.left else place.x, needs)
        for place, (_, needs) in zip(placed(labels, 100), labels, strict=True)
        if place.lane is not None
    ]
    for lane, begin, needs in spans:
        assert lane < LANES_MAX
        assert begin >= 0
        assert begin + needs <= 100
        assert sum(other == lane and begin < start + width and start < begin + needs for other, start, width in spans) == 1


@given(st.integers(0, 4_000_000_000_000), st.integers(600_000, 400 * 86_400_000))
def test_times_are_few_and_round(from_ms: int, length_ms: int) -> None:
    found = times(from_ms, from_ms + length_ms)
    assert len(found) <= 8
    assert all(from_ms <= at <= from_ms + length_ms and at % HOUR_MS == 0 for at, _ in found)
