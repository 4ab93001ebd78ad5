"""A histogram that moves up: prompts that grow, runs that need more calls. A CUSUM for each of some shifts against the histogram so far.

Features are weights by bin number on a logarithmic scale. A bin's evidence for a shift is the log of how usual the bins are that lie so much lower (up to
the next shift), over how usual this one is, cut at -4, and above at the octaves of the shift (at least +1): one value at the old floor undoes four that are a little above it.

Each shift has peaks of its own: what drifts by a quarter of an octave every week has never leapt by two, and a leap is rare for it all the same.
That one of so many shifts goes far by chance is taken off its level.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate, repeat
from math import exp, log
from typing import ClassVar, Final, NamedTuple, TypeAlias

from msgspec import field

from detectors.base import Expectation, Features, number, whole
from detectors.packed import Packed, packed, unpacked
from detectors.sequential import Sequential
from detectors.tail import EXCESS_MAX, PEAK_MIN, Basis, gathered, scale

SHIFTS: Final = (4, 6, 8, 11, 16, 22, 32)
OCTAVE: Final = 8
LEAST: Final = -4.0
LEAST_TIMES: Final = exp(LEAST)
REMEMBERED: Final = 2_000.0
WEIGHT_MAX: Final = 1e6
BINS_MAX: Final = 400
_Seen: TypeAlias = tuple[dict[int, float], list[float]]
EVEN: Final = 0.02  # of the weight lies even over all bins, so that nothing is impossible
SEEN, UNSEEN = 1.0 - EVEN, EVEN / 100.0


class _Try(NamedTuple):
    """A shift of so many bins and below the following one; what one value counts `most` for it, and of which odds on."""

    shift: int
    following: int
    most: float
    most_times: float


class Shift(Sequential, array_like=True, tag="shift"):
    """Weights by bin (each feature's name is a bin's number), `octave` bins to a factor of two; `shifts` in bins, the least first.

    >>> d = Shift()
    >>> for k in range(500): d.learn_one({str(40 + k % 5): 2.0})
    >>> d.score_one({"42": 2.0}), d.score_one({"48": 12.0}) > 2.0
    (0.0, True)
    """

    name: ClassVar[str] = "shift"

    total: float = 0.0
    bins: dict[int, float] = field(default_factory=dict)
    levels: list[float] = field(default_factory=list)
    shifts: tuple[int, ...] = SHIFTS
    octave: int = OCTAVE
    peaks: Packed = field(default_factory=bytearray)  # of each shift in turn: the episode's peak so far, how many there were, what they had above the least

    def __post_init__(self) -> None:
        """What was dumped with other shifts begins its evidence anew."""
        if len(self.levels) != len(self.shifts) or not self.peaks:
            self.levels, self.peaks = [0.0] * len(self.shifts), packed([0.0] * 3 * len(self.shifts))

    def level(self, x: Features) -> float:
        """-ln of the episodes a day that go as far, of the shift for which that is the rarest; 0 where they are usual."""
        return self.weigh(x)[0]

    def weigh(self, x: Features) -> tuple[float, _Seen]:
        """The level, with the weights and the CUSUMs by shift."""
        weights = _weights(x)
        levels = self._levels(weights)
        return (self._rarest(levels) if max(levels) > PEAK_MIN else 0.0), (weights, levels)

    def rarity(self, level: float) -> float:
        """What the level says already, to the base of ten."""
        return level / log(10.0)

    def basis(self, x: Features) -> Basis:
        """Of the shift that is the rarest."""
        return max((self._basis(at, level) for at, level in enumerate(self._levels(_weights(x)))), key=lambda basis: basis.score)

    def keep(self, x: Features, seen: _Seen) -> None:  # noqa: ARG002 -- it has been read
        """The CUSUMs move on; of those that have come back, the episode is counted."""
        _, self.levels = seen
        if not self.seen_s:
            self.levels = [0.0] * len(self.shifts)
        peaks = list(unpacked(self.peaks))
        if not any(self.levels) and not any(peaks[::3]):
            return
        for at, level in enumerate(self.levels):
            peak = peaks[3 * at]
            if level <= 0.0 and peak > PEAK_MIN:
                peaks[3 * at + 1] += 1.0
                peaks[3 * at + 2] += min(peak - PEAK_MIN, EXCESS_MAX)
            peaks[3 * at] = max(peak, level) if level > 0.0 else 0.0
        self.peaks = packed(peaks)

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

    def _rarest(self, levels: list[float]) -> float:
        """-ln of the episodes a day, as `_basis` has it, of the shift for which that is the rarest."""
        peaks, chance, days = unpacked(self.peaks), log(len(levels)), self.tail.days + 1.0
        best = 0.0
        for at, level in enumerate(levels):
            episodes, excess = peaks[3 * at + 1 : 3 * at + 3]
            over = (level - PEAK_MIN) / scale(episodes, excess, *self.priors) - chance
            if over > 0.0:
                best = max(best, over - log((episodes + 0.5) / days))
        return best

    def _basis(self, at: int, level: float) -> Basis:
        """A shift's level beside its own past, without what so many shifts bring by chance."""
        _, episodes, excess = unpacked(self.peaks)[3 * at : 3 * at + 3]
        chance = scale(episodes, excess, *self.priors) * log(len(self.shifts))
        return Basis(level - chance, episodes, excess / episodes if episodes else 0.0, self.tail.days, *self.priors)

    def _levels(self, weights: dict[int, float]) -> list[float]:
        if not weights or not self.total:
            return self.levels
        tries = _tries(self.shifts, self.octave)
        far = tries[-1].following
        top = max(self.bins) + self.shifts[-1]  # beyond it one leap is as large as another
        low, high = min(top, *weights), min(top, max(weights))
        usual = self._usual(low - far, high)
        below = [0.0, *accumulate(usual)]
        seen = [(at := min(k, top) - low + far, weight, usual[at]) for k, weight in weights.items()]
        levels = []
        for (shift, following, most, most_times), level in zip(tries, self.levels, strict=True):
            nats, first, last, span = 0.0, 1 - following, 1 - shift, following - shift
            for at, weight, here in seen:
                times = (below[at + last] - below[at + first]) / (span * here)
                if LEAST_TIMES < times < most_times:
                    nats += weight * log(times)
                else:
                    nats += weight * (most if times > 1.0 else LEAST)
            levels.append(gathered(level, nats) if level + nats > 0.0 else 0.0)
        return levels

    def _usual(self, low: int, high: int) -> list[float]:
        """How usual each bin from `low` to `high` is, with its neighbours' help."""
        total = self.total
        held = list(map(self.bins.get, range(low - 1, high + 2), repeat(0.0)))
        return [SEEN * (0.5 * this + 0.25 * (before + after)) / total + UNSEEN for before, this, after in zip(held, held[1:], held[2:], strict=False)]


@lru_cache(64)
def _tries(shifts: tuple[int, ...], octave: int) -> tuple[_Try, ...]:
    ends = (*shifts[1:], shifts[-1] * 3 // 2)
    return tuple(_Try(shift, following, most := max(1.0, shift / octave), exp(most)) for shift, following in zip(shifts, ends, strict=True))


def _weights(x: Features) -> dict[int, float]:
    return {k: number(x, name, 0.0, WEIGHT_MAX) for name in x if (k := whole(name, BINS_MAX)) is not None}
