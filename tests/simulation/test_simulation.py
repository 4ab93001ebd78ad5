"""A few dozen seeds of what `python -m tests.simulation` does by the thousand; each saboteur must be caught."""

from __future__ import annotations

import pytest

from tests.simulation.cases import CASES, honest, saboteurs
from tests.simulation.verdict import judge

SEEDS = {"toys": range(14), "real": range(8)}
SABOTEUR_SEEDS = range(100, 112)
GRAVE = {"totals", "decided", "stuck"}
HARMLESS_AT_REST = {"by_batch"}  # it only makes the journal depend on how rows were batched


@pytest.mark.parametrize("name", CASES)
def test_whatever_crashes_what_is_heard_and_decided_stays_the_same(name: str) -> None:
    case, crashes = honest(name), 0
    for seed in SEEDS[name]:
        verdict = judge(case, seed)
        assert verdict.wrong == [], f"python -m tests.simulation 1 --first {seed} --case {name}"
        crashes += verdict.crashes
    assert crashes > 10 * len(SEEDS[name]), "a calm world proves nothing"


OF_THE_FOLDS = [("real", breaks) for breaks in CASES["real"].breaks]  # those of the ports and the runner are the toys' to catch


@pytest.mark.parametrize(("name", "saboteur"), [*(("toys", saboteur) for saboteur in saboteurs("toys")), *OF_THE_FOLDS])
def test_a_saboteur_is_caught(name: str, saboteur: str) -> None:
    case, breaking = honest(name), saboteurs(name)[saboteur]
    for seed in SABOTEUR_SEEDS:
        about = {said.partition(":")[0] for said in judge(case, seed, breaking).wrong}
        if about & GRAVE or (about and saboteur in HARMLESS_AT_REST):
            return
    pytest.fail(f"{saboteur} broke its rule {len(SABOTEUR_SEEDS)} times and nobody noticed")


def test_a_seed_decides_everything() -> None:
    case = honest("toys")
    assert judge(case, 5) == judge(case, 5)
