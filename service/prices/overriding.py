"""Which price holds at a time: the list's, or a policy's on top of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from service.policy import ModelPrice
from service.prices.rates import Rates
from service.prices.steps import EVER
from service.prices.table import Dated


class Held(Protocol):
    """Anything that holds from a time (None: ever) until before another (None: for ever)."""

    @property
    def from_ms(self) -> int | None: ...  # noqa: D102 -- said above

    @property
    def to_ms(self) -> int | None: ...  # noqa: D102


H = TypeVar("H", bound=Held)


def since(entry: Held) -> int:
    """When an entry begins to hold."""
    return EVER if entry.from_ms is None else entry.from_ms


def holding(entries: Iterable[H], ms: int) -> H | None:
    """The first of the entries that holds at that time."""
    return next((entry for entry in entries if since(entry) <= ms and (entry.to_ms is None or ms < entry.to_ms)), None)


def newest_first(entries: Sequence[H]) -> list[H]:
    """By the time they begin, the later first; of two alike the later written."""
    order = sorted(range(len(entries)), key=lambda index: (since(entries[index]), index), reverse=True)
    return [entries[index] for index in order]


def listed_at(listed: Sequence[Dated], ms: int) -> Rates | None:
    """The list's price then; its first one holds before its date too."""
    if not listed:
        return None
    return next((dated.rates for dated in reversed(listed) if (dated.from_ms or EVER) <= ms), listed[0].rates)


def merged(base: Rates | None, over: ModelPrice | None) -> Rates | None:
    """The list's price with what an override says; None where neither has a price of fresh input or of output."""
    if over is None:
        return base
    tier = over.tier or (base.tier if base else "")
    fresh = over.input_pico if over.input_pico is not None else base and base.input
    output = over.output_pico if over.output_pico is not None else base.output if base else 0 if tier == "embedding" else None
    if fresh is None or output is None:
        return None
    cached = base or Rates(fresh, fresh, fresh, output)
    numerator, denominator = over.batch or (cached.batch_numerator, cached.batch_denominator)
    return Rates(
        input=fresh,
        cache_read=cached.cache_read if over.cache_read_pico is None else over.cache_read_pico,
        cache_write=cached.cache_write if over.cache_write_pico is None else over.cache_write_pico,
        output=output,
        batch_numerator=numerator,
        batch_denominator=denominator,
        tier=tier,
        source="policy",
    )
