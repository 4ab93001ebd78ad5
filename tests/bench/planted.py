"""Made-up cases of a sum over a full grid of leaves: heavy-tailed values, relative forecast errors, and causes whose leaves all move by one share.

The two kinds have the sizes and severities of the published synthetic sets of the RiskLoc paper (S and L); the chance here is our own.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from service.localise.cuboids import Floats


class World(NamedTuple):
    """How many values each dimension has; the ranges of what is drawn; `last`: causes are single leaves."""

    sizes: tuple[int, ...]
    noise: float
    severity: tuple[float, float]
    unlike: float
    causes: int
    elements: int
    last: bool = False
    zeros: float = 0.25


class Case(NamedTuple):
    dimensions: dict[str, list[str]]
    real: Floats
    predict: Floats
    truth: list[dict[str, str]]


KINDS: Final = {
    "S": World((10, 12, 10, 8, 5), 0.25, (0.2, 1.0), 0.1, 3, 3),
    "L": World((10, 24, 10, 15), 0.1, (0.5, 1.0), 0.0, 5, 1, last=True),
}


def planted(kind: str, seed: int, causes: int | None = None, world: World | None = None) -> Case:
    """A case of a kind; `causes`: how many, instead of one to the world's most."""
    world = world or KINDS[kind]
    chance = np.random.default_rng([seed, sum(kind.encode())])
    leaves = int(np.prod(world.sizes))
    codes = np.array(np.unravel_index(np.arange(leaves), world.sizes))
    noise = chance.uniform(0, world.noise)
    value = chance.weibull(chance.uniform(0.5, 1), leaves) * 100 * (chance.uniform(size=leaves) > chance.uniform(0, world.zeros))
    sides = [value, np.maximum(value * (1 + noise * chance.normal(size=leaves)), 0)]
    swap = chance.integers(0, 2, leaves)
    real, predict = np.choose(swap, sides), np.choose(1 - swap, sides)
    fallen, kept = (real, predict) if predict.sum() >= real.sum() else (predict, real)
    taken: list[dict[int, int]] = []
    for _ in range(causes if causes is not None else int(chance.integers(1, world.causes + 1))):
        severity, unlike = chance.uniform(*world.severity) + noise, chance.uniform(0, world.unlike)
        for element in _elements(world, chance, taken):
            inside = np.all([codes[k] == v for k, v in element.items()], axis=0) & (kept > 0)
            if inside.any():
                fallen[inside] = kept[inside] * np.maximum(1 - chance.normal(severity, unlike, int(inside.sum())), 0)
                taken.append(element)
    names = "abcdefgh"[: len(world.sizes)]
    dimensions = {name: [f"{name}{v + 1}" for v in codes[k]] for k, name in enumerate(names)}
    return Case(dimensions, real, predict, [{names[k]: f"{names[k]}{v + 1}" for k, v in sorted(element.items())} for element in taken])


def _elements(world: World, chance: np.random.Generator, taken: list[dict[int, int]]) -> list[dict[int, int]]:
    """Elements of one cuboid that share no value with those of before, so that none holds another."""
    dims = len(world.sizes)
    layer = dims if world.last else int(chance.integers(1, dims + 1))
    kept = sorted(int(k) for k in chance.choice(dims, layer, replace=False))
    free = {k: sorted(set(range(world.sizes[k])) - {element[k] for element in taken if k in element}) for k in kept}
    if not all(free.values()):
        return []
    drawn = [{k: int(chance.choice(free[k])) for k in kept} for _ in range(int(chance.integers(1, world.elements + 1)))]
    return [element for n, element in enumerate(drawn) if element not in drawn[:n]]
