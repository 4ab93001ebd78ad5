"""Many floats as bytes: a list of them takes 32 bytes a number and is read and written number by number, these take 8 and are copied."""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct, pack, unpack
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    Packed: TypeAlias = bytearray
else:
    Packed = bytearray | list[float]  # what a snapshot may hold: it was a list once, which `packed` makes bytes of

FLOAT_BYTES: Final = 8
_ONE: Final = Struct("<d")


def packed(values: Iterable[float]) -> bytearray:
    """So many numbers, little-endian.

    >>> unpacked(packed([1.0, 2.5]))
    (1.0, 2.5)
    """
    numbers = tuple(values)
    return bytearray(pack(f"<{len(numbers)}d", *numbers))


def unpacked(raw: bytearray) -> tuple[float, ...]:
    """All of them."""
    return unpack(f"<{len(raw) // FLOAT_BYTES}d", raw)


def is_packed(raw: object) -> bool:
    """Whether it is bytes already, and no list of an older dump."""
    return isinstance(raw, bytearray)


def put(raw: bytearray, at: int, value: float) -> None:
    """Change the number at `at`, counted from 0."""
    _ONE.pack_into(raw, at * FLOAT_BYTES, value)
