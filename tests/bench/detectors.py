"""Every registered detector on the feed of its own promises: updates a second on one core, and bytes when warm.

An update is a score and then learning the same window, as the warden has it done: the window is read once.
"""

from __future__ import annotations

import argparse
import gc
import tracemalloc
from statistics import median
from time import process_time
from typing import Final

from detectors import DETECTORS
from detectors.base import STATE_BYTES_MAX, Detector, Features
from detectors.feeds import feed_of, ordinary
from detectors.novelty import Novelty
from detectors.sequences import SEQUENTIAL
from detectors.sequential import Sequential
from detectors.surprise import Surprise
from tests.bench.figures import Figure, at_least, below

GOAL_PER_S: Final = 100_000
ROUNDS: Final = 7
RESIDENT: Final = 50  # held at once, of which the mean is told


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--days", type=int, default=28, help="of windows of ten minutes that each hears")
    parser.add_argument("--only", choices=sorted({**DETECTORS, **SEQUENTIAL}), help="one of them alone")


def run(asked: argparse.Namespace) -> list[Figure]:
    figures: list[Figure] = []
    for name, kind in {**DETECTORS, **SEQUENTIAL}.items():
        if asked.only in (None, name):
            windows = list(ordinary(feed_of(name), asked.days, seed=11))
            detector, per_s = _fed(kind, windows)
            figures += [
                at_least(f"{name}: updates", per_s, "a second", GOAL_PER_S),
                below(f"{name}: dumped", len(detector.dump()), "bytes", STATE_BYTES_MAX),
                Figure(f"{name}: resident", _resident(detector), "bytes"),
            ]
    return figures


def _fed(kind: type[Detector], windows: list[Features]) -> tuple[Detector, float]:
    """A detector that has heard them all, and how many it heard in a second of CPU: the median of ROUNDS, since each is over in a blink."""
    rates = []
    for _ in range(ROUNDS):
        detector = kind()
        gc.collect()
        started = process_time()
        for x in windows:
            _update(detector, x)
        rates.append(len(windows) / (process_time() - started))
    return detector, median(rates)


def _update(detector: Detector, x: Features) -> None:
    match detector:
        case Sequential():
            level, seen = detector.weigh(x)
            detector.rarity(level)
            detector.take(x, level, seen)
        case Surprise():
            level, weighed = detector.weigh(x)
            detector.rarity(level)
            detector.take(weighed)
        case Novelty():
            detector.meet(x)
        case _:
            detector.score_one(x)
            detector.learn_one(x)


def _resident(detector: Detector) -> float:
    """Bytes of one in memory, by tracemalloc, once it was loaded."""
    raw = detector.dump()
    gc.collect()
    tracemalloc.start()
    held = [type(detector).load(raw) for _ in range(RESIDENT)]
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return taken / len(held)
