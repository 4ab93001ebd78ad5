"""Novelty: does this row show anything that the series has hardly ever shown. For series of any unit, length and sampling.

Five looks at the series (beside its recent level, short against long mean, roughness, beside the same time of yesterday, course of the last rows),
each compared with the highest separate peaks of its own past (`peaks`), and their evidence added up. Nothing is fitted and nothing has a unit.
"""

from __future__ import annotations

import math
from typing import ClassVar, Final, NamedTuple, Self

import msgspec
from msgspec import Struct

from detectors.base import Expectation, Features
from detectors.peaks import MEMORY_ROWS, Peaks
from detectors.sample import Sample
from detectors.shapes import Shape, Shapes
from detectors.yesterday import Yesterday

WARM_ROWS: Final = 240
ROUGH, MIDDLE, LEVEL, SLOW = 1 / 8, 1 / 16, 1 / 64, 1 / 128  # paces of the means, per row
RECENT: Final = 15  # rows that make a shape with the one that is looked at
BLOCK: Final = 4
STILL_ROWS: Final = 256  # rows without any change, from which on nothing is learned about what is usual
HELD: Final = 5.0  # nats from which a row is no example of what is usual
VALUE_MAX: Final = 1e15


class Looks(NamedTuple):
    """One row seen five ways; the first three have two sides."""

    level: float
    trend: float
    season: float
    rough: float
    shape: Shape


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
        looks = self._look(x, value)
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
        looks = self._look(x, value)
        farness = self.shapes.farness(looks.shape)
        nats = self._evidence(looks, farness) if self.warm else 0.0
        self.still = self.still + 1 if value == self.last else 0
        if self.still <= STILL_ROWS:
            self._remember(looks, farness, nats)
            if nats < HELD:
                self.sample.learn(value)
        self._follow(x, value)
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

    def _look(self, x: Features, value: float) -> Looks:
        """The five looks at a row that is not yet learned."""
        start_s, width_s = _time(x, self.seen_s)
        recent = self.recent
        return Looks(
            level=value - self.level,
            trend=self._moved(self.middle, value, MIDDLE) - self._moved(self.slow, value, SLOW),
            season=self.yesterday.outside(start_s, width_s, value),
            rough=self._moved(self.rough, abs(value - self.last), ROUGH),
            shape=(sum(recent[:4]) / BLOCK, sum(recent[4:8]) / BLOCK, sum(recent[8:12]) / BLOCK, (sum(recent[12:]) + value) / BLOCK),
        )

    def _evidence(self, looks: Looks, farness: float) -> float:
        total = self.rougher.nats(looks.rough) + self.farther.nats(farness)
        for above, below, look in zip(self.above, self.below, looks[:3], strict=True):
            total += max(above.nats(look), below.nats(-look))
        return total

    def _remember(self, looks: Looks, farness: float, nats: float) -> None:
        for above, below, look in zip(self.above, self.below, looks[:3], strict=True):
            above.learn(look)
            below.learn(-look)
        self.rougher.learn(looks.rough)
        self.farther.learn(farness)
        if self.warm:
            self.totals.learn(nats)
        if self.rows % BLOCK == 0:
            self.shapes.learn(looks.shape, farness)

    def _follow(self, x: Features, value: float) -> None:
        start_s, width_s = _time(x, self.seen_s)
        self.yesterday.learn(start_s, width_s, value)
        self.level = self._moved(self.level, value, LEVEL)
        self.middle = self._moved(self.middle, value, MIDDLE)
        self.slow = self._moved(self.slow, value, SLOW)
        self.rough = self._moved(self.rough, abs(value - self.last), ROUGH)
        self.last = value
        del self.recent[0]
        self.recent.append(value)
        self.seen_s += width_s
        self.rows += 1

    def _moved(self, mean: float, value: float, pace: float) -> float:
        """An exponentially weighted mean after one more value; the first rows count evenly."""
        return mean + max(pace, 1.0 / (self.rows + 1)) * (value - mean)


def _value(x: Features) -> float | None:
    value = x.get("spend", math.nan)
    return min(max(value, -VALUE_MAX), VALUE_MAX) if value == value else None  # noqa: PLR0124 -- only NaN differs from itself


def _time(x: Features, seen_s: float) -> tuple[float, float]:
    width_s, start_s = x.get("width_s", math.nan), x.get("start_s", math.nan)
    return start_s if abs(start_s) < VALUE_MAX else seen_s, min(max(width_s, 1.0), 86_400.0) if math.isfinite(width_s) else 3600.0
