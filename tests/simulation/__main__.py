"""`python -m tests.simulation [SEEDS] [--first N] [--case NAME] [--saboteur NAME]`: seeds lived through, and what was wrong."""

from __future__ import annotations

import argparse
import sys
from collections import Counter

from rich.progress import track

from tests.simulation.cases import CASES, honest, saboteurs
from tests.simulation.verdict import judge


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description="Crash simulation of runner, folds and snapshots.")
    parser.add_argument("seeds", type=int, nargs="?", default=200)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--case", choices=CASES, default=next(reversed(CASES)))
    parser.add_argument("--saboteur", default="", help="a rule to break: " + ", ".join(saboteurs("toys")))
    asked = parser.parse_args()
    case, breaking = honest(asked.case), saboteurs(asked.case).get(asked.saboteur)
    if asked.saboteur and breaking is None:
        parser.error(f"--saboteur: one of {', '.join(saboteurs(asked.case))}")
    kinds: Counter[str] = Counter()
    crashes = refusals = handovers = wrong = 0
    for seed in track(range(asked.first, asked.first + asked.seeds), description=asked.saboteur or asked.case):
        verdict = judge(case, seed, breaking)
        crashes, refusals, handovers = crashes + verdict.crashes, refusals + verdict.refusals, handovers + verdict.handovers
        wrong += bool(verdict.wrong)
        kinds.update({said.partition(":")[0] for said in verdict.wrong})
        if verdict.wrong and wrong <= 3:
            print(f"seed {seed}:", *verdict.wrong[:4], sep="\n  ")
    print(f"{asked.case}, {asked.saboteur or 'as designed'}: {wrong} of {asked.seeds} seeds wrong {dict(kinds) or ''}")
    print(f"{crashes} crashes, {refusals} refused writes, {handovers} hand-overs")
    return 1 if wrong and not asked.saboteur else 0


if __name__ == "__main__":
    sys.exit(main())
