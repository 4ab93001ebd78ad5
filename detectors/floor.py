"""The smallest prompts rise: what every call carries (the system prompt, the tools) has grown, whatever users send.

System prompts make the second smallest of many prompts nearly constant. For some numbers of prompts N the evidence is how far it stands above the largest
such value of earlier prompts, in units of how much it usually moves; no distribution is assumed, a shift of what users send leaves it alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import chain
from struct import Struct as Layout
from typing import Any, ClassVar, Final, TypeAlias

from msgspec import field

from detectors.base import Expectation, Features, number
from detectors.packed import Packed, is_packed, packed
from detectors.sequential import Sequential

SIZES: Final = (8, 16, 32, 64)  # prompts
NOISE: Final = 0.04  # log units that a floor may always move
PER_STEP: Final = 2.0  # nats a unit of movement
TOKENS_MAX: Final = 1e9
LEVEL_MAX: Final = 40.0
_Window: TypeAlias = tuple[float, float, float]
_WINDOW: Final = Layout("<3f")
_Seen: TypeAlias = tuple[_Window, list[_Window], list[float]]


class Floor(Sequential, array_like=True, tag="floor"):
    """`n` prompts in the window, the smallest `low` and the next `second` of them, in tokens.

    >>> d = Floor()
    >>> for k in range(500): d.learn_one({"n": 4.0, "low": 1000.0 + k % 7, "second": 1010.0 + k % 9})
    >>> d.score_one({"n": 9.0, "low": 1006.0, "second": 1018.0}), d.score_one({"n": 9.0, "low": 1800.0, "second": 1900.0}) > 5.0
    (0.0, True)
    """

    name: ClassVar[str] = "floor"

    recent: Packed = field(default_factory=bytearray)
    records: list[float] = field(default_factory=lambda: [-1.0] * len(SIZES))
    means: list[float] = field(default_factory=lambda: [0.0] * len(SIZES))
    squares: list[float] = field(default_factory=lambda: [0.0] * len(SIZES))
    seen: list[float] = field(default_factory=lambda: [0.0] * len(SIZES))

    def __post_init__(self) -> None:
        """What was dumped as a list of windows is bytes now."""
        if not is_packed(self.recent):
            self.recent = _laid_out(self.recent)

    def level(self, x: Features) -> float:
        """The best number of prompts' evidence."""
        return self.weigh(x)[0]

    def weigh(self, x: Features) -> tuple[float, _Seen]:
        """The level, with the window, with it all that are remembered, and the floor of each number of prompts."""
        window, windows = _window(x), self._windows()
        if window[0] >= 1.0:
            windows.append(window)
        floors = _floors(windows)
        best = 0.0
        for at, floor in enumerate(floors):
            if self.records[at] >= 0.0 and floor > self.records[at]:
                spread = math.sqrt(max(self.squares[at], 0.0))
                best = max(best, PER_STEP * (floor - self.records[at]) / (NOISE + spread))
        return min(LEVEL_MAX, best), (window, windows, floors)

    def keep(self, x: Features, seen: _Seen) -> None:  # noqa: ARG002 -- it has been read
        """The window follows the others, as far back as the largest number of prompts needs."""
        window, windows, _ = seen
        if window[0] < 1.0:
            return
        self.recent += packed(window)
        n, first = sum([count for count, _, _ in windows]), 0
        while n - windows[first][0] >= 2 * SIZES[-1]:
            n -= windows[first][0]
            first += 1
        del self.recent[: _WINDOW.size * first]

    def learn(self, x: Features, seen: _Seen) -> None:  # noqa: ARG002 -- it has been read
        """What lies a whole number of prompts back sets the record."""
        window, _, floors = seen
        if window[0] < 1.0:
            return
        for at, floor in enumerate(floors):
            self.seen[at] = min(self.seen[at] + 1.0, 500.0)
            away = floor - self.means[at]
            self.means[at] += away / self.seen[at]
            self.squares[at] += (away * (floor - self.means[at]) - self.squares[at]) / self.seen[at]
            self.records[at] = max(self.records[at], floor)

    def observed(self, x: Features) -> float:
        """The floor of the latest prompts in tokens; the window's smallest while there are few."""
        floors = _floors([*self._windows(), _window(x)])
        return math.exp(floors[0]) if floors else _window(x)[1]

    def expected(self, x: Features) -> Expectation:  # noqa: ARG002 -- the same for every window
        """The usual floor in tokens, and its record."""
        usual, record = math.exp(self.means[0]) if self.seen[0] else 0.0, math.exp(max(self.records[0], 0.0))
        return Expectation(usual, 0.0, max(usual, record))

    def _windows(self) -> list[_Window]:
        """Those that are remembered, the oldest first."""
        return list(_WINDOW.iter_unpack(self.recent))


def _window(x: Features) -> _Window:
    n, low = number(x, "n", 0.0, TOKENS_MAX), max(1.0, number(x, "low", 1.0, TOKENS_MAX))
    return n, low, max(low, number(x, "second", TOKENS_MAX, TOKENS_MAX))


def _floors(recent: list[_Window]) -> list[float]:
    """The logs of the second smallest of the last prompts, 8 of them or a few more, 16 and so on, as far as there are so many."""
    found: list[float] = []
    n, least, next_least = 0.0, math.inf, math.inf
    for count, low, second in reversed(recent):
        n += count
        if low < least:
            least, next_least = low, least
        elif low < next_least:
            next_least = low
        if count > 1 and second < next_least:
            next_least = second
        while n >= SIZES[len(found)]:
            found.append(math.log(next_least))
            if len(found) == len(SIZES):
                return found
    return found


def _laid_out(windows: Iterable[Any]) -> bytearray:
    return packed(chain.from_iterable(windows))
