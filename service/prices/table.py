"""The built-in table: public list prices as data, one file per seller, each price with the day it holds from.

The files say when and from which pages they were read. Nothing is guessed: a model that is not there has no price.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Final, Literal

import msgspec
from msgspec import Struct

from service.policy.amounts import ratio, token_pico
from service.prices.rates import Rates

Tier = Literal["small", "mid", "large", "embedding"]


class Listed(Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """One line of a file: dollars per million tokens, as the page says it. What is left out of a cache costs as fresh input."""

    model: str
    tier: Tier
    input: Decimal
    aliases: tuple[str, ...] = ()
    from_: date | None = None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    output: Decimal | None = None
    batch: Decimal | None = None


class Page(Struct, frozen=True, forbid_unknown_fields=True):
    """One file. `holds`: these prices hold `everywhere` the model is served, where the seller is `unnamed` too, or only `here`."""

    provider: str
    holds: Literal["everywhere", "unnamed", "here"]
    read: date
    sources: tuple[str, ...]
    note: str
    models: tuple[Listed, ...]
    batch: Decimal = Decimal(1)


class Dated(Struct, frozen=True):
    """Prices from a time on; None is since ever."""

    from_ms: int | None
    rates: Rates


class Table(Struct, frozen=True):
    """All pages by seller and lower-case name. `read` is the day of the newest page."""

    read: date
    by_seller: dict[tuple[str, str], tuple[Dated, ...]]
    unnamed: dict[str, tuple[Dated, ...]]
    everywhere: dict[str, tuple[Dated, ...]]

    def find(self, seller: str, name: str) -> tuple[Dated, ...]:
        """A model's prices in the order of their dates; empty where the table has none."""
        known = self.by_seller.get((seller, name)) or (self.everywhere if seller else self.unnamed).get(name)
        return known or ()


_MIDNIGHT: Final = time(tzinfo=UTC)
_PAGE: Final = msgspec.json.Decoder(Page)


@cache
def pages() -> tuple[Page, ...]:
    """The files as they are, sorted by name; raises msgspec's ValidationError where one is broken."""
    folder = files("service.prices").joinpath("data")
    found = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".json")), key=lambda entry: entry.name)
    return tuple(_PAGE.decode(entry.read_bytes()) for entry in found)


@cache
def table() -> Table:
    """The table as it is looked up."""
    by_seller: dict[tuple[str, str], tuple[Dated, ...]] = {}
    for page in pages():
        for name, dated in _by_name(page).items():
            by_seller[page.provider, name] = tuple(sorted(dated, key=lambda d: d.from_ms or 0))
    holding = {page.provider: page.holds for page in pages()}
    everywhere = {name: dated for (seller, name), dated in by_seller.items() if holding[seller] == "everywhere"}
    unnamed = {name: dated for (seller, name), dated in by_seller.items() if holding[seller] == "unnamed"}
    return Table(max(page.read for page in pages()), by_seller, unnamed | everywhere, everywhere)


def _by_name(page: Page) -> dict[str, list[Dated]]:
    found: dict[str, list[Dated]] = {}
    for listed in page.models:
        from_ms = int(datetime.combine(listed.from_, _MIDNIGHT).timestamp()) * 1000 if listed.from_ else None
        for name in (listed.model, *listed.aliases):
            found.setdefault(name.lower(), []).append(Dated(from_ms, _rates(page, listed)))
    return found


def _rates(page: Page, listed: Listed) -> Rates:
    fresh = token_pico(str(listed.input))
    read, write, output = (None if price is None else token_pico(str(price)) for price in (listed.cache_read, listed.cache_write, listed.output))
    return Rates(
        input=fresh,
        cache_read=fresh if read is None else read,
        cache_write=fresh if write is None else write,
        output=0 if output is None else output,
        batch_numerator=(batch := ratio(str(listed.batch if listed.batch is not None else page.batch)))[0],
        batch_denominator=batch[1],
        tier=listed.tier,
        source=f"list of {page.read}",
    )
