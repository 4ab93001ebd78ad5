"""Every pair of folds that is simulated, and the rules that a saboteur breaks in each; those of the ports are broken under all."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from tests.simulation import ports
from tests.simulation.case import Case
from tests.simulation.real import real
from tests.simulation.toys import toys


class Entry(NamedTuple):
    """`build(breaks, sabotage)`: the case, with a rule broken in its folds or in its ports."""

    build: Callable[[str, str], Case]
    breaks: tuple[str, ...]


BREAKS = ("by_first", "differences", "no_final", "forgetful", "half_state", "by_batch")
CASES = {"toys": Entry(toys, BREAKS), "real": Entry(real, BREAKS)}


def saboteurs(name: str) -> dict[str, Case]:
    """Each saboteur by its name."""
    entry = CASES[name]
    broken = {breaks: entry.build(breaks, "") for breaks in entry.breaks}
    return broken | {sabotage: entry.build("", sabotage) for sabotage in ports.BREAKS}


@cache
def honest(name: str) -> Case:
    """The case as it is meant."""
    return CASES[name].build("", "")
