"""What is to blame for a deviation: planted causes are found, exactly and whatever the order and the names; where there is none, none is named."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from service.localise.cuboids import Floats
from service.localise.elements import DIMENSIONS_MAX, ELEMENTS_MAX, localise
from service.localise.shifts import Deviations, of_ratios, of_sums
from tests.bench.planted import Case, World, planted

Values = dict[str, str]

SMALL = World(sizes=(5, 6, 4), noise=0.08, severity=(0.4, 0.9), unlike=0.05, causes=2, elements=2, zeros=0.1)
SEEDS = range(40)


def made(seed: int, causes: int | None = None) -> Case:
    return planted("small", seed, causes, SMALL)


def named(case: Case) -> list[Values]:
    return [each.values for each in localise(case.dimensions, of_sums(case.real, case.predict))]


def told(elements: list[Values]) -> set[tuple[tuple[str, str], ...]]:
    return {tuple(sorted(each.items())) for each in elements}


def grid(*sizes: int) -> tuple[dict[str, list[str]], Floats]:
    """All leaves of a grid, and a forecast of 100 for each."""
    codes = np.unravel_index(np.arange(int(np.prod(sizes))), sizes)
    return {name: [f"{name}{v}" for v in column] for name, column in zip("abcdefghijkl", codes, strict=False)}, np.full(int(np.prod(sizes)), 100.0)


def scattered(leaves: int, seed: int, noise: float = 0.03) -> Floats:
    return 100 * (1 + noise * np.random.default_rng(seed).normal(size=leaves))


def test_what_was_planted_is_found_and_nothing_else() -> None:
    cases = [made(seed) for seed in SEEDS]
    right = sum(told(named(case)) == told(case.truth) for case in cases)
    wrong = sum(len(told(named(case)) - told(case.truth)) for case in cases)
    assert right >= 36
    assert wrong <= 2


@pytest.mark.parametrize("element", [{"a": "a2"}, {"a": "a2", "c": "c1"}, {"a": "a2", "b": "b3", "c": "c1"}], ids=lambda e: f"{len(e)} dimensions")
@pytest.mark.parametrize("times", [0.5, 2.0], ids=["fell", "rose"])
def test_an_element_of_any_depth_is_named_no_wider_and_no_narrower(element: Values, times: float) -> None:
    dimensions, predict = grid(4, 5, 3)
    real = scattered(60, 1)
    real[np.all([np.array(dimensions[kind]) == name for kind, name in element.items()], axis=0)] *= times
    [found] = localise(dimensions, of_sums(real, predict))
    assert found.values == element
    assert found.leaves == 60 // np.prod([{"a": 4, "b": 5, "c": 3}[kind] for kind in element])


def test_two_causes_under_one_parent_are_not_taken_for_the_parent() -> None:
    dimensions, predict = grid(4, 12, 5)
    a, b = np.array(dimensions["a"]), np.array(dimensions["b"])
    real = scattered(240, 2, noise=0.09)
    real[(a == "a1") & ((b == "b3") | (b == "b8"))] *= 0.4
    assert told([each.values for each in localise(dimensions, of_sums(real, predict))]) == told([{"a": "a1", "b": "b3"}, {"a": "a1", "b": "b8"}])


@pytest.mark.parametrize("seed", SEEDS[:12])
def test_neither_the_order_of_rows_nor_of_columns_nor_the_names_matter(seed: int) -> None:
    case, chance = made(seed), np.random.default_rng(seed)
    order = chance.permutation(len(case.real))
    names = {kind: dict(zip(sorted(set(values)), chance.permutation(sorted(set(values))).tolist(), strict=True)) for kind, values in case.dimensions.items()}
    kinds = {kind: f"kind {n}" for n, kind in enumerate(chance.permutation(sorted(case.dimensions)).tolist())}
    other = {kinds[kind]: [names[kind][case.dimensions[kind][k]] for k in order] for kind in chance.permutation(sorted(case.dimensions)).tolist()}
    renamed = [{kinds[kind]: names[kind][name] for kind, name in each.items()} for each in named(case)]
    assert told([each.values for each in localise(other, of_sums(case.real[order], case.predict[order]))]) == told(renamed)
    assert told([each.values for each in localise(case.dimensions, of_sums(case.predict, case.real))]) == told(named(case))
    assert told([each.values for each in localise(case.dimensions, of_sums(case.real * 1e-7, case.predict * 1e-7))]) == told(named(case))


def test_the_order_of_rows_does_not_even_matter_for_the_last_bit() -> None:
    dimensions, predict = grid(4, 5, 3)
    real, predict = scattered(60, 9), predict + np.arange(60) / 7
    real[np.array(dimensions["a"]) == "a1"] = 0.0
    found = localise(dimensions, of_sums(real, predict))
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(60)
        assert localise({kind: [values[k] for k in order] for kind, values in dimensions.items()}, of_sums(real[order], predict[order])) == found


def test_of_names_for_the_same_leaves_the_widest_is_said() -> None:
    a, b = ["a0", "a0", "a1", "a2", "a1", "a2", "a0", "a1"], ["b1", "b0", "b0", "b0", "b2", "b2", "b3", "b3"]
    real = np.array([50.0, 101, 99, 100, 102, 98, 100, 101])
    assert [each.values for each in localise({"a": a, "b": b}, of_sums(real, np.full(8, 100.0)))] == [{"b": "b1"}]


def nothing_measured(n: int) -> tuple[Floats, Floats]:
    return np.zeros(n), np.zeros(n)


def as_forecast(n: int) -> tuple[Floats, Floats]:
    return np.arange(1.0, n + 1), np.arange(1.0, n + 1)


def all_alike(n: int) -> tuple[Floats, Floats]:
    return 0.7 * scattered(n, 3), np.full(n, 100.0)


def all_gone(n: int) -> tuple[Floats, Floats]:
    return np.zeros(n), np.full(n, 100.0)


@pytest.mark.parametrize("of", [nothing_measured, as_forecast, all_alike, all_gone])
@pytest.mark.parametrize("sizes", [(4, 5, 3), (1,), (1, 1), (7,), (0, 3)], ids=str)
def test_where_no_part_stands_out_none_is_named(of: Callable[[int], tuple[Floats, Floats]], sizes: tuple[int, ...]) -> None:
    dimensions, _ = grid(*sizes)
    assert localise(dimensions, of_sums(*of(int(np.prod(sizes))))) == []
    assert localise({}, of_sums(*of(4))) == []


def test_scatter_is_seldom_taken_for_a_cause() -> None:
    dimensions, predict = grid(6, 8, 5)
    assert sum(bool(localise(dimensions, of_sums(predict, scattered(240, seed, 0.15)))) for seed in range(30)) <= 3


def test_a_leaf_is_not_blamed_where_another_moved_as_surely_the_other_way() -> None:
    dimensions, predict = grid(6, 8, 5)
    real = scattered(240, 8)
    real[np.array(dimensions["a"]) == "a3"] *= 0.6
    real[17] = 40.0
    assert [each.leaves for each in localise(dimensions, of_sums(real, predict))] == [40, 1]
    real[200] = 400.0
    assert [each.leaves for each in localise(dimensions, of_sums(real, predict))] == [40]


def test_a_move_of_a_few_hundredths_is_nobodys_cause_however_sure() -> None:
    dimensions, predict = grid(4, 5, 3)
    real = scattered(60, 10, noise=0.001)
    moved = np.array(dimensions["a"]) == "a1"
    assert localise(dimensions, of_sums(np.where(moved, 0.96 * real, real), predict)) == []
    assert [each.values for each in localise(dimensions, of_sums(np.where(moved, 0.92 * real, real), predict))] == [{"a": "a1"}]


def test_a_leaf_that_was_not_measured_says_nothing() -> None:
    dimensions, predict = grid(4, 5, 3)
    real = scattered(60, 4)
    real[np.array(dimensions["a"]) == "a1"] *= 0.5
    real[0], predict[1], real[2] = np.nan, np.nan, np.inf
    [found] = localise(dimensions, of_sums(real, predict))
    assert found.values == {"a": "a1"}
    assert 0.9 < found.share < 1.1


def ratios(shares: Floats, counts: Floats, seed: int = 0) -> Deviations:
    """Drawn good ones of `counts`, against a forecast of nine in ten."""
    good = np.random.default_rng(seed).binomial(counts.astype(int), shares).astype(float)
    return of_ratios(good, counts, counts * 0.9, counts)


def test_of_a_ratio_the_element_whose_share_fell_is_named() -> None:
    dimensions, hundred = grid(4, 5, 3)
    shares = np.full(60, 0.9)
    shares[(np.array(dimensions["a"]) == "a1") & (np.array(dimensions["c"]) == "c2")] = 0.6
    [found] = localise(dimensions, ratios(shares, 3 * hundred))
    assert found.values == {"a": "a1", "c": "c2"}
    assert localise(dimensions, ratios(np.full(60, 0.9), 3 * hundred)) == []
    better = np.where(shares < 0.9, 0.99, 0.9)
    assert localise(dimensions, ratios(better, 3 * hundred)) == []


def test_a_ratio_without_a_forecast_is_not_a_forecast_of_nothing() -> None:
    dimensions, counts = grid(4, 5, 3)
    good, usual = 0.9 * counts, 0.9 * counts
    fresh = np.array(dimensions["b"]) == "b2"
    good[fresh] = 0.0
    assert localise(dimensions, of_ratios(good, counts, np.where(fresh, 0.0, usual), np.where(fresh, 0.0, counts))) == []


def test_of_a_ratio_what_carries_less_than_a_tenth_is_not_named() -> None:
    dimensions, counts = grid(4, 5, 3)
    shares = np.full(60, 0.9)
    shares[np.array(dimensions["a"]) == "a1"] = 0.5
    shares[59], counts[59] = 0.3, 60.0  # surely worse, and a trifle
    assert [each.values for each in localise(dimensions, ratios(shares, counts, seed=1))] == [{"a": "a1"}]


def test_the_limits_have_names() -> None:
    dimensions, predict = grid(*[2] * (DIMENSIONS_MAX + 1))
    with pytest.raises(ValueError, match=f"{DIMENSIONS_MAX + 1} dimensions"):
        localise(dimensions, of_sums(predict, predict))
    dimensions, predict = grid(50, 40)
    real = scattered(2000, 5, noise=0.01)
    real[:: len(real) // 20] = 5.0
    assert len(localise(dimensions, of_sums(real, predict))) == ELEMENTS_MAX


def test_more_combinations_than_a_machine_number_counts_are_told_apart() -> None:
    row = np.arange(768) % 256
    first = (row + np.arange(768) // 256) % 256  # 256 to the power of nine: the first of nine dimensions would be lost
    dimensions = {"a": [f"{v:03}" for v in first]} | {name: [f"{v:03}" for v in row] for name in "bcdefghi"}
    real = scattered(768, 7, noise=0.01)
    real[5] *= 0.5
    [found] = localise(dimensions, of_sums(real, np.full(768, 100.0)))
    assert (found.values["a"], found.leaves) == ("005", 1)
