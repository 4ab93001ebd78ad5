"""How much an element tells about where the difference of a spend lies: what it carries of it, beside what it usually spends.

Single cells of spend scatter by far more than any forecast of them can say, so nothing is asked of how a cell moved, as `shifts` does; only of where
the money is. Of all that moved the way of the whole, an element carries the share s; a dollar of ordinary times was in it with the chance u. The
evidence is how many nats a dollar of the difference tells more by lying there than an ordinary one would (their relative entropy, as the G-test has
it), less a price for each value that is named. So who always spends the most is not blamed for it, a parent is named only where its children share
the difference, and a child only where it carries nearly all of it.

Floats only rank here; what is told in dollars is added up in whole numbers by `where`.
"""

from __future__ import annotations

from math import fsum
from typing import Final, NamedTuple

import numpy as np

from service.localise.cuboids import Cuboid, Floats, Measure

SHARE_MIN: Final = 0.1  # of all that moved the way of the whole: less is nobody's cause
PRICE: Final = 0.1  # nats asked of each value that is named, and once of every element
EVEN: Final = 0.05  # of an ordinary dollar that might lie anywhere, so that what never spent before has a chance too


class Money(NamedTuple):
    """Of each leaf: what was spent and what usually is; `fell` looks for what spent less."""

    spent: Floats
    usual: Floats
    fell: bool = False

    def measure(self) -> Measure:
        """By terms: how many, the chance of an ordinary dollar, what moved the way of the whole, the difference.

        >>> from service.localise.elements import localise
        >>> usual = np.array([50.0, 30.0, 10.0, 10.0])
        >>> agents = {"agent": list("aabb"), "model": list("mnmn")}
        >>> [each.values for each in localise(agents, Money(usual + [9.0, 0.0, 90.0, 1.0], usual))]
        [{'agent': 'b', 'model': 'm'}]
        >>> localise(agents, Money(3 * usual, usual))
        []
        """
        difference = (self.usual - self.spent) if self.fell else (self.spent - self.usual)
        along = np.maximum(difference, 0.0)
        known = (self.spent != 0) | (self.usual != 0)
        often = np.maximum(self.usual, 0.0)
        even = np.full(len(often), 1 / max(int(known.sum()), 1))
        chance = EVEN * even + (1 - EVEN) * (often / fsum(often) if often.any() else even)
        return Measure(known, np.array([np.ones(len(often)), chance, along, difference]), _evidence, SHARE_MIN * fsum(along))


def _evidence(sums: Floats, cuboid: Cuboid) -> Floats:
    """Of each cell, among all cells of its cuboid: nats of the difference lying there, less the price of its name."""
    count, chance, along, carried = sums
    whole = along.sum()
    share = np.clip(carried / whole if whole > 0 else np.zeros(len(count)), 0, 1)
    usual = np.clip(chance / chance.sum() if whole > 0 else np.ones(len(count)), 0, 1)
    told = _part(share, usual) + _part(1 - share, 1 - usual)
    return np.where((count > 0) & (share > usual), told - PRICE * (len(cuboid.kept) + 1), -np.inf)


def _part(share: Floats, usual: Floats) -> Floats:
    """Share x log(share / usual), 0 of nothing."""
    some = np.where(share > 0, share, 1.0)
    seldom = np.where(share > 0, np.maximum(usual, np.finfo(float).tiny), 1.0)
    result: Floats = share * np.log(some / seldom)
    return result
