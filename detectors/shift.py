"""A histogram that moves up: prompts that grow, runs that need more calls. A CUSUM for each of some shifts against the histogram so far.

Features are weights by bin number on a logarithmic scale. A bin's evidence for a shift is the log of how usual the bin so much lower is, over how usual
this one is, cut at +1 and -4: one value at the old floor undoes four above it.
"""

from __future__ import annotations

from itertools import repeat
from math import e, log
from typing import ClassVar, Final, TypeAlias

from msgspec import field

from detectors.base import Expectation, Features, number, whole
from detectors.sequential import Sequential
from detectors.tail import gathered

SHIFTS: Final = (2, 3, 4, 6, 8, 11)
LEAST: Final = -4.0
MOST_TIMES, LEAST_TIMES = e, e**LEAST
REMEMBERED: Final = 2_000.0
WEIGHT_MAX: Final = 1e6
BINS_MAX: Final = 400
_Seen: TypeAlias = tuple[dict[int, float], list[float]]
EVEN: Final = 0.02  # of the weight lies even over all bins, so that nothing is impossible
SEEN, UNSEEN = 1.0 - EVEN, EVEN / 100.0


class Shift(Sequential, array_like=True, tag="shift"):
    """Weights by bin (each feature's name is a bin's number).

    >>> d = Shift()
    >>> for k in range(500): d.learn_one({str(40 + k % 5): 2.0})
    >>> d.score_one({"42": 2.0}), d.score_one({"48": 12.0}) > 2.0
    (0.0, True)
    """

    name: ClassVar[str] = "shift"

    total: float = 0.0
    bins: dict[int, float] = field(default_factory=dict)
    levels: list[float] = field(default_factory=lambda: [0.0] * len(SHIFTS))

    def level(self, x: Features) -> float:
        """The highest of all shifts' CUSUMs."""
        return self.weigh(x)[0]

    def weigh(self, x: Features) -> tuple[float, _Seen]:
        """The level, with the weights and the levels by shift."""
        weights = _weights(x)
        levels = self._levels(weights)
        return max(levels), (weights, levels)

    def keep(self, x: Features, seen: _Seen) -> None:  # noqa: ARG002 -- it has been read
        """The levels move on."""
        _, self.levels = seen

    def learn(self, x: Features, seen: _Seen) -> None:  # noqa: ARG002 -- it has been read
        """The weights join the histogram."""
        for k, weight in seen[0].items():
            self.bins[k] = self.bins.get(k, 0.0) + weight
            self.total += weight
        if self.total > REMEMBERED:
            self.total /= 2
            self.bins = {k: weight / 2 for k, weight in self.bins.items() if weight > 0.01}

    def observed(self, x: Features) -> float:
        """The window's mean bin; 0 where it has none."""
        weights = _weights(x)
        whole_weight = sum(weights.values())
        return sum(k * weight for k, weight in weights.items()) / whole_weight if whole_weight else 0.0

    def expected(self, x: Features) -> Expectation:  # noqa: ARG002 -- the same for every window
        """The usual mean bin, and the bins that nineteen in twenty lie in."""
        whole = sum(self.bins.values())
        if not whole:
            return Expectation(0.0, 0.0, 0.0)
        mean = sum(k * weight for k, weight in self.bins.items()) / whole
        low, high, so_far = None, 0, 0.0
        for k in sorted(self.bins):
            so_far += self.bins[k]
            low = k if low is None and so_far >= 0.025 * whole else low
            high = k
            if so_far >= 0.975 * whole:
                break
        return Expectation(mean, min(float(low or 0), mean), max(float(high), mean))

    def _levels(self, weights: dict[int, float]) -> list[float]:
        if not weights or not self.total:
            return self.levels
        low = min(weights)
        usual = self._usual(low - SHIFTS[-1], max(weights))
        seen = [(k - low, weight, usual[k - low + SHIFTS[-1]]) for k, weight in weights.items()]
        levels = []
        for shift, level in zip(SHIFTS, self.levels, strict=True):
            lower = usual[SHIFTS[-1] - shift :]
            nats = 0.0
            for at, weight, here in seen:
                times = lower[at] / here
                if LEAST_TIMES < times < MOST_TIMES:
                    nats += weight * log(times)
                else:
                    nats += weight if times > 1.0 else weight * LEAST
            levels.append(gathered(level, nats) if level + nats > 0.0 else 0.0)
        return levels

    def _usual(self, low: int, high: int) -> list[float]:
        """How usual each bin from `low` to `high` is, with its neighbours' help."""
        total = self.total
        held = list(map(self.bins.get, range(low - 1, high + 2), repeat(0.0)))
        return [SEEN * (0.5 * this + 0.25 * (before + after)) / total + UNSEEN for before, this, after in zip(held, held[1:], held[2:], strict=False)]


def _weights(x: Features) -> dict[int, float]:
    return {k: number(x, name, 0.0, WEIGHT_MAX) for name in x if (k := whole(name, BINS_MAX)) is not None}
