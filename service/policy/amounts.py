"""Money, prices and factors as they are written, read exactly.

Law of this file: a number or decimal text in, whole numbers out (nano-dollars, pico-dollars, a fraction), and back as a text that
reads as the same. A float counts by its shortest text. All raise ValueError with what must be written.
"""

from __future__ import annotations

from decimal import Context, Decimal, InvalidOperation
from typing import Final

from service.money import USD_MAX, nanos_of

PICO_PER_USD: Final = 10**12
PICO_PER_USD_PER_MTOK: Final = 10**6  # prices of tokens are written per million of them
DIGITS_MAX: Final = 64  # of a number that is written as text
_EXACT: Final = Context(prec=200)


def usd_nanos(value: object) -> int:
    """Dollars as nano-dollars, half-even.

    >>> usd_nanos(12000), usd_nanos("0.25")
    (12000000000000, 250000000)
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be an amount of dollars such as 12000 or 0.25")  # noqa: TRY004
    return nanos_of(value)


def above_zero(number: int) -> int:
    """The number, if there is something of it."""
    if number <= 0:
        raise ValueError("must be above 0")
    return number


def expected_nanos(value: object) -> int | None:
    """What a run is expected to cost, in nano-dollars; None where that is learned.

    >>> expected_nanos("learned"), expected_nanos(0.5)
    (None, 500000000)
    """
    if value is None or value == "learned":
        return None
    if isinstance(value, str) and not value[:1].isdigit():
        raise ValueError("must be learned, or an amount of dollars above 0")
    return above_zero(usd_nanos(value))


def token_pico(usd_per_mtok: object) -> int:
    """Dollars per million tokens as whole pico-dollars per token; raises ValueError.

    >>> token_pico(0.0375), token_pico(3), token_pico("15.0")
    (37500, 3000000, 15000000)
    """
    return _whole_pico(usd_per_mtok, PICO_PER_USD_PER_MTOK, 6)


def unit_pico(usd_per_unit: object) -> int:
    """Dollars per unit (a query, a second) as whole pico-dollars per unit; raises ValueError.

    >>> unit_pico(0.0004)
    400000000
    """
    return _whole_pico(usd_per_unit, PICO_PER_USD, 12)


def ratio(value: object) -> tuple[int, int]:
    """A positive factor as an exact fraction; raises ValueError.

    >>> ratio(0.5), ratio("1.08")
    ((1, 2), (27, 25))
    """
    exact = _decimal(value, "must be a number")
    if not 0 < exact <= 10**9:
        raise ValueError(f"must be above 0 and at most {10**9}")
    return exact.as_integer_ratio()


def decimal_text(whole: int, per_one: int) -> str:
    """`whole / per_one` as decimal text; `per_one` has no prime factor but 2 and 5, so the text is exact.

    >>> decimal_text(37_500, 1_000_000)
    '0.0375'
    """
    return f"{_EXACT.divide(Decimal(whole), Decimal(per_one)):f}"


def _decimal(value: object, what: str) -> Decimal:
    """A number or decimal text, exactly; a float by its shortest text."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or len(text := repr(value) if isinstance(value, float) else str(value)) > DIGITS_MAX:
        raise ValueError(what)
    try:
        exact = Decimal(text)
    except InvalidOperation:
        raise ValueError(what) from None
    if not exact.is_finite() or abs(exact.adjusted()) > DIGITS_MAX:
        raise ValueError(what)
    return exact


def _whole_pico(value: object, pico_per_one: int, places: int) -> int:
    """A price as whole pico-dollars of whatever it is the price of."""
    exact = _decimal(value, "must be a price in dollars such as 3 or 0.0375")
    if not 0 <= exact <= USD_MAX:
        raise ValueError(f"must be between 0 and {USD_MAX}")
    pico, rest = _EXACT.divmod(_EXACT.multiply(exact, Decimal(pico_per_one)), Decimal(1))
    if rest:
        raise ValueError(f"must have at most {places} decimal places, since prices are whole pico-dollars")
    return int(pico)
