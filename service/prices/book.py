"""The price book: the built-in table with a policy's overrides on top, asked in the hot path.

Of the overrides that hold at a time the most particular wins: one for the very name before one for the name without its date,
one for the provider before one for all, the later `from` before the earlier. What it leaves out stays as the table has it.
The table's first price of a model also holds before its date, so that old records have a price; an override's does not.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from fractions import Fraction
from typing import Final, NamedTuple, Self, TypeVar

from service.money import NANO, USD_MAX, nanos_of
from service.policy import Currency, Mistake, ModelPrice, OperationPrice, Policy
from service.prices.names import bare, normalise, seller
from service.prices.overriding import Held, holding, listed_at, merged, newest_first, since
from service.prices.rates import Rates
from service.prices.steps import EVER, Steps, steps
from service.prices.table import table

PAIRS_MAX: Final = 10_000  # provider and model as callers write them; beyond it the book looks them up anew
_DOLLAR: Final = (1, 1)
K = TypeVar("K")
V = TypeVar("V")


class _Found(NamedTuple):
    """What is known of a model: prices over time, and its newest tier, which may be known without a price."""

    rates: Steps[Rates | None]
    tier: str


class _Override(NamedTuple):
    """An override as it is looked for; `seller` is empty where it holds for every provider."""

    place: int
    seller: str
    name: str
    price: ModelPrice


class PriceBook:
    """Prices by time. It only remembers what it has looked up; the same questions have the same answers.

    >>> book = PriceBook.of(Policy())
    >>> book.rates("anthropic", "claude-sonnet-4-5-20250929", 1_764_000_000_000)[:4]
    (3000000, 300000, 3750000, 15000000)
    >>> book.rates("anthropic", "claude-next", 1_764_000_000_000) is None
    True
    """

    def __init__(self, models: tuple[ModelPrice, ...], operations: tuple[OperationPrice, ...], currencies: tuple[Currency, ...]) -> None:
        self._overrides = [_Override(index, seller(o.provider or ""), bare(o.provider or "", o.model)[0].lower(), o) for index, o in enumerate(models)]
        self._operations = operations
        self._currencies = currencies
        self._found: dict[tuple[str, str], _Found] = {}
        self._rates: dict[tuple[str, str], Steps[Rates | None]] = {}
        self._units: dict[tuple[str, str], Steps[int | None]] = {}
        self._exchange: dict[str, Steps[tuple[int, int] | None]] = {}

    @classmethod
    def of(cls, policy: Policy) -> Self:
        """The book of a policy."""
        overrides = policy.prices.overrides
        models = tuple(o for o in overrides if isinstance(o, ModelPrice))
        return cls(models, tuple(o for o in overrides if isinstance(o, OperationPrice)), policy.currencies)

    def rates(self, provider: str, model: str, at_ms: int) -> Rates | None:
        """What a token costs then; None where nobody says."""
        known = self._rates.get((provider, model))
        if known is None:
            known = self._find(provider, model).rates
        starts, values = known
        return values[0] if len(values) == 1 else values[bisect_right(starts, at_ms) - 1]  # `known.at`, without the price of the call

    def tier(self, provider: str, model: str) -> str:
        """The model's newest tier; empty where it has none."""
        return self._find(provider, model).tier

    def unit_pico(self, operation: str, unit: str, at_ms: int) -> int | None:
        """Pico-dollars per unit of an operation then; None where nobody says."""
        known = self._units.get((operation, unit))
        if known is None:
            entries = newest_first([o for o in self._operations if (o.operation, o.unit) == (operation, unit)])
            known = steps(_changes(entries), lambda ms: found.price_pico if (found := holding(entries, ms)) else None)
            _remember(self._units, (operation, unit), known)
        return known.at(at_ms)

    def currency(self, code: str, at_ms: int) -> tuple[int, int] | None:
        """Dollars for one unit of a currency then, as an exact fraction; None without a rate."""
        if code == "USD":
            return _DOLLAR
        known = self._exchange.get(code)
        if known is None:
            entries = newest_first([c for c in self._currencies if c.currency == code])
            known = steps(_changes(entries), lambda ms: found.usd if (found := holding(entries, ms)) else None)
            _remember(self._exchange, code, known)
        return known.at(at_ms)

    def to_nanos(self, amount: str | float, currency: str, at_ms: int) -> int | None:
        """A told amount as nano-dollars, half-even once; None without a rate. Raises ValueError as `nanos_of` does.

        >>> from service.policy import load
        >>> PriceBook.of(load("currencies: [{currency: EUR, usd: 1.08}]")).to_nanos("0.1", "EUR", 0)
        108000000
        """
        rate = self.currency(currency, at_ms)
        if rate is None:
            return None
        nanos = nanos_of(amount)
        if rate == _DOLLAR:
            return nanos
        exact = round(Fraction(repr(amount) if isinstance(amount, float) else amount) * NANO * rate[0] / rate[1])
        if abs(exact) > USD_MAX * NANO:
            raise ValueError(f"must be between -{USD_MAX} and {USD_MAX} dollars")
        return exact

    def _find(self, provider: str, model: str) -> _Found:
        known = self._found.get((provider, model))
        if known is None:
            known = self._look_up(provider, model)
            _remember(self._found, (provider, model), known)
            _remember(self._rates, (provider, model), known.rates)
        return known

    def _look_up(self, provider: str, model: str) -> _Found:
        exact, host = bare(provider, model)
        names = (exact.lower(), normalise(provider, model).lower())
        listed = table().find(host, names[0]) or table().find(host, names[1])
        entries = self._fitting(host, names)
        changes = [*(dated.from_ms for dated in listed[1:]), *_changes(entries)]
        known = steps(changes, lambda ms: merged(listed_at(listed, ms), holding(entries, ms)))
        newest = max((ms for ms in changes if ms is not None), default=EVER)
        override, base = holding(entries, newest), listed_at(listed, newest)
        return _Found(known, (override.tier if override else None) or (base.tier if base else ""))

    def _fitting(self, host: str, names: tuple[str, str]) -> list[ModelPrice]:
        """The overrides for a model, the most particular first."""
        fitting = [entry for entry in self._overrides if entry.name in names and (entry.seller in ("", host) or not host)]
        fitting.sort(key=lambda entry: (names.index(entry.name), entry.seller == "", -since(entry.price), -entry.place))
        return [entry.price for entry in fitting]


def price_warnings(policy: Policy) -> list[Mistake]:
    """Overrides that give no price, because neither they nor the table have one for the model."""
    book = PriceBook.of(policy)
    return [
        Mistake(f"prices.overrides[{index}]", f"gives {o.model} no price: `input` or `output` is left out and the built-in table has no such model")
        for index, o in enumerate(policy.prices.overrides)
        if isinstance(o, ModelPrice) and book.rates(o.provider or "", o.model, o.from_ms or 0) is None
    ]


def _changes(entries: Iterable[Held]) -> list[int | None]:
    return [ms for entry in entries for ms in (entry.from_ms, entry.to_ms)]


def _remember(store: dict[K, V], key: K, value: V) -> None:
    if len(store) >= PAIRS_MAX:
        store.clear()
    store[key] = value
