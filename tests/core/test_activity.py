"""What was done: sums by model, bounded, faded and joined without losing money."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.facts import Cell, Measures
from service.warden.activity import MODELS_MAX, OTHER, Activity, Use
from tests.core.days import USUAL, activities, activity


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
