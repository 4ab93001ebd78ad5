"""Novelty: does this row show anything that the series has hardly ever shown. For series of any unit, length and sampling.

Five looks at the series (beside its recent level, short against long mean, roughness, beside the same time of yesterday, course of the last rows),
each compared with the highest separate peaks of its own past (`peaks`), and their evidence added up. Nothing is fitted and nothing has a unit.
"""

from __future__ import annotations

import math
from typing import ClassVar, Final, Self

import msgspec
from msgspec import Struct

from detectors.base import Expectation, Features
from detectors.peaks import MEMORY_ROWS, Peaks
from detectors.sample import Sample
from detectors.shapes import Shape, Shapes
from detectors.yesterday import Yesterday

WARM_ROWS: Final = 240
PACES: Final = (1 / 64, 1 / 16, 1 / 128, 1 / 8)  # of the means, per row: `level`, `middle`, `slow`, `rough`
EVEN_ROWS: Final = 128  # until then the first rows count evenly
RECENT: Final = 15  # rows that make a shape with the one that is looked at
BLOCK: Final = 4
STILL_ROWS: Final = 256  # rows without any change, from which on nothing is learned about what is usual
REACH: Final = 64.0  # evidence grows no more from there on (`peaks.BEYOND_MAX`)
HELD: Final = 5.0  # nats from which a row is no example of what is usual
VALUE_MAX: Final = 1e15


class Looks(Struct, gc=False):
    """One row seen five ways, the first three of which have two sides; and the means with it: `level`, `middle`, `slow`."""

    level: float
    trend: float
    season: float
    rough: float
    shape: Shape
    means: tuple[float, float, float]


class Novelty(Struct):
    """How far a series is from everything it did before.

    >>> d = Novelty()
    >>> def row(k, value): return {"spend": value, "start_s": 300.0 * k, "width_s": 300.0}
    >>> for k in range(1000): d.learn_one(row(k, 5.0 + k % 7))
    >>> d.nats(row(1000, 11.0)), d.nats(row(1000, 60.0)) > 20, round(d.expected(row(1000, 60.0)).value)
    (0.0, True, 8)
    """

    name: ClassVar[str] = "novelty"

    rows: int = 0
    still: int = 0
    seen_s: float = 0.0
    last: float = 0.0
    level: float = 0.0
    middle: float = 0.0
    slow: float = 0.0
    rough: float = 0.0
    recent: list[float] = msgspec.field(default_factory=list)
    yesterday: Yesterday = msgspec.field(default_factory=Yesterday)
    shapes: Shapes = msgspec.field(default_factory=Shapes)
    sample: Sample = msgspec.field(default_factory=Sample)
    above: list[Peaks] = msgspec.field(default_factory=lambda: [Peaks(), Peaks(), Peaks()])
    below: list[Peaks] = msgspec.field(default_factory=lambda: [Peaks(), Peaks(), Peaks()])
    rougher: Peaks = msgspec.field(default_factory=Peaks)
    farther: Peaks = msgspec.field(default_factory=Peaks)
    totals: Peaks = msgspec.field(default_factory=Peaks)

    @property
    def warm(self) -> bool:
        """Whether enough rows were seen."""
        return self.rows >= WARM_ROWS

    def nats(self, x: Features) -> float:
        """The evidence in this row, all looks together; 0 until warm and for a row without a number."""
        value = _value(x)
        if value is None or not self.warm:
            return 0.0
        value = self._within_reach(value)
        looks = self._look(value, *_time(x, self.seen_s))
        return self._evidence(looks, self.shapes.farness(looks.shape))

    def score_one(self, x: Features) -> float:
        """-log10 of the episodes a day that would be as new as this row."""
        nats = self.nats(x)
        if nats <= self.totals.lowest:
            return 0.0
        days = self.seen_s / 86_400 * min(1.0, MEMORY_ROWS / self.rows)
        return max(0.0, math.log10(max(1.0, days) / self.totals.episodes(nats)))

    def learn_one(self, x: Features) -> None:
        """Take in one row; one without a number is as if it had not come."""
        self.meet(x)

    def meet(self, x: Features) -> float:
        """`nats` and then `learn_one`, at the price of one of them."""
        value = _value(x)
        if value is None:
            return 0.0
        if self.rows == 0:
            self.last = self.level = self.middle = self.slow = value
            self.recent = [value] * RECENT
        if self.rows >= WARM_ROWS:
            value = self._within_reach(value)
        start_s, width_s = _time(x, self.seen_s)
        looks = self._look(value, start_s, width_s)
        farness = self.shapes.farness(looks.shape)
        self.still = self.still + 1 if value == self.last else 0
        if self.still <= STILL_ROWS:
            nats = self._remember(looks, farness)
            if nats < HELD:
                self.sample.learn(value)
        else:
            nats = self._evidence(looks, farness) if self.warm else 0.0
        self.yesterday.learn(start_s, width_s, value)
        self.seen_s += width_s
        self._follow(value, looks)
        return nats

    def expected(self, x: Features) -> Expectation:  # noqa: ARG002 -- the same for every row: what the series usually holds
        """The mean of the past, evenly sampled, and the range of nineteen in twenty of it."""
        return self.sample.expectation()

    def dump(self) -> bytes:
        """The whole detector as MessagePack."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def load(cls, raw: bytes) -> Self:
        """The detector that was dumped."""
        return msgspec.msgpack.decode(raw, type=cls)

    def _within_reach(self, value: float) -> float:
        """The value, but no farther from the level than REACH times what is farthest so far: one that is broken must not be what is usual for weeks."""
        far = max(self.above[0].highest[-1], self.below[0].highest[-1])
        if abs(value - self.level) <= REACH * far or far <= 0.0:
            return value
        return self.level + math.copysign(REACH * far, value - self.level)

    def _look(self, value: float, start_s: float, width_s: float) -> Looks:
        """The five looks at a row that is not yet learned."""
        paces = PACES if self.rows >= EVEN_ROWS else [max(pace, 1.0 / (self.rows + 1)) for pace in PACES]
        level_pace, middle_pace, slow_pace, rough_pace = paces
        beside = value - self.level
        middle = self.middle + middle_pace * (value - self.middle)
        slow = self.slow + slow_pace * (value - self.slow)
        a1, a2, a3, a4, b1, b2, b3, b4, c1, c2, c3, c4, d1, d2, d3 = self.recent
        return Looks(
            beside,
            middle - slow,
            self.yesterday.outside(start_s, width_s, value),
            self.rough + rough_pace * (abs(value - self.last) - self.rough),
            ((a1 + a2 + a3 + a4) / BLOCK, (b1 + b2 + b3 + b4) / BLOCK, (c1 + c2 + c3 + c4) / BLOCK, (d1 + d2 + d3 + value) / BLOCK),
            (self.level + level_pace * beside, middle, slow),
        )

    def _evidence(self, looks: Looks, farness: float) -> float:
        total = self.rougher.nats(looks.rough) + self.farther.nats(farness)
        for side, look in enumerate((looks.level, looks.trend, looks.season)):
            total += max(self.above[side].nats(look), self.below[side].nats(-look))
        return total

    def _remember(self, looks: Looks, farness: float) -> float:
        """Learn what is usual from a row; returns the evidence in it."""
        total = self.rougher.learn(looks.rough) + self.farther.learn(farness)
        for side, look in enumerate((looks.level, looks.trend, looks.season)):
            up, down = self.above[side].learn(look), self.below[side].learn(-look)
            if up or down:  # seldom
                total += max(up, down)
        if self.rows % BLOCK == 0:
            self.shapes.learn(looks.shape, farness)
        if not self.warm:
            return 0.0
        self.totals.learn(total)
        return total

    def _follow(self, value: float, looks: Looks) -> None:
        self.level, self.middle, self.slow = looks.means
        self.rough = looks.rough
        self.last = value
        del self.recent[0]
        self.recent.append(value)
        self.rows += 1


def _value(x: Features) -> float | None:
    value = x.get("spend", math.nan)
    if -VALUE_MAX <= value <= VALUE_MAX:  # nearly always
        return value
    return min(max(value, -VALUE_MAX), VALUE_MAX) if value == value else None  # noqa: PLR0124 -- only NaN differs from itself


def _time(x: Features, seen_s: float) -> tuple[float, float]:
    width_s, start_s = x.get("width_s", math.nan), x.get("start_s", math.nan)
    if not 1.0 <= width_s <= 86_400.0:
        width_s = min(max(width_s, 1.0), 86_400.0) if math.isfinite(width_s) else 3600.0
    return start_s if abs(start_s) < VALUE_MAX else seen_s, width_s
