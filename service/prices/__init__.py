"""Prices: dated public list prices as data, a policy's overrides on top, and exact costs from both."""

from service.prices.book import PriceBook, price_warnings
from service.prices.names import normalise
from service.prices.rates import ByKind, Rates, cost, quantity_nanos
from service.prices.table import table

__all__ = ["ByKind", "PriceBook", "Rates", "cost", "normalise", "price_warnings", "quantity_nanos", "table"]
