"""All combinations of dimensions, and what adds up over their cells: the one search that every measure is localised by."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import comb, log
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_TIE: Final = 1e-9


class Cuboid(NamedTuple):
    """The cells of some dimensions: `parent` is the cuboid they are summed from, `up` the cell of each of its cells, `leaf` a leaf of each cell."""

    kept: tuple[int, ...]
    parent: int
    up: Ints
    leaf: Ints
    odds: float  # nats that the choice of one of its cells costs


class Measure(NamedTuple):
    """What is searched by. `terms` of each leaf add up, (t, n): the first counts it, the last is its part of the whole's deviation.

    `evidence` of cells, from their sums and their cuboid, in nats: above 0 speaks for a cause. A cause carries at least `excess_min`, and more
    evidence than the best cell of `mirrored`, the same leaves as if they had moved the other way.
    """

    known: Bools
    terms: Floats
    evidence: Callable[[Floats, Cuboid], Floats]
    excess_min: float = 0.0
    mirrored: Floats | None = None

    def of(self, kept: Ints) -> Measure:
        """Of these leaves, in this order."""
        mirrored = self.mirrored if self.mirrored is None else self.mirrored[:, kept]
        return self._replace(known=self.known[kept], terms=self.terms[:, kept], mirrored=mirrored)


def cuboids(codes: Ints, sizes: list[int]) -> list[Cuboid]:
    """The finest first; each is summed from the smallest one that has one dimension more, so the leaves are gone over seldom."""
    dims = len(sizes)
    made: list[Cuboid] = []
    place: dict[tuple[int, ...], int] = {}
    for layer in range(dims, 0, -1):
        for kept in combinations(range(dims), layer):
            parents = [place[tuple(sorted((*kept, k)))] for k in range(dims) if k not in kept] if layer < dims else []
            parent = min(parents, key=lambda index: len(made[index].leaf), default=-1)
            leaves = made[parent].leaf if parent >= 0 else np.arange(codes.shape[1])
            _, first, up = np.unique(_packed(codes[:, leaves], kept, sizes), return_index=True, return_inverse=True)
            place[kept] = len(made)
            made.append(Cuboid(kept, parent, up, leaves[first], log(len(first) * dims * comb(dims, layer))))
    return made


def whole(codes: Ints) -> Cuboid:
    """All leaves as one cell, which no choice had to find."""
    return Cuboid((), -1, np.zeros(codes.shape[1], dtype=np.intp), np.zeros(1, dtype=np.intp), 0.0)


def best(searched: list[Cuboid], measure: Measure, terms: Floats) -> tuple[float, tuple[int, ...], int] | None:
    """The cell of the greatest evidence above zero: that, its dimensions and one of its leaves. Of equal ones the widest."""
    found = None
    sums: list[Floats] = []
    for cuboid in searched:
        below = terms if cuboid.parent < 0 else sums[cuboid.parent]
        sums.append(np.array([np.bincount(cuboid.up, row, len(cuboid.leaf)) for row in below]))
        evidence = np.where(sums[-1][-1] >= measure.excess_min, measure.evidence(sums[-1], cuboid), -np.inf)
        top = float(evidence.max())
        near = _TIE * abs(top)
        if top > 0 and (found is None or top >= found[0] - near):
            found = top, cuboid.kept, int(cuboid.leaf[np.flatnonzero(evidence >= top - near)[0]])
    return found


def _packed(codes: Ints, kept: tuple[int, ...], sizes: list[int]) -> Ints:
    """One number a leaf for its values of `kept`, in the order of the values."""
    packed: Ints = codes[kept[0]]
    span = sizes[kept[0]]
    for k in kept[1:]:
        if span * sizes[k] > np.iinfo(np.intp).max:
            _, packed = np.unique(packed, return_inverse=True)
            span = len(packed)
        packed, span = packed * sizes[k] + codes[k], span * sizes[k]
    return packed
