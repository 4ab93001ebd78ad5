"""What a call costs: summed exactly, rounded once, whatever it is counted and paid in."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.money import USD_MAX, nanos_of
from service.prices import ByKind, Rates, cost, quantity_nanos
from tests.core.price_books import BOOK, NOW, book, ms

_tokens = st.integers(0, 10**12)
_pico = st.integers(0, 10**10)
_rates = st.builds(Rates, _pico, _pico, _pico, _pico, st.integers(1, 1000), st.integers(1, 1000))


@given(_rates, st.tuples(_tokens, _tokens, _tokens, _tokens), st.booleans())
def test_a_cost_is_summed_exactly_and_rounded_down_once(rates: Rates, tokens: tuple[int, int, int, int], batch: bool) -> None:
    total, kinds = cost(rates, *tokens, batch=batch)
    factor = Fraction(rates.batch_numerator, rates.batch_denominator) if batch else Fraction(1)
    parts = [n * pico * factor / 1000 for n, pico in zip(tokens, rates[:4], strict=True)]
    assert total == int(sum(parts)), "rounded down once"
    assert sum(kinds) == total
    assert all(abs(kind - part) < 1 for kind, part in zip(kinds, parts, strict=True))
    assert min(kinds) >= 0


def test_four_halves_of_a_nano_make_two() -> None:
    assert cost(Rates(500, 500, 500, 500), 1, 1, 1, 1) == (2, ByKind(0, 1, 0, 1))


def test_a_batch_is_half() -> None:
    rates = BOOK.rates("anthropic", "claude-sonnet-4-5", NOW)
    assert rates is not None
    full, _ = cost(rates, 1000, 1000, 1000, 1000)
    half, _ = cost(rates, 1000, 1000, 1000, 1000, batch=True)
    assert (full, half) == (22_050_000, 11_025_000)


@given(st.floats(0, 1e15, allow_nan=False), st.integers(0, 10**15))
def test_a_quantity_costs_what_its_text_says_rounded_down(quantity: float, unit_pico: int) -> None:
    assert quantity_nanos(quantity, unit_pico) == int(Fraction(repr(quantity)) * unit_pico / 1000)


@given(st.integers(0, 10**7), st.integers(0, 4), st.integers(0, 10**9))
def test_a_short_decimal_quantity_too(digits: int, places: int, unit_pico: int) -> None:
    quantity = digits / 10**places
    assert quantity_nanos(quantity, unit_pico) == int(Fraction(repr(quantity)) * unit_pico / 1000)


def test_a_float_product_that_falls_short_is_not_rounded_down() -> None:
    assert quantity_nanos(0.29, 100_000) == 29, "0.29 * 100 is 28.999999999999996"


# ---------------------------------------------------------------- currencies


def test_currencies_hold_from_their_day_and_dollars_always() -> None:
    own = book("currencies: [{currency: EUR, usd: 1.08, from: 2026-11-01}, {currency: EUR, usd: 1.1, from: 2026-11-20}, {currency: JPY, usd: 0.0065}]")
    assert own.currency("EUR", ms("2026-10-31")) is None
    assert own.currency("EUR", ms("2026-11-01")) == (27, 25)
    assert own.currency("EUR", NOW) == (11, 10)
    assert own.to_nanos(1000, "JPY", NOW) == 6_500_000_000
    assert own.to_nanos(0.1, "USD", 0) == 100_000_000
    assert own.to_nanos("1", "XXX", NOW) is None
    assert own.to_nanos("-2.5", "EUR", NOW) == -2_750_000_000


@given(st.decimals(-1000, 1000, places=10), st.integers(1, 10**6))
def test_an_exchange_is_exact_and_rounded_half_even_once(amount: Any, rate: int) -> None:
    own = book(f"currencies: [{{currency: EUR, usd: '{rate / 10**4:.4f}'}}]")
    assert own.to_nanos(str(amount), "EUR", NOW) == round(Fraction(str(amount)) * 10**9 * rate / 10**4)


@pytest.mark.parametrize("amount", ["x", "NaN", float("inf"), "1e400", str(USD_MAX) + "1"])
@pytest.mark.parametrize("currency", ["USD", "EUR"])
def test_what_is_no_amount_is_said(amount: Any, currency: str) -> None:
    with pytest.raises(ValueError, match=r"is not|must be"):
        book("currencies: [{currency: EUR, usd: 2}]").to_nanos(amount, currency, NOW)


def test_a_currencys_amount_is_bounded_in_dollars() -> None:
    with pytest.raises(ValueError, match="must be between"):
        book("currencies: [{currency: EUR, usd: 2}]").to_nanos(USD_MAX - 1, "EUR", NOW)
    assert nanos_of(USD_MAX - 1) == (USD_MAX - 1) * 10**9
