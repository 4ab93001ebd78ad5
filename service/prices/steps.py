"""Values that change at known times: a price list that is dated, a rate that holds from a day on."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import Final, Generic, NamedTuple, TypeVar

T = TypeVar("T")
EVER: Final = -(1 << 62)  # before all times


class Steps(NamedTuple, Generic[T]):
    """`values[i]` holds from `starts[i]` until the next start; the first start is EVER."""

    starts: tuple[int, ...]
    values: tuple[T, ...]

    def at(self, ms: int) -> T:
        """What holds then.

        >>> Steps((EVER, 1000), ("old", "new")).at(999), Steps((EVER, 1000), ("old", "new")).at(1000)
        ('old', 'new')
        """
        return self.values[0] if len(self.starts) == 1 else self.values[bisect_right(self.starts, ms) - 1]


def steps(changes: Iterable[int | None], value_at: Callable[[int], T]) -> Steps[T]:
    """The steps of a function of time that changes at `changes` only; equal neighbours are one step."""
    starts: list[int] = []
    values: list[T] = []
    for start in sorted({EVER, *(ms for ms in changes if ms is not None)}):
        value = value_at(start)
        if not values or value != values[-1]:
            starts.append(start)
            values.append(value)
    return Steps(tuple(starts), tuple(values))
