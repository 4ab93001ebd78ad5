"""Is the course of the last rows like any that was seen: the distance to the nearest of a few remembered shapes.

Leader clustering (Hartigan, Clustering Algorithms, 1975) in bounded memory: what is farther than `radius` from all that is remembered is
remembered too, and when there is no room the radius grows until a quarter is free.
"""

from __future__ import annotations

from itertools import repeat
from math import dist
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

KEPT: Final = 32
FREE: Final = 8
GROWTH: Final = 1.25

Shape: TypeAlias = tuple[float, float, float, float]


class Shapes(Struct, array_like=True):
    """A few shapes that stand for all that came.

    >>> s = Shapes()
    >>> for k in range(1000): s.learn(shape := (float(k % 50), float(k % 7), 0.0, 1.0), s.farness(shape))
    >>> len(s.known) <= KEPT, s.farness((25.0, 3.0, 0.0, 1.0)) <= s.radius, s.farness((90.0, 0.0, 0.0, 1.0)) > s.radius
    (True, True, True)
    """

    known: list[Shape] = msgspec.field(default_factory=list)
    radius: float = 0.0

    def farness(self, shape: Shape) -> float:
        """The distance to the nearest shape that is remembered; 0 as long as there is none."""
        return min(map(dist, self.known, repeat(shape))) if self.known else 0.0

    def learn(self, shape: Shape, farness: float) -> None:
        """Remember it if nothing like it is known; `farness` is its own, as just asked for."""
        if self.known and farness <= self.radius:
            return
        self.known.append(shape)
        if len(self.known) >= KEPT:
            self._thin()

    def _thin(self) -> None:
        if self.radius == 0.0:
            self.radius = min(gap for k, a in enumerate(self.known) for b in self.known[:k] if (gap := dist(a, b)) > 0.0)
        while len(self.known) > KEPT - FREE:
            self.radius *= GROWTH
            kept: list[Shape] = []
            for shape in self.known:
                if all(dist(shape, other) > self.radius for other in kept):
                    kept.append(shape)
            self.known = kept
