"""Which elements carry the deviation of a whole from its forecast: combinations of dimension values, as few as explain it.

Every element of every cuboid is weighed by its evidence, and what that is says the measure (`shifts`, `money`); the best one is named, its leaves
are set aside, and so on: the search of RiskLoc (Kalander 2022), with its risk and its thresholds replaced by that evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np

from service.localise.cuboids import Bools, Ints, Measure, best, cuboids, whole

DIMENSIONS_MAX: Final = 10  # 1,023 cuboids
ELEMENTS_MAX: Final = 12


class Element(NamedTuple):
    """A cause: the values that its leaves share, their part of the whole's deviation, how many they are, evidence in nats."""

    values: dict[str, str]
    share: float
    leaves: int
    evidence: float


class Leaves(Protocol):
    """What was measured of each leaf, and what was forecast."""

    def measure(self) -> Measure:
        """By what they are searched."""
        ...


def localise(dimensions: Mapping[str, Sequence[str]], leaves: Leaves) -> list[Element]:
    """The elements to blame, the surest first; none when no part stands out from the whole. The order of rows and columns does not matter.

    `dimensions` holds each one's value per leaf. Raises ValueError beyond DIMENSIONS_MAX dimensions.

    >>> from service.localise.shifts import of_sums
    >>> real, predict = np.array([50.0, 52.0, 99.0, 101.0, 100.0, 99.0]), np.array([100.0, 102.0, 100.0, 100.0, 99.0, 101.0])
    >>> [found] = localise({"model": list("mmnnoo"), "workflow": list("wvwvwv")}, of_sums(real, predict))
    >>> found.values, round(found.share, 2), found.leaves
    ({'model': 'm'}, 0.99, 2)
    """
    names, measure = sorted(dimensions), leaves.measure()
    if len(names) > DIMENSIONS_MAX:
        raise ValueError(f"{len(names)} dimensions, at most {DIMENSIONS_MAX} can be searched")
    kept = np.flatnonzero(measure.known)
    if not names or not len(kept):
        return []
    labels = [sorted(set(dimensions[name])) for name in names]
    codes = np.array([_coded(dimensions[name], known) for name, known in zip(names, labels, strict=True)], dtype=np.intp)
    kept = kept[np.lexsort((*measure.terms[:, kept], *codes[::-1, kept]))]  # one order of summing, whatever the order given
    codes, measure = codes[:, kept], measure.of(kept)
    excess = max(float(measure.terms[-1].sum()), 0.0)
    found = []
    for evidence, dims, leaf, inside in _search(codes, measure, [len(known) for known in labels]):
        count, *_, own = measure.terms[:, inside].sum(axis=1)
        values = {names[k]: labels[k][codes[k, leaf]] for k in dims}
        found.append(Element(values, float(own / excess) if excess else 1.0, int(count), evidence))
    alike = measure.evidence(measure.terms.sum(axis=1, keepdims=True), whole(codes))[0]
    return found if sum(each.evidence for each in found) > alike else []


def _coded(values: Sequence[str], labels: list[str]) -> list[int]:
    numbers = {label: k for k, label in enumerate(labels)}
    return [numbers[value] for value in values]


def _search(codes: Ints, measure: Measure, sizes: list[int]) -> Iterator[tuple[float, tuple[int, ...], int, Bools]]:
    """The best element, then the best of the leaves that are left: evidence, dimensions, one of its leaves, which leaves are its own."""
    searched = cuboids(codes, sizes)
    scatter = None if measure.mirrored is None else best(searched, measure._replace(excess_min=0.0), measure.mirrored)
    alive = np.ones(codes.shape[1], dtype=bool)
    for _ in range(ELEMENTS_MAX):
        found = best(searched, measure, measure.terms * alive)
        if found is None or (scatter is not None and found[0] <= scatter[0]):
            return
        inside = alive & np.all([codes[k] == codes[k, found[2]] for k in found[1]], axis=0)
        alive &= ~inside
        yield *found, inside
