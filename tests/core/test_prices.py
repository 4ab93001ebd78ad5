"""Prices are exact, dated, overridden by the policy, and never guessed."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.money import USD_MAX, nanos_of
from service.policy import Policy, load
from service.prices import ByKind, PriceBook, Rates, cost, normalise, price_warnings, quantity_nanos, table
from service.prices.book import PAIRS_MAX
from service.prices.steps import EVER, steps
from service.prices.table import pages

NOW = int(datetime(2026, 11, 24, tzinfo=UTC).timestamp() * 1000)
DAY_MS = 86_400_000
BOOK = PriceBook.of(Policy())


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text + "T00:00:00+00:00").timestamp() * 1000)


def per_mtok(rates: Rates | None) -> tuple[float, ...] | None:
    return rates and tuple(pico / 10**6 for pico in rates[:4])


# ---------------------------------------------------------------- the table


@pytest.mark.parametrize(
    ("provider", "model", "prices", "tier"),
    [
        ("anthropic", "claude-opus-4-1", (15, 1.5, 18.75, 75), "large"),
        ("anthropic", "claude-sonnet-4-5", (3, 0.3, 3.75, 15), "mid"),
        ("anthropic", "claude-haiku-4-5", (1, 0.1, 1.25, 5), "small"),
        ("openai", "gpt-4.1", (2, 0.5, 2, 8), "mid"),
        ("openai", "gpt-4.1-mini", (0.4, 0.1, 0.4, 1.6), "small"),
        ("openai", "gpt-4.1-nano", (0.1, 0.025, 0.1, 0.4), "small"),
        ("openai", "gpt-4o", (2.5, 1.25, 2.5, 10), "mid"),
        ("openai", "gpt-4o-mini", (0.15, 0.075, 0.15, 0.6), "small"),
        ("openai", "gpt-4-turbo", (10, 10, 10, 30), "large"),
        ("google", "gemini-2.0-flash", (0.1, 0.025, 0.1, 0.4), "small"),
        ("google", "gemini-2.5-pro", (1.25, 0.31, 1.25, 10), "mid"),
        ("openai", "text-embedding-3-small", (0.02, 0.02, 0.02, 0), "embedding"),
        ("mistral", "mistral-large-2411", (2, 2, 2, 6), "large"),
        ("deepseek", "deepseek-chat", (0.28, 0.028, 0.28, 0.42), "small"),
        ("groq", "llama-3.3-70b-versatile", (0.59, 0.59, 0.59, 0.79), "mid"),
        ("bedrock", "amazon.nova-pro-v1:0", (0.8, 0.2, 0.8, 3.2), "mid"),
        ("cohere", "command-r7b-12-2024", (0.0375, 0.0375, 0.0375, 0.15), "small"),
        ("xai", "grok-4-0709", (3, 0.75, 3, 15), "mid"),
    ],
)
def test_list_prices(provider: str, model: str, prices: tuple[float, ...], tier: str) -> None:
    for asked in (provider, ""):
        if asked or provider != "groq":  # without a seller, what hosts sell has no price
            assert per_mtok(BOOK.rates(asked, model, NOW)) == prices
            assert BOOK.tier(asked, model) == tier


def test_every_line_of_the_table_is_found_under_all_its_names() -> None:
    for page in pages():
        assert page.sources
        for listed in page.models:
            for name in (listed.model, *listed.aliases):
                at = ms(str(listed.from_)) if listed.from_ else 0
                rates = BOOK.rates(page.provider, name, at)
                assert rates is not None, (page.provider, name)
                assert rates.input == Fraction(str(listed.input)) * 10**6
                assert rates.tier == listed.tier
                assert rates.output > 0 or listed.tier == "embedding"
                assert rates.cache_read <= rates.input <= max(rates.output, rates.input)
                assert rates.source == f"list of {page.read}"
                assert Fraction(rates.batch_numerator, rates.batch_denominator) in (1, Fraction(1, 2))


def test_no_name_stands_for_two_models_of_a_seller() -> None:
    for page in pages():
        owners: dict[str, str] = {}
        for listed in page.models:
            for name in (listed.model, *listed.aliases):
                assert owners.setdefault(name.lower(), listed.model) == listed.model, (page.provider, name)


def test_the_table_is_broad_and_dated() -> None:
    assert len({(page.provider, listed.model) for page in pages() for listed in page.models}) > 150
    assert {"openai", "anthropic", "google", "mistral", "groq", "together", "amazon", "deepseek", "cohere", "xai"} <= {page.provider for page in pages()}
    assert str(table().read) == "2026-11-24"


def test_prices_change_on_their_day_and_the_first_holds_before_it() -> None:
    day = ms("2025-06-10")
    assert per_mtok(BOOK.rates("openai", "o3", day - 1)) == (10, 2.5, 10, 40)
    assert per_mtok(BOOK.rates("openai", "o3", day)) == (2, 0.5, 2, 8)
    assert per_mtok(BOOK.rates("openai", "o3", 0)) == (10, 2.5, 10, 40)


def test_what_hosts_sell_has_the_hosts_price_only() -> None:
    at = [per_mtok(BOOK.rates(host, "gpt-oss-120b", NOW)) for host in ("groq", "cerebras", "bedrock", "", "nobody")]
    assert at == [(0.15, 0.075, 0.15, 0.6), (0.35, 0.35, 0.35, 0.75), (0.15, 0.15, 0.15, 0.6), None, None]
    assert BOOK.rates("together", "deepseek-r1", NOW) is None
    assert BOOK.rates("our-gateway", "claude-sonnet-4-5", NOW) == BOOK.rates("anthropic", "claude-sonnet-4-5", NOW)


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("provider", "written", "name"),
    [
        ("anthropic", "claude-sonnet-4-5", "claude-sonnet-4-5"),
        ("anthropic", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("", "anthropic/claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("", "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
        ("bedrock", "anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-sonnet"),
        ("bedrock", "eu.meta.llama3-3-70b-instruct-v1:0", "llama3-3-70b-instruct"),
        ("vertex_ai", "claude-sonnet-4@20250514", "claude-sonnet-4"),
        ("vertex_ai", "publishers/anthropic/models/claude-opus-4-1@20250805", "claude-opus-4-1"),
        ("google", "models/gemini-2.0-flash", "gemini-2.0-flash"),
        ("", "azure/gpt-4o-2024-08-06", "gpt-4o"),
        ("", "openrouter/openai/gpt-4.1", "gpt-4.1"),
        ("acme", "acme/own-model", "own-model"),
        ("", "acme/own-model", "acme/own-model"),
        ("groq", "meta-llama/llama-4-scout-17b-16e-instruct", "llama-4-scout-17b-16e-instruct"),
        ("fireworks_ai", "accounts/fireworks/models/gpt-oss-20b", "gpt-oss-20b"),
        ("", "arn:aws:bedrock:us-east-1:123:inference-profile/us.anthropic.claude-opus-4-1-20250805-v1:0", "claude-opus-4-1"),
        # whatever else a name holds stays
        ("openai", "gpt-4o-preview-042", "gpt-4o-preview-042"),
        ("openai", "gpt-4o-latest", "gpt-4o-latest"),
        ("openai", "gpt-4-0613", "gpt-4-0613"),
        ("openai", "ft:gpt-4o-mini-2024-07-18:org::id", "ft:gpt-4o-mini-2024-07-18:org::id"),
        ("google", "gemini-2.5-flash-preview-05-20", "gemini-2.5-flash-preview-05-20"),
        ("openrouter", "openai/gpt-oss-20b:free", "gpt-oss-20b:free"),
        ("", "x-20259999", "x-20259999"),
        ("", "openai/", "openai/"),
        ("", "", ""),
        ("", "-20250929", "-20250929"),
    ],
)
def test_only_a_prefix_and_a_date_are_stripped(provider: str, written: str, name: str) -> None:
    assert normalise(provider, written) == name


@pytest.mark.parametrize(
    "model", ["gpt-4o-preview-042", "claude-sonnet-4-next-007", "gemini-2.0-exp-001", "gpt-4o:free", "ft:gpt-4o:org::x", "eu/gpt-4o", "gpt", ""]
)
@pytest.mark.parametrize("provider", ["openai", "anthropic", "google", "", "azure"])
def test_an_unknown_name_has_no_price(provider: str, model: str) -> None:
    assert BOOK.rates(provider, model, NOW) is None
    assert BOOK.tier(provider, model) == ""


def test_a_dated_name_may_have_a_price_of_its_own() -> None:
    assert per_mtok(BOOK.rates("openai", "gpt-4o-2024-05-13", NOW)) == (5, 5, 5, 15)
    assert per_mtok(BOOK.rates("openai", "gpt-4o-2024-11-20", NOW)) == (2.5, 1.25, 2.5, 10)


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_name_is_answered_and_names_are_settled_by_one_pass_for_a_known_one(provider: str, model: str) -> None:
    BOOK.rates(provider, model, NOW)
    name = normalise(provider, model)
    assert bool(name) == bool(model)


# ---------------------------------------------------------------- overrides


def book(text: str) -> PriceBook:
    return PriceBook.of(load(text))


def overridden(*entries: str) -> PriceBook:
    return book("prices: {overrides: [" + ", ".join(entries) + "]}")


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


# ---------------------------------------------------------------- exact costs

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


def test_units_of_other_layers() -> None:
    own = overridden("{operation: vector.query, unit: query, price: 0.0004}", "{operation: vector.query, unit: query, price: 0.0005, from: 2026-01-01}")
    assert own.unit_pico("vector.query", "query", ms("2025-12-31")) == 400_000_000
    assert own.unit_pico("vector.query", "query", NOW) == 500_000_000
    assert own.unit_pico("vector.query", "s", NOW) is None
    assert own.unit_pico("", "", NOW) is None


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


# ---------------------------------------------------------------- steps


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 2)), max_size=6), st.integers(-60, 60))
def test_steps_are_the_function_they_were_made_of(changes: list[tuple[int, int]], at: int) -> None:
    def value(ms: int) -> int:
        before = [v for start, v in sorted(changes) if start <= ms]
        return before[-1] if before else -1

    made = steps([start for start, _ in changes], value)
    assert made.at(at) == value(at)
    assert made.starts[0] == EVER
    assert all(a != b for a, b in zip(made.values, made.values[1:], strict=False))
