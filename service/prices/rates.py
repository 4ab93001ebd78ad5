"""What tokens and units cost, exactly: whole pico-dollars in, whole nano-dollars out, rounded down once."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Context, Decimal
from typing import Final, NamedTuple

from service.money import PICO_PER_NANO

_EXACT: Final = Context(prec=600)
_SURE: Final = 2.0**43  # below it a product of floats is off by less than 1/500 of a nano-dollar


class Rates(NamedTuple):
    """Pico-dollars per token of each kind; a batch costs `batch_numerator / batch_denominator` of that. `source` says who says so."""

    input: int
    cache_read: int
    cache_write: int
    output: int
    batch_numerator: int = 1
    batch_denominator: int = 1
    tier: str = ""
    source: str = ""


class ByKind(NamedTuple):
    """Nano-dollars by token kind."""

    input: int
    cache_read: int
    cache_write: int
    output: int


def cost(rates: Rates, input_tokens: int, cache_read: int, cache_write: int, output: int, batch: bool = False) -> tuple[int, ByKind]:
    """The nano-dollars of one record, and their split by token kind, which sums to them exactly.

    The record is summed in pico-dollars and rounded down once; each part is within a nano-dollar of its own exact cost.

    >>> cost(Rates(3_000_000, 300_000, 3_750_000, 15_000_000), 1_001, 1, 0, 1)
    (3018300, ByKind(input=3003000, cache_read=300, cache_write=0, output=15000))
    >>> cost(Rates(37_500, 37_500, 37_500, 150_000, 1, 2), 1, 1, 1, 1, batch=True)
    (131, ByKind(input=18, cache_read=19, cache_write=19, output=75))
    """
    a = input_tokens * rates.input
    b = a + cache_read * rates.cache_read
    c = b + cache_write * rates.cache_write
    d = c + output * rates.output
    if batch:
        n, per = rates.batch_numerator, PICO_PER_NANO * rates.batch_denominator
        a, b, c, d = a * n // per, b * n // per, c * n // per, d * n // per
    else:
        a, b, c, d = a // PICO_PER_NANO, b // PICO_PER_NANO, c // PICO_PER_NANO, d // PICO_PER_NANO
    return d, ByKind(a, b - a, c - b, d - c)


def quantity_nanos(quantity: float, unit_pico: int) -> int:
    """The nano-dollars of a quantity at a price per unit, rounded down once; a float counts by its shortest text.

    >>> quantity_nanos(3.0, 400_000_000), quantity_nanos(0.1, 30_000), quantity_nanos(0.29, 100_000)
    (1200000, 3, 29)
    """
    scaled = quantity * unit_pico / PICO_PER_NANO
    if scaled < _SURE and 0.01 < scaled % 1.0 < 0.99:
        return int(scaled)
    exact = _EXACT.multiply(Decimal(repr(quantity)), Decimal(unit_pico)).scaleb(-3, _EXACT)
    return int(exact.to_integral_value(ROUND_FLOOR, _EXACT))
