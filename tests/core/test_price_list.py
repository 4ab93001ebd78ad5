"""The list prices that are built in: exact, dated, found under every name of a model, and never guessed."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.prices import normalise, table
from service.prices.table import pages
from tests.core.price_books import BOOK, NOW, ms, per_mtok

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
