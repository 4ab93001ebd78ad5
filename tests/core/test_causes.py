"""The cause of an excess: what each pure scenario must name, and that the parts always add up."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.facts import DRIVERS, Cause
from service.warden import split
from service.warden.activity import Activity, Use
from service.warden.causes import cause
from tests.core.days import USUAL, Day, activities, activity

SCENARIOS = {
    "volume surge": (USUAL._replace(runs=160), "executions"),
    "an agent stops": (USUAL._replace(runs=0), "executions"),
    "longer runs": (USUAL._replace(calls=30), "calls_per_execution"),
    "one run in a loop": (USUAL._replace(runs=1, calls=2_000), "calls_per_execution"),
    "retry storm": (USUAL._replace(retries=4), "retries"),
    "prompt bloat": (USUAL._replace(prompt=16_000), "input_tokens"),
    "context growth with the volume of a busy day": (USUAL._replace(prompt=16_000, runs=60), "input_tokens"),
    "verbose answers": (USUAL._replace(produced=4_000), "output_tokens"),
    "cache break": (USUAL._replace(cached=0.05), "cache"),
    "all calls on the dearer model": (USUAL._replace(large=1.0), "model_mix"),
    "half of the calls on the dearer model": (USUAL._replace(large=0.6), "model_mix"),
    "cost tripled": (USUAL._replace(charged=3.0), "price"),
    "priced no longer": (USUAL._replace(charged=0.0), "price"),
    "vector queries": (USUAL._replace(vectors=2_000_000_000), "other_layers"),
}


@pytest.mark.parametrize("listed", [True, False], ids=["listed", "unlisted"])
@pytest.mark.parametrize(("day", "driver"), SCENARIOS.values(), ids=SCENARIOS)
def test_pure_scenario_names_its_driver(day: Day, driver: str, *, listed: bool) -> None:
    observed, expected = activity(day._replace(listed=listed)), activity(USUAL._replace(listed=listed))
    found = cause(observed, expected)
    assert found.driver == driver
    assert found.share > 0.5
    assert sum(part.nanos for part in found.drivers) == observed.nanos - expected.nanos


def test_the_dearer_model_was_never_seen_before() -> None:
    usual = USUAL._replace(retries=0.0, large=0.0)
    found = cause(activity(usual._replace(large=1.0)), activity(usual))
    assert (found.driver, found.share) == ("model_mix", 1.0)


def test_only_what_moved_is_named() -> None:
    """A factor that did not move gets nothing but the rounding of the intermediate spends."""
    for day, driver in (SCENARIOS["volume surge"], SCENARIOS["cache break"], SCENARIOS["cost tripled"]):
        parts = split.split(activity(day), activity(USUAL))
        assert all(abs(nanos) <= 2 for name, nanos in parts.items() if name not in {driver, "retries"})


def test_two_that_moved_share_their_interaction() -> None:
    parts = split.split(activity(USUAL._replace(runs=80, calls=10.0, retries=0.0)), activity(USUAL._replace(retries=0.0)))
    assert abs(parts["executions"] - parts["calls_per_execution"]) <= 2


def test_first_spend_of_a_scope_is_its_executions() -> None:
    observed = activity(USUAL._replace(retries=0.5))
    found = cause(observed, Activity())
    assert {part.driver: part.nanos for part in found.drivers} == {
        "executions": observed.nanos - observed.retry_nanos - observed.other_nanos,
        "retries": observed.retry_nanos,
        "other_layers": observed.other_nanos,
    }
    assert found.driver == "executions"


def test_a_scope_without_runs_is_explained_by_its_calls() -> None:
    found = cause(Activity(models={"m": Use(calls=90, input=900, nanos=900)}), Activity(models={"m": Use(calls=10, input=100, nanos=100)}))
    assert (found.driver, found.share) == ("executions", 1.0)


def test_a_run_that_began_before_the_window_goes_on() -> None:
    looping = activity(USUAL._replace(runs=1, calls=500))
    looping.began = 0
    assert cause(looping, activity(USUAL)).driver == "calls_per_execution"


def test_nothing_happened_twice() -> None:
    assert cause(Activity(), Activity()) == Cause("executions", 0.0, [], [])


def test_expected_is_scaled_before_it_is_compared() -> None:
    week = Activity()
    for _ in range(7):
        week.join(activity(USUAL), times=1000)
    assert cause(activity(USUAL), week, Fraction(1, 7000)).drivers == []


scales = st.fractions(0, 50, max_denominator=1000)


def adds_up(observed: Activity, expected: Activity, scale: Fraction) -> None:
    parts = split.split(observed, expected, scale)
    assert tuple(parts) == DRIVERS
    assert sum(parts.values()) == observed.nanos - math.floor(expected.nanos * scale)


@given(activities, activities, scales)
def test_parts_add_up_to_the_nano_dollar(observed: Activity, expected: Activity, scale: Fraction) -> None:
    adds_up(observed, expected, scale)


@given(activities, activities, scales)
def test_shares_are_between_nothing_and_all(observed: Activity, expected: Activity, scale: Fraction) -> None:
    found = cause(observed, expected, scale)
    assert found.driver in DRIVERS
    assert 0.0 <= found.share <= 1.0


days = st.builds(
    Day,
    runs=st.integers(1, 500),
    calls=st.floats(1, 50),
    prompt=st.integers(10, 50_000),
    cached=st.floats(0, 1),
    produced=st.integers(1, 5_000),
    large=st.floats(0, 1),
    charged=st.floats(0.1, 10),
    retries=st.floats(0, 3),
    vectors=st.integers(0, 10**9),
)


@given(days, days)
def test_back_is_the_reverse_of_there(a: Day, b: Day) -> None:
    there, back = split.split(activity(a), activity(b)), split.split(activity(b), activity(a))
    assert all(abs(there[driver] + back[driver]) <= 2 for driver in DRIVERS)


def test_a_dropped_remainder_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted bug: each part is rounded on its own."""
    monkeypatch.setattr(split, "_rounded", lambda values, whole: [value // whole for value in values])
    with pytest.raises(AssertionError):
        adds_up(activity(USUAL._replace(runs=41, calls=7.0)), activity(USUAL), Fraction(1, 3))
