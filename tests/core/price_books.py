"""Price books for tests, and prices as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

from service.policy import Policy, load
from service.prices import PriceBook, Rates

NOW = int(datetime(2026, 11, 24, tzinfo=UTC).timestamp() * 1000)
BOOK = PriceBook.of(Policy())


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text + "T00:00:00+00:00").timestamp() * 1000)


def per_mtok(rates: Rates | None) -> tuple[float, ...] | None:
    return rates and tuple(pico / 10**6 for pico in rates[:4])


def book(text: str) -> PriceBook:
    return PriceBook.of(load(text))


def overridden(*entries: str) -> PriceBook:
    return book("prices: {overrides: [" + ", ".join(entries) + "]}")
