"""Many floats as bytes, to seven digits: a list of them takes 32 bytes a number and is read and written number by number, these take 4 and are copied."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    Packed: TypeAlias = bytearray
else:
    Packed = bytearray | list[float]  # what a snapshot may hold: it was a list once, which `packed` makes bytes of

FLOAT_BYTES: Final = 4
WHOLE_MAX: Final = 2.0**24  # whole numbers up to it are kept exactly
FLOAT_MAX: Final = 3e38
LAYOUTS_KNOWN: Final = 512
_ONE: Final = Struct("<f")


def packed(values: Iterable[float]) -> bytearray:
    """So many numbers, little-endian; none beyond 3e38.

    >>> unpacked(packed([1.0, 2.5]))
    (1.0, 2.5)
    """
    numbers = tuple(values)
    return bytearray(_layout(len(numbers)).pack(*numbers))


def unpacked(raw: bytearray, first: int = 0) -> tuple[float, ...]:
    """All of them from the number `first` on, counted from 0."""
    return _layout(len(raw) // FLOAT_BYTES - first).unpack_from(raw, first * FLOAT_BYTES)


def is_packed(raw: object) -> bool:
    """Whether it is bytes already, and no list of an older dump."""
    return isinstance(raw, bytearray)


def number_at(raw: bytearray, at: int) -> float:
    """The number at `at`, counted from 0."""
    value: float
    (value,) = _ONE.unpack_from(raw, at * FLOAT_BYTES)
    return value


def put(raw: bytearray, at: int, value: float) -> None:
    """Change the number at `at`, counted from 0."""
    _ONE.pack_into(raw, at * FLOAT_BYTES, min(value, FLOAT_MAX))


@lru_cache(LAYOUTS_KNOWN)
def _layout(count: int) -> Struct:
    return Struct(f"<{count}f")
