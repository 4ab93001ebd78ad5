"""Money is a whole number of nano-dollars; prices are whole pico-dollars per token. Nothing here is a float on its way in or out.

A record is summed exactly in pico-dollars and rounded down once to the nano-dollar; told costs round half-even.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from fractions import Fraction
from typing import Final

NANO: Final = 10**9
CENT: Final = NANO // 100
PICO_PER_NANO: Final = 1000
USD_MAX: Final = 10**9  # one record may not cost more than a thousand million dollars
_EXACT: Final = Context(prec=600)
_SURE: Final = 2.0**43  # below it a product of floats is off by less than 1/500 of a nano-dollar


def nanos_of(amount: str | float | int) -> int:  # noqa: PYI041 -- an int and a float take different ways below
    """A told amount of dollars as nano-dollars, half-even; a float counts by its shortest text.

    Raises ValueError, saying what is wrong, when the amount is no finite number or beyond USD_MAX.

    >>> nanos_of("0.0000000125"), nanos_of(0.1), nanos_of("-2")
    (12, 100000000, -2000000000)
    """
    if not isinstance(amount, int):
        try:
            scaled = float(amount) * 1e9
        except ValueError:
            raise ValueError("is not a decimal number") from None
        if -_SURE < scaled < _SURE and abs(scaled % 1.0 - 0.5) > 0.01:
            return round(scaled)
    try:
        exact = Decimal(repr(amount) if isinstance(amount, float) else amount)
    except (InvalidOperation, ValueError):
        raise ValueError("is not a decimal number") from None
    if not exact.is_finite():
        raise ValueError("must be finite")
    if not exact or exact.adjusted() < -20:
        return 0
    if exact.adjusted() > 9 or abs(exact) > USD_MAX:
        raise ValueError(f"must be between -{USD_MAX} and {USD_MAX} dollars")
    return int(exact.scaleb(9, _EXACT).to_integral_value(ROUND_HALF_EVEN, _EXACT))


def usd(nanos: int) -> str:
    """Nano-dollars as exact decimal text: at least two places, no idle zeros behind them.

    >>> usd(1_230_000_000), usd(-5), usd(0)
    ('1.23', '-0.000000005', '0.00')
    """
    sign, n = ("-", -nanos) if nanos < 0 else ("", nanos)
    places = f"{n % NANO:09d}".rstrip("0").ljust(2, "0")
    return f"{sign}{n // NANO}.{places}"


def told(nanos: int) -> int:
    """Nano-dollars as `spoken` shows them.

    >>> told(38_204_000_000), told(12_345_678)
    (38200000000, 12300000)
    """
    unit = CENT if abs(nanos) >= NANO // 10 else CENT // 100
    return round(Fraction(nanos, unit)) * unit


def spoken(nanos: int) -> str:
    """Nano-dollars as a person reads them: cents, or four places under ten cents.

    >>> spoken(38_204_000_000), spoken(1_234_567_890_000), spoken(12_300_000), spoken(-2_000_000_000)
    ('$38.20', '$1,234.57', '$0.0123', '-$2.00')
    """
    sign, n = ("-", -nanos) if nanos < 0 else ("", nanos)
    dollars = Decimal(n).scaleb(-9, _EXACT)
    return f"{sign}${dollars:,.4f}" if 0 < n < NANO // 10 else f"{sign}${dollars:,.2f}"
