"""The cause of an excess: what each pure scenario must name, and that the parts always add up."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.facts import DRIVERS, Cause, Cell, DimensionShare, Measures, Scope
from service.warden import causes, split
from service.warden.activity import MODELS_MAX, OTHER, Activity, Use
from service.warden.causes import cause, dimensions

PRICES = {"small": (1_000, 100, 1_250, 5_000), "large": (5_000, 500, 6_250, 25_000)}  # nanos a token: fresh, read, write, output


class Day(NamedTuple):
    """An agent's day, as its team would describe it."""

    runs: int = 40
    calls: float = 5.0
    prompt: int = 4_000
    cached: float = 0.85
    produced: int = 400
    large: float = 0.2
    charged: float = 1.0
    retries: float = 0.05
    vectors: int = 20_000_000
    listed: bool = True


def activity(day: Day) -> Activity:
    done = Activity(began=day.runs, other_nanos=day.vectors)
    for model, share in (("small", 1 - day.large), ("large", day.large)):
        first = round(day.runs * day.calls * share)
        if not first:
            continue
        tries = round(first * day.retries)
        calls = first + tries
        read = round(day.prompt * day.cached)
        tokens = ((day.prompt - read) * calls, read * calls, 0, day.produced * calls)
        picos = [n * price * 1000 for n, price in zip(tokens, PRICES[model], strict=True)]
        nanos = round(sum(picos) * day.charged) // 1000
        done.models[model] = Use(calls, tries, *tokens, nanos, nanos * tries // calls, *(picos if day.listed else [0] * 4))
    return done


USUAL = Day()
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


# ---------------------------------------------------------------- properties
whole = st.one_of(st.integers(-5, 5), st.integers(-(10**15), 10**15), st.integers(0, 10**6))
uses = st.builds(Use, *[whole] * len(Use.__struct_fields__))
activities = st.builds(Activity, began=whole, models=st.dictionaries(st.sampled_from("abcd"), uses, max_size=3), other_nanos=whole)
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


# ---------------------------------------------------------------- activity
def cell(**names: Any) -> Cell:
    usual = Cell("default", "a", "u", "b", "w", "p", "m", "inference", "chat", batch=False)
    return usual._replace(**names)


def test_cells_become_models_and_other_layers() -> None:
    done = Activity()
    sums = Measures(records=2, nanos=50, calls=2, retries=1, retry_nanos=20, input=7, output=3, input_pico=30, output_pico=20, began=1)
    done.take(cell(), sums)
    done.take(cell(agent="b"), sums)
    done.take(cell(batch=True), sums)
    done.take(cell(layer="retrieval", model=""), Measures(records=1, nanos=9))
    assert done == Activity(
        began=3,
        models={"m": Use(4, 2, 14, 0, 0, 6, 100, 40, 60, 0, 0, 40), "m (batch)": Use(2, 1, 7, 0, 0, 3, 50, 20, 30, 0, 0, 20)},
        other_nanos=9,
    )
    assert (done.nanos, done.retry_nanos) == (159, 60)


def test_every_sum_of_a_model_is_taken() -> None:
    numbers = {name: 3 + 7 * k for k, name in enumerate(Use.__struct_fields__)}
    done = Activity()
    done.take(cell(), Measures(**numbers))
    done.take(cell(), Measures(**numbers))
    assert done.models == {"m": Use(**{name: 2 * number for name, number in numbers.items()})}


def test_models_are_bounded_and_no_money_is_lost() -> None:
    done = Activity()
    for k in range(50):
        done.take(cell(model=f"m{k}"), Measures(calls=1, nanos=1))
    assert len(done.models) == MODELS_MAX + 1
    assert done.models[OTHER].nanos == 50 - MODELS_MAX
    assert done.nanos == 50


def test_what_has_faded_away_is_forgotten() -> None:
    done = activity(USUAL)
    for _ in range(200):
        done.fade(3, 4)
    assert done == Activity()


@given(activities, st.integers(1, 9))
def test_joined_times_is_joined_often(a: Activity, times: int) -> None:
    once, often = Activity(), Activity()
    once.join(a, times)
    for _ in range(times):
        often.join(a)
    assert once == often


# ---------------------------------------------------------------- dimensions
def user(name: str) -> Scope:
    return Scope("user", name)


def test_who_always_spends_most_is_not_blamed() -> None:
    usual = {user("ann"): 900, user("bob"): 100}
    assert dimensions({user("ann"): 1800, user("bob"): 200}, usual, excess=1000) == []
    assert [d.name for d in dimensions({user("ann"): 910, user("bob"): 900}, usual, excess=810)] == ["bob"]


def test_a_dearer_model_in_the_place_of_another_carries_it() -> None:
    now, usual = {Scope("model", "dear"): 500}, {Scope("model", "cheap"): 100}
    assert dimensions(now, usual, excess=400) == [DimensionShare("model", "dear", 0.8)]


def test_a_new_version_that_merely_took_over_is_not_blamed() -> None:
    now, usual = {Scope("prompt_version", "v3"): 130}, {Scope("prompt_version", "v2"): 100}
    assert dimensions(now, usual, excess=30) == []


def test_a_price_or_the_mix_is_a_matter_of_a_model_even_where_it_is_the_only_one() -> None:
    found = cause(activity(USUAL._replace(large=0.0, charged=3.0)), activity(USUAL._replace(large=0.0)))
    assert [(d.kind, d.name) for d in found.dimensions] == [("model", "small")]
    swapped = cause(activity(USUAL._replace(large=0.6)), activity(USUAL), members={user("bob"): 10**12}, usual_members={user("ann"): 1})
    assert swapped.dimensions[0][:2] == ("model", "large")


def test_kinds_that_can_have_moved_the_driver_come_first() -> None:
    now = {user("bob"): 95, Scope("prompt_version", "v3"): 100}
    assert [d.kind for d in dimensions(now, {user("ann"): 5, Scope("prompt_version", "v2"): 5}, excess=95, seldom=causes.MAKE)] == ["user", "prompt_version"]
    assert [d.kind for d in dimensions(now, {user("ann"): 5, Scope("prompt_version", "v2"): 5}, excess=95, seldom=causes.PEOPLE)] == ["prompt_version", "user"]


def test_who_left_carries_a_fall() -> None:
    now, usual = {user("ann"): 100}, {user("ann"): 110, user("bob"): 300}
    assert [d.name for d in dimensions(now, usual, excess=-310)] == ["bob"]


def test_the_remainder_is_nobody() -> None:
    assert dimensions({user(OTHER): 900}, {user("ann"): 100}, excess=800) == []


def test_one_member_of_a_new_scope_stands_out_from_nothing() -> None:
    assert dimensions({user("ann"): 900}, {}, excess=900) == []
    assert [d.name for d in dimensions({user("ann"): 900, user("bob"): 1}, {}, excess=901)] == ["ann"]


members = st.dictionaries(st.builds(Scope, st.sampled_from(["user", "model"]), st.sampled_from("abcdef")), whole, max_size=10)


@given(members, members, whole)
def test_shares_of_members_are_finite_and_few(now: dict[Scope, int], usual: dict[Scope, int], excess: int) -> None:
    found = dimensions(now, usual, excess)
    assert len(found) <= causes.DIMENSIONS_MAX
    assert all(0.0 < d.share <= 1.0 for d in found)
