"""Why the money was spent, in dollars: the drivers of an excess as shown add up to the excess as shown, to the cent."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from service.facts import Cause, DimensionShare, Scope
from service.money import CENT
from service.phrases import DETAIL_MAX, LIST_MAX, called, counted, percent, shown, spelt

NOBODYS: Final = "no single cause: who and what is spread as ever"
_FINE: Final = CENT // 100
_WORDS: Final = {
    "executions": ("more executions", "fewer executions"),
    "calls_per_execution": ("more calls per execution", "fewer calls per execution"),
    "retries": ("more retries", "fewer retries"),
    "input_tokens": ("more input tokens per call", "fewer input tokens per call"),
    "output_tokens": ("more output tokens per call", "fewer output tokens per call"),
    "cache": ("less input served from the cache", "more input served from the cache"),
    "model_mix": ("dearer models", "cheaper models"),
    "price": ("higher prices", "lower prices"),
    "other_layers": ("more for search, tools and other layers", "less for search, tools and other layers"),
}


def amounts(cause: Cause) -> tuple[str, tuple[str, ...]]:
    """The excess in words and a line for each driver that counts, the largest first; the lines' money adds up to the excess.

    >>> from service.facts import DriverShare
    >>> amounts(Cause("cache", 1.0, [DriverShare("cache", 2_005_000_000), DriverShare("executions", 1_005_000_000)], []))
    ('$3.01 more than expected', ('+ $2.01  less input served from the cache', '+ $1.00  more executions'))
    """
    head, parts = portions(cause)
    width = max((len(part.dollars) for part in parts), default=0)
    return head, tuple(f"{part.sign} {part.dollars:>{width}}  {part.words}" for part in parts)


class Portion(NamedTuple):
    """One driver's part of an excess as a person reads it; `units` are cents, or hundredths of a cent, and those of all parts add up."""

    words: str
    units: int
    dollars: str

    @property
    def sign(self) -> str:
        """Whether it adds to the spend."""
        return "-" if self.units < 0 else "+"


def portions(cause: Cause) -> tuple[str, list[Portion]]:
    """The excess in words and each driver that counts, the largest first."""
    ranked = sorted(cause.drivers, key=lambda part: (-abs(part.nanos), part.driver))
    total = sum(part.nanos for part in ranked)
    unit, places = (CENT, 2) if abs(total) >= 10 * CENT else (_FINE, 4)
    units = rounded([part.nanos for part in ranked], unit)
    head = f"{_dollars(abs(sum(units)), places)} {'less' if total < 0 else 'more'} than expected"
    return head, [Portion(_driver(part.driver, count), count, _dollars(abs(count), places)) for part, count in zip(ranked, units, strict=True) if count]


def rounded(parts: Sequence[int], unit: int) -> list[int]:
    """Whole units of each part whose sum is the total's own rounding: what is left goes to the largest remainders.

    >>> rounded([15, 15, -4], 10), rounded([4, 4, 4], 10)
    ([2, 1, 0], [1, 0, 0])
    """
    floors = [part // unit for part in parts]
    left = round(Fraction(sum(parts), unit)) - sum(floors)  # half to even, as `spoken` rounds
    by_remainder = sorted(range(len(parts)), key=lambda at: (-(parts[at] % unit), at))
    return [floors[at] + (at in by_remainder[:left]) for at in range(len(parts))]


def where(dimensions: Sequence[DimensionShare]) -> tuple[str, ...]:
    """A line for each member that carries a good part of the excess, the largest first; or that there is no single cause.

    >>> where([DimensionShare("model", "gpt-5", 0.62)]), where([])
    (('62 % of it: model gpt-5',), ('no single cause: who and what is spread as ever',))
    """
    if not dimensions:
        return (NOBODYS,)
    ranked = sorted(dimensions, key=lambda part: (-part.share, part.kind, part.name))
    lines = [f"{percent(part.share)} of it: {called(Scope(part.kind, part.name))}" for part in ranked[:LIST_MAX]]
    return (*lines, f"and {counted(len(ranked) - LIST_MAX, 'smaller part')}") if len(ranked) > LIST_MAX else tuple(lines)


def changed(changes: Sequence[str]) -> tuple[str, ...]:
    """A line for each thing that was done on purpose shortly before."""
    lines = tuple(f"shortly before: {shown(change, DETAIL_MAX)}" for change in changes[:LIST_MAX])
    return (*lines, f"and {counted(len(changes) - LIST_MAX, 'other change')}") if len(changes) > LIST_MAX else lines


def _driver(driver: str, count: int) -> str:
    return _WORDS.get(driver, (spelt(driver), f"less {spelt(driver)}"))[count < 0]


def _dollars(units: int, places: int) -> str:
    return f"${Decimal(units).scaleb(-places):,.{places}f}"
