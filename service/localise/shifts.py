"""How far each leaf is from its forecast, in a unit that is comparable between leaves, and what speaks for one cause of many of them.

A leaf is one row: one value of every dimension, what was measured and what was forecast. Shares only rank; no money is computed here. Sums over all
leaves are exact (`fsum`), so that the order of the rows never decides.

All leaves of one cause move by the same share (the generalised ripple effect of Squeeze, Li et al. 2019), the others scatter about their forecast. An
element is weighed by how much likelier its leaves are as one cause than as scatter, less the price of naming it among so many. A parent of a cause
loses by its healthy leaves, and is none where most of them are; a child loses by the leaves that it leaves out. No element is named on less evidence
than the best one has that moved the other way: so much is scatter.
"""

from __future__ import annotations

from math import fsum, tau
from typing import Final, NamedTuple

import numpy as np

from service.localise.cuboids import Bools, Cuboid, Floats, Measure

SCATTER_MIN: Final = 0.01  # a forecast is never taken to be surer than one per cent
SPANS: Final = 4  # like the measured one, that a ratio's forecast is the mean of: its count is so many times surer
ALIKE: Final = 20  # counts beyond which the leaves of a ratio differ by their nature rather than by chance
RATIO_SHARE_MIN: Final = 0.1  # of what a ratio lacks: real leaves have heavier tails than chance, and less is nobody's incident
SHIFT_MIN: Final = 0.05  # a smaller mean move is nobody's cause
MOVED_MIN: Final = 0.5  # of a cause's leaves, by weight, that moved beyond their scatter; else it is a few causes and their healthy neighbours
PRICE: Final = 3.0  # nats asked beyond the odds of the search, so that scatter alone is seldom named
_MIRRORED: Final = np.array([[1.0], [1.0], [-1.0], [1.0], [-1.0], [-1.0]])  # terms of the same leaves, moved the other way


class Deviations(NamedTuple):
    """Of each of n leaves, towards the deviation that is to be explained (the other way is negative).

    `shift`: -1..1; `variance` of it in ordinary times; `excess`: what the leaf adds to the deviation of the whole, in the measure's unit;
    `known`: whether the leaf was measured and forecast at all; `share_min`: 0..1, the part of the whole's deviation that a cause must carry.
    """

    shift: Floats
    variance: Floats
    excess: Floats
    known: Bools
    share_min: float = 0.0

    def measure(self) -> Measure:
        """By terms: how many, weight, weight x shift, weight x shift squared, weight of those beyond their scatter, excess."""
        weight = 1 / self.variance
        squared = weight * self.shift**2
        moved = np.where(squared > 1, weight, 0) * np.sign(self.shift)
        terms = np.array([np.ones(len(weight)), weight, weight * self.shift, squared, moved, self.excess])
        excess_min = self.share_min * max(fsum(self.excess[self.known]), 0.0)
        return Measure(self.known, terms, _evidence, excess_min, terms * _MIRRORED)


def of_sums(real: Floats, predict: Floats) -> Deviations:
    """Of a measure that adds up. Shift: the part that is missing of the greater of both, so that a rise and a fall read alike.

    No share is asked of a cause here: the forecast errors of the healthy leaves lean the way of the whole too, and are often most of it.

    >>> of_sums(np.array([100.0, 40.0, 0.0]), np.array([99.0, 80.0, 0.0])).shift.round(2).tolist()
    [-0.01, 0.5, 0.0]
    """
    measured = np.isfinite(real) & np.isfinite(predict)
    real, predict = np.where(measured, real, 0.0), np.where(measured, predict, 0.0)
    greater = np.maximum(np.abs(real), np.abs(predict))
    known = greater > 0
    excess = predict - real if fsum(predict) >= fsum(real) else real - predict
    shift = np.clip(np.divide(excess, greater, out=np.zeros(len(excess)), where=known), -1, 1)
    return Deviations(shift, _scaled(shift, np.ones(len(shift)), known, SCATTER_MIN**2), excess, known)


def of_ratios(real_a: Floats, real_b: Floats, predict_a: Floats, predict_b: Floats) -> Deviations:
    """Of a share of good ones (a of b), which falls in a cause. Shift: the fall of the share; excess: the good ones that are missing.

    Small leaves are drawn to the share of the whole, and a leaf's variance is that of a count on both sides.

    >>> of_ratios(np.array([99.0, 50.0]), np.array([100.0, 100.0]), np.array([980.0, 990.0]), np.array([1000.0, 1000.0])).excess.round(1).tolist()
    [-1.0, 49.0]
    """
    known = (real_b > 0) & (predict_b > 0) & np.isfinite(real_a) & np.isfinite(predict_a)
    real_a, real_b, predict_a, predict_b = (np.where(known, each, 0.0) for each in (real_a, real_b, predict_a, predict_b))
    usual = fsum(predict_a) / fsum(predict_b) if known.any() else 0.0
    expected = (predict_a + SPANS * usual) / (predict_b + SPANS)
    share = np.divide(real_a, real_b, out=expected.copy(), where=known)
    shift = expected - share
    each = 1 / np.maximum(real_b, 1) + 1 / np.maximum(SPANS * predict_b, 1)
    chance = expected * (1 - expected) * each + usual * (1 - usual) / ALIKE
    return Deviations(shift, _scaled(shift, np.maximum(chance, SCATTER_MIN**2), known, 1.0), real_b * shift, known, RATIO_SHARE_MIN)


def _scaled(shift: Floats, shape: Floats, known: Bools, least: float) -> Floats:
    """`shape` times the scale that the leaves of the other side show: only they are healthy for sure."""
    other = known & (shift < 0)
    return shape * max(least, fsum(shift[other] ** 2 / shape[other]) / max(int(other.sum()), 1))


def _evidence(sums: Floats, cuboid: Cuboid) -> Floats:
    """Of each cell: nats by which one common shift with a spread of its own is likelier than scatter about none, less the price of naming it.

    The shift may be anything from 0 to 1 (integrated out), the spread is the likeliest one and costs as the usual criterion (BIC) has it.
    """
    count, weight, first, second, moved = sums[:5]
    some, heavy = np.maximum(count, 1), np.where(weight > 0, weight, 1)
    shift = first / heavy
    inside = np.maximum(second - first * shift, 0)
    spread = np.maximum(inside / np.maximum(count - 1, 1), SCATTER_MIN**2 * heavy / some)
    gain = (second - count * np.log(spread) - inside / spread + np.log(tau * spread / heavy) - np.log(some)) / 2
    return np.where((count > 0) & (shift > SHIFT_MIN) & (moved >= MOVED_MIN * weight), gain - cuboid.odds - PRICE, -np.inf)
