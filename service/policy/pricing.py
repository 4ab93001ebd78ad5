"""Entries that say what things cost: overrides of list prices, prices of other units, currencies."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, TypeAlias

from pydantic import AfterValidator, Discriminator, Field, Tag

from service.policy.limits import Entry
from service.policy.values import Instant, Name, Ratio, TokenPrice, UnitPrice

BY_MODEL: Final = "by model"
BY_UNIT: Final = "by unit"


class ModelPrice(Entry):
    """Pico-dollars per token of a model; what is left out stays as the table has it. Holds from `from_ms` until before `to_ms`."""

    TAG: ClassVar = BY_MODEL

    model: Name
    provider: Name | None = None
    tier: Name | None = None
    input_pico: TokenPrice | None = Field(default=None, alias="input")
    cache_read_pico: TokenPrice | None = Field(default=None, alias="cache_read")
    cache_write_pico: TokenPrice | None = Field(default=None, alias="cache_write")
    output_pico: TokenPrice | None = Field(default=None, alias="output")
    batch: Ratio | None = None
    from_ms: Instant | None = Field(default=None, alias="from")
    to_ms: Instant | None = Field(default=None, alias="to")


class OperationPrice(Entry):
    """Pico-dollars per unit of an operation that is not billed by token."""

    TAG: ClassVar = BY_UNIT

    operation: Name
    unit: Name
    price_pico: UnitPrice = Field(alias="price")
    from_ms: Instant | None = Field(default=None, alias="from")
    to_ms: Instant | None = Field(default=None, alias="to")


def _which(entry: Any) -> str:
    keys = set(entry) if isinstance(entry, dict) else set(type(entry).model_fields)
    return BY_UNIT if keys & {"operation", "unit", "price"} and "model" not in keys else BY_MODEL


Override: TypeAlias = Annotated[Annotated[ModelPrice, Tag(BY_MODEL)] | Annotated[OperationPrice, Tag(BY_UNIT)], Discriminator(_which)]


class Prices(Entry):
    """What differs from the built-in table."""

    overrides: tuple[Override, ...] = ()


def _code(text: str) -> str:
    if len(text) != 3 or not text.isascii() or not text.isalpha() or not text.isupper():
        raise ValueError("must be a currency code of three capital letters such as EUR")
    if text == "USD":
        raise ValueError("is what everything is counted in; a rate for it cannot be set")
    return text


class Currency(Entry):
    """Dollars for one unit of a currency, exactly, from a day on until the next entry of that currency."""

    currency: Annotated[str, AfterValidator(_code)]
    usd: Ratio
    from_ms: Instant | None = Field(default=None, alias="from")
    to_ms: Instant | None = Field(default=None, alias="to")
