"""How many separate episodes of a scope's own past went as far as this one: its highest peaks, kept apart from each other.

Ranks among peaks hold for any distribution, unit and length, and a new record comes ever more rarely (about 1 / n). No tail is fitted but beyond
the record, and there it is a heavy one, a power of the distance: what lies ten times the spread of the peaks above them is worth 4.8 nats, not 10.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import Final

import msgspec
from msgspec import Struct

KEPT: Final = 32  # a value below the 32 highest peaks is no evidence at all
APART: Final = 8  # rows: higher values sooner than that are the same episode
TAIL_INDEX: Final = 2.0  # of the power that the tail beyond the record falls off with
BEYOND_MAX: Final = 8.0  # nats for lying beyond the record
HALF: Final = 0.5  # an episode not yet seen
NONE: Final = -math.inf  # no episode is going on
MEMORY_ROWS: Final = 5000  # then an episode is forgotten, so that a long past does not make deaf


class Peaks(Struct, array_like=True):
    """The highest separate values so far.

    >>> p = Peaks()
    >>> heard = [p.learn(float(k % 40)) for k in range(400)]
    >>> len(p.highest), p.nats(5.0), round(p.nats(38.5), 2), round(p.nats(400.0), 2)
    (32, 0.0, 1.13, 12.17)
    """

    highest: list[float] = msgspec.field(default_factory=list)  # ascending
    seen: list[int] = msgspec.field(default_factory=list)  # the row of each
    row: int = 0
    since: int = 0
    now: float = NONE
    oldest: int = 0  # none of `seen` is before it; how far after is looked up when it matters

    def nats(self, value: float) -> float:
        """Evidence that `value` is no part of the past: -ln of the share of kept episodes that went as far, 0 if it is not among them."""
        highest = self.highest
        if not highest or value <= highest[0]:
            return 0.0
        return math.log((len(highest) + HALF) / self.episodes(value))

    def episodes(self, value: float) -> float:
        """How many separate episodes like it so long a past would hold: those that went as far and half a one, beyond the record ever less."""
        peaks = self.highest
        above = len(peaks) - bisect_left(peaks, value)
        if above or len(peaks) < 2:
            return above + HALF
        spread = (peaks[-1] - peaks[0] or abs(peaks[-1])) / math.log(len(peaks))
        if spread == 0.0:
            return HALF * math.exp(-BEYOND_MAX)
        return HALF * math.exp(-min(BEYOND_MAX, TAIL_INDEX * math.log1p((value - peaks[-1]) / spread)))

    @property
    def lowest(self) -> float:
        """What is not above it has been seen too often to say how often; 0 while there is room for more."""
        return self.highest[0] if len(self.highest) == KEPT else 0.0

    def learn(self, value: float) -> float:
        """Take in the value of one more row; returns its `nats` beside the rows before it."""
        highest = self.highest
        is_low = bool(highest) and value <= highest[0]  # nearly always
        nats = 0.0 if is_low else self.nats(value)
        self.row = row = self.row + 1
        self.since = since = self.since + 1
        if since <= APART:
            if value > self.now > NONE:
                self._drop(bisect_left(highest, self.now))
                self._keep(value)
            return nats
        if len(highest) >= KEPT and not (row - self.oldest > MEMORY_ROWS and self._forgets()):
            if is_low:
                self.now = NONE
                return nats
            self._drop(0)
        self._keep(value)
        self.since = 0
        return nats

    def _forgets(self) -> bool:
        """Whether the oldest was too old, and is gone."""
        self.oldest = min(self.seen)
        if self.row - self.oldest <= MEMORY_ROWS:
            return False
        self._drop(self.seen.index(self.oldest))
        return True

    def _keep(self, value: float) -> None:
        at = bisect_left(self.highest, value)
        self.highest.insert(at, value)
        self.seen.insert(at, self.row)
        self.now = value

    def _drop(self, at: int) -> None:
        del self.highest[at]
        del self.seen[at]
