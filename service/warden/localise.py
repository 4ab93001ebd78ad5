"""Which elements carry the deviation of a whole from its forecast: combinations of dimension values, as few as explain it.

The law of the file: all leaves of one cause move by the same share (the generalised ripple effect of Squeeze, Li et al. 2019), the others scatter
about their forecast. Every element of every cuboid is weighed by how much likelier its leaves are as one cause than as scatter, less the price of
naming it among so many; the best one is named, its leaves are set aside, and so on (the search of RiskLoc, Kalander 2022, with its risk and its
thresholds replaced by that evidence). A parent of a cause loses by its healthy leaves, and is none where most of them are; a child loses by the
leaves that it leaves out. No element is named on less evidence than the best one has that moved the other way: so much is scatter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from math import comb, log, tau
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.warden.deviations import SCATTER_MIN, Bools, Deviations, Floats

Ints = NDArray[np.intp]

DIMENSIONS_MAX: Final = 10  # 1,023 cuboids
ELEMENTS_MAX: Final = 12
SHIFT_MIN: Final = 0.05  # a smaller mean move is nobody's cause
MOVED_MIN: Final = 0.5  # of a cause's leaves, by weight, that moved beyond their scatter; else it is a few causes and their healthy neighbours
PRICE: Final = 3.0  # nats asked beyond the odds of the search, so that scatter alone is seldom named
_TIE: Final = 1e-9
_MIRRORED: Final = np.array([[1.0], [1.0], [-1.0], [1.0], [-1.0], [-1.0]])  # terms of the same leaves, moved the other way


class Element(NamedTuple):
    """A cause: the values that its leaves share, how far they moved on average (0..1), their part of the whole's deviation, evidence in nats."""

    values: dict[str, str]
    shift: float
    share: float
    leaves: int
    evidence: float


class Cuboid(NamedTuple):
    """The cells of some dimensions: `parent` is the cuboid they are summed from, `up` the cell of each of its cells, `leaf` a leaf of each cell."""

    kept: tuple[int, ...]
    parent: int
    up: Ints
    leaf: Ints
    odds: float  # nats that the choice of one of its cells costs


def localise(dimensions: Mapping[str, Sequence[str]], deviations: Deviations) -> list[Element]:
    """The elements to blame, the surest first; none when no part stands out from the whole. The order of rows and columns does not matter.

    `dimensions` holds each one's value per leaf. Raises ValueError beyond DIMENSIONS_MAX dimensions.

    >>> from service.warden.deviations import of_sums
    >>> real, predict = np.array([50.0, 52.0, 99.0, 101.0, 100.0, 99.0]), np.array([100.0, 102.0, 100.0, 100.0, 99.0, 101.0])
    >>> [found] = localise({"model": list("mmnnoo"), "workflow": list("wvwvwv")}, of_sums(real, predict))
    >>> found.values, round(found.shift, 2), found.leaves
    ({'model': 'm'}, 0.5, 2)
    """
    names = sorted(dimensions)
    if len(names) > DIMENSIONS_MAX:
        raise ValueError(f"{len(names)} dimensions, at most {DIMENSIONS_MAX} can be searched")
    kept = np.flatnonzero(deviations.known)
    if not names or not len(kept):
        return []
    labels = [sorted(set(dimensions[name])) for name in names]
    codes = np.array([_coded(dimensions[name], known) for name, known in zip(names, labels, strict=True)], dtype=np.intp)
    kept = kept[np.lexsort((deviations.shift[kept], *codes[::-1, kept]))]  # one order of summing, whatever the order given
    codes, terms = codes[:, kept], _terms(deviations, kept)
    whole = max(float(terms[5].sum()), 0.0)
    found = []
    for evidence, dims, leaf, inside in _search(codes, terms, [len(known) for known in labels], deviations.share_min * whole):
        count, weight, first, _, _, excess = terms[:, inside].sum(axis=1)
        values = {names[k]: labels[k][codes[k, leaf]] for k in dims}
        found.append(Element(values, float(first / weight), float(excess / whole) if whole else 1.0, int(count), evidence))
    alike = _evidence(terms.sum(axis=1, keepdims=True), 0.0)[0]  # of the whole as one cause
    return found if sum(each.evidence for each in found) > alike else []


def _search(codes: Ints, terms: Floats, sizes: list[int], excess_min: float) -> Iterator[tuple[float, tuple[int, ...], int, Bools]]:
    """The best element, then the best of the leaves that are left: evidence, dimensions, one of its leaves, which leaves are its own."""
    cuboids = _cuboids(codes, sizes)
    scatter = _best(cuboids, terms * _MIRRORED, 0.0)
    alive = np.ones(codes.shape[1], dtype=bool)
    for _ in range(ELEMENTS_MAX):
        best = _best(cuboids, terms * alive, excess_min)
        if best is None or (scatter is not None and best[0] <= scatter[0]):
            return
        inside = alive & np.all([codes[k] == codes[k, best[2]] for k in best[1]], axis=0)
        alive &= ~inside
        yield *best, inside


def _coded(values: Sequence[str], labels: list[str]) -> list[int]:
    numbers = {label: k for k, label in enumerate(labels)}
    return [numbers[value] for value in values]


def _terms(deviations: Deviations, kept: Ints) -> Floats:
    """What adds up over leaves, (6, n): how many, weight, weight x shift, weight x shift squared, weight of those beyond their scatter, excess."""
    shift, weight = deviations.shift[kept], 1 / deviations.variance[kept]
    squared = weight * shift**2
    return np.array([np.ones(len(kept)), weight, weight * shift, squared, np.where(squared > 1, weight, 0) * np.sign(shift), deviations.excess[kept]])


def _cuboids(codes: Ints, sizes: list[int]) -> list[Cuboid]:
    """All cuboids, the finest first; each is summed from the smallest one that has one dimension more, so the leaves are gone over seldom."""
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


def _best(cuboids: list[Cuboid], terms: Floats, excess_min: float) -> tuple[float, tuple[int, ...], int] | None:
    """The element of the greatest evidence above zero: that, its dimensions and one of its leaves. Of equal ones the widest."""
    best = None
    sums: list[Floats] = []
    for cuboid in cuboids:
        below = terms if cuboid.parent < 0 else sums[cuboid.parent]
        sums.append(np.array([np.bincount(cuboid.up, row, len(cuboid.leaf)) for row in below]))
        evidence = np.where(sums[-1][5] >= excess_min, _evidence(sums[-1], cuboid.odds), -np.inf)
        top = float(evidence.max())
        near = _TIE * abs(top)
        if top > 0 and (best is None or top >= best[0] - near):
            best = top, cuboid.kept, int(cuboid.leaf[np.flatnonzero(evidence >= top - near)[0]])
    return best


def _evidence(sums: Floats, odds: float) -> Floats:
    """Of each cell: nats by which one common shift with a spread of its own is likelier than scatter about none, less the price of naming it.

    The shift may be anything from 0 to 1 (integrated out), the spread is the likeliest one and costs as the usual criterion (BIC) has it.
    """
    count, weight, first, second, moved = sums[:5]
    some, heavy = np.maximum(count, 1), np.where(weight > 0, weight, 1)
    shift = first / heavy
    inside = np.maximum(second - first * shift, 0)
    spread = np.maximum(inside / np.maximum(count - 1, 1), SCATTER_MIN**2 * heavy / some)
    gain = (second - count * np.log(spread) - inside / spread + np.log(tau * spread / heavy) - np.log(some)) / 2
    return np.where((count > 0) & (shift > SHIFT_MIN) & (moved >= MOVED_MIN * weight), gain - odds - PRICE, -np.inf)
