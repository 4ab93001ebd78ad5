"""Prices of the policy's own: they win over the list, the most particular one first, and hold from their day until the next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.policy import Policy, load
from service.prices import PriceBook, Rates, price_warnings
from service.prices.book import PAIRS_MAX
from service.prices.steps import EVER, steps
from tests.core.price_books import NOW, ms, overridden, per_mtok

DAY_MS = 86_400_000


def test_an_override_wins_and_what_it_leaves_out_stays() -> None:
    own = overridden("{model: gpt-4o, provider: openai, input: 2, batch: 0.4}")
    rates = own.rates("openai", "gpt-4o-2024-08-06", NOW)
    assert per_mtok(rates) == (2, 1.25, 2.5, 10)
    assert rates is not None
    assert (rates.batch_numerator, rates.batch_denominator, rates.source, rates.tier) == (2, 5, "policy", "mid")
    assert per_mtok(own.rates("azure", "gpt-4o", NOW)) == (2.5, 1.25, 2.5, 10), "another provider keeps the list price"
    assert per_mtok(own.rates("", "gpt-4o", NOW)) == (2, 1.25, 2.5, 10)


def test_an_override_of_an_unknown_model() -> None:
    own = overridden("{model: our-model, tier: tiny, input: 0.0375, output: 0.1}", "{model: our-embedder, tier: embedding, input: 0.01}")
    assert own.rates("any", "our-model", NOW) == Rates(37_500, 37_500, 37_500, 100_000, 1, 1, "tiny", "policy")
    assert own.rates("any", "our-embedder", NOW) == Rates(10_000, 10_000, 10_000, 0, 1, 1, "embedding", "policy")
    assert own.tier("any", "our-model") == "tiny"


def test_an_override_holds_from_until_before() -> None:
    own = overridden("{model: gpt-4o, input: 1, from: 2026-01-01T12:00:00Z, to: 2026-02-01}", "{model: x, input: 1, output: 1, from: 2026-01-01}")
    noon = ms("2026-01-01") + DAY_MS // 2
    prices = [own.rates("openai", "gpt-4o", at) for at in (noon - 1, noon, ms("2026-02-01") - 1, ms("2026-02-01"))]
    assert [r and r.input for r in prices] == [2_500_000, 1_000_000, 1_000_000, 2_500_000]
    assert own.rates("", "x", ms("2026-01-01") - 1) is None
    assert own.rates("", "x", ms("2026-01-01")) is not None


@pytest.mark.parametrize(
    ("entries", "dollars"),
    [
        (["{model: gpt-4o, input: 1}", "{model: gpt-4o, provider: openai, input: 7}", "{model: gpt-4o, input: 2}"], 7),
        (["{model: gpt-4o-2024-08-06, input: 7}", "{model: gpt-4o, provider: openai, input: 1}"], 7),
        (["{model: gpt-4o, input: 7, from: 2026-02-01}", "{model: gpt-4o, input: 1, from: 2026-01-01}"], 7),
        (["{model: gpt-4o, input: 1}", "{model: gpt-4o, input: 7}"], 7),
        (["{model: openai/gpt-4o, input: 7}"], 7),
        (["{model: GPT-4o, input: 7}"], 7),
        (["{model: gpt-4o-mini, input: 7}"], 2.5),
    ],
)
def test_the_most_particular_override_wins(entries: list[str], dollars: float) -> None:
    rates = overridden(*entries).rates("openai", "gpt-4o-2024-08-06", NOW)
    assert rates is not None
    assert rates.input == dollars * 10**6


def test_an_override_may_name_a_tier_alone() -> None:
    own = overridden("{model: gpt-4o, tier: large}", "{model: secret-model, tier: large}")
    assert own.tier("openai", "gpt-4o") == "large"
    assert per_mtok(own.rates("openai", "gpt-4o", NOW)) == (2.5, 1.25, 2.5, 10)
    assert own.tier("", "secret-model") == "large"
    assert own.rates("", "secret-model", NOW) is None


def test_an_override_without_a_price_is_warned_of() -> None:
    policy = load("prices: {overrides: [{model: gpt-4o, tier: large}, {model: our-model, input: 1}, {operation: q, unit: u, price: 1}]}")
    assert [m.path for m in price_warnings(policy)] == ["prices.overrides[1]"]


def test_the_book_forgets_before_it_grows_without_end() -> None:
    own = PriceBook.of(Policy())
    for n in range(PAIRS_MAX + 10):
        own.rates("openai", f"m-{n}", NOW)
    assert len(own._rates) <= PAIRS_MAX
    assert per_mtok(own.rates("openai", "gpt-4o", NOW)) == (2.5, 1.25, 2.5, 10)


def test_units_of_other_layers() -> None:
    own = overridden("{operation: vector.query, unit: query, price: 0.0004}", "{operation: vector.query, unit: query, price: 0.0005, from: 2026-01-01}")
    assert own.unit_pico("vector.query", "query", ms("2025-12-31")) == 400_000_000
    assert own.unit_pico("vector.query", "query", NOW) == 500_000_000
    assert own.unit_pico("vector.query", "s", NOW) is None
    assert own.unit_pico("", "", NOW) is None


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 2)), max_size=6), st.integers(-60, 60))
def test_steps_are_the_function_they_were_made_of(changes: list[tuple[int, int]], at: int) -> None:
    def value(ms: int) -> int:
        before = [v for start, v in sorted(changes) if start <= ms]
        return before[-1] if before else -1

    made = steps([start for start, _ in changes], value)
    assert made.at(at) == value(at)
    assert made.starts[0] == EVER
    assert all(a != b for a, b in zip(made.values, made.values[1:], strict=False))
