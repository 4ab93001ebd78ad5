"""What detectors are fed by their checks: ordinary windows, plain anomalies and storms, of just the features that each of them hears."""

from __future__ import annotations

import math
import random  # noqa: TID251 -- seeded: the same windows for everyone, every time
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from detectors.base import Features
from detectors.profile import hour_of_week

WIDTH_S: Final = 600
DAY: Final = 86_400 // WIDTH_S
START_S: Final = 1_767_571_200  # a Monday
HOUR: Final = 3600 // WIDTH_S
HUGE: Final = 1e12
ONE_HUGE: Final = "one huge value"
BUSY: Final = 8.0  # runs in a mean window of the ordinary source of work


class Feed(NamedTuple):
    """What one detector hears.

    `usual`: an ordinary window of a source of work, by its pace, whose mean is about 1.5 times `scales`; `plain`: one of a plain anomaly beside it, which
    `windows` of them are enough to find; `crowd`: the k-th of windows that hold as much of everything as can come; `observed`: what
    `expected` is about, None where it is of the state and not of one window.
    """

    usual: Callable[[random.Random, float], Features]
    plain: Callable[[float], Features]
    crowd: Callable[[int], Features]
    observed: Callable[[Features], float | None] = lambda _: None
    scales: tuple[float, ...] = (1.0,)
    windows: int = 3


def ordinary(feed: Feed, days: int, seed: int, *, scale: float = 1.0) -> Iterator[Features]:
    """Days of ten-minute windows as they are in life: a rhythm of the day, weaker weekends, bursts, heavy tails and empty windows."""
    chance = random.Random(seed)  # noqa: S311 -- no secret
    burst = 0.0
    for k in range(days * DAY):
        burst = 0.8 * burst + 0.3 * chance.gauss(0.0, 1.0)
        rhythm = 1.0 + 0.5 * math.sin(2 * math.pi * k / DAY) - (0.3 if k // DAY % 7 >= 5 else 0.0)
        pace = 0.0 if chance.random() < 0.15 else scale * rhythm * math.exp(burst + 0.5 * chance.gauss(0.0, 1.0))
        yield timed(k, feed.usual(chance, pace))


def timed(k: int, x: Features) -> Features:
    """The k-th window of ten minutes, with these features."""
    start_s = START_S + k * WIDTH_S
    return x | {"start_s": start_s, "width_s": WIDTH_S, "hour_of_week": hour_of_week(start_s)}


def storms(feed: Feed, usual: list[Features]) -> dict[str, list[Features]]:
    """What comes after ten days, by name; whoever takes silence for the anomaly hears none, since what lasts is the new usual."""
    begin, day = 10 * DAY, usual[10 * DAY : 11 * DAY]
    plain = feed.plain(1.0)
    found = {
        "zeros for a week": [timed(k, dict.fromkeys(plain, 0.0)) for k in range(begin, begin + 7 * DAY) if any(plain.values())],
        "a day without numbers": [timed(k, dict.fromkeys(plain, math.nan)) for k in range(begin, begin + DAY) if any(plain.values())],
        ONE_HUGE: [timed(begin, dict.fromkeys(plain, HUGE))],
        "a day of missing windows": [x for k, x in enumerate(day) if k % 3],
        "a clock a day ahead for an hour": [x | timed(begin + k + DAY * (k < HOUR), {}) for k, x in enumerate(day)],
        "a clock a day behind for an hour": [x | timed(begin + k - DAY * (k < HOUR), {}) for k, x in enumerate(day)],
    }
    return {name: storm for name, storm in found.items() if storm}


def window(k: int, spend: float) -> Features:
    """The k-th window, of so much spend."""
    return timed(k, {"spend": spend})


def _times(chance: random.Random, of: float, share: float = 1.0) -> float:
    """How often something happened that has `share` of `of` tries; `of` itself is rounded by chance."""
    tries = int(of) + (chance.random() < of % 1.0)
    return float(tries if share == 1.0 else sum(chance.random() < share for _ in range(tries)))


def _share(chance: random.Random, pace: float) -> Features:
    of = _times(chance, BUSY * pace)
    return {"hits": _times(chance, of, 0.01), "of": of}


def _mix(chance: random.Random, pace: float) -> Features:
    names = chance.choices(("small", "mid", "large"), (70, 25, 5), k=int(_times(chance, BUSY * pace)))
    return {name: float(names.count(name)) for name in sorted({*names})}


def _ratio(chance: random.Random, pace: float) -> Features:
    listed = 0.01 + pace
    return {"told": 0.9 * listed * (1.0 + 0.002 * chance.gauss(0.0, 1.0)), "listed": listed}


def _shift(chance: random.Random, pace: float) -> Features:
    bins = [round(chance.gauss(60.0, 6.0)) for _ in range(int(_times(chance, BUSY * pace)))]
    return {str(k): float(bins.count(k)) for k in sorted({*bins})}


def _floor(chance: random.Random, pace: float) -> Features:
    prompts = sorted(1000.0 + 8.0 * chance.random() + chance.expovariate(1.0 / 900.0) for _ in range(int(_times(chance, BUSY * pace))))
    return {"n": float(len(prompts)), "low": prompts[0], "second": prompts[1] if len(prompts) > 1 else 1e9} if prompts else {}


def _cache(chance: random.Random, pace: float) -> Features:
    found: Features = {}
    for _ in range(int(_times(chance, BUSY * pace))):
        for step, share in enumerate((0.3, 0.8, 0.9, 0.9)):
            eighths = 0 if chance.random() > share else round(8 * share)
            found[f"{step}:{eighths}"] = found.get(f"{step}:{eighths}", 0.0) + 1.0
    return found


def _pace(chance: random.Random, pace: float) -> Features:
    """Runs that begin independently: what these counts are tested against. What comes in bursts tells more than the rate says."""
    return {"count": _poisson(chance, BUSY * min(pace, 1.0))}


def _poisson(chance: random.Random, mean: float) -> float:
    n, left = 0, chance.expovariate(1.0)
    while left < mean:
        n, left = n + 1, left + chance.expovariate(1.0)
    return float(n)


def _mean_bin(x: Features) -> float | None:
    bins = {int(name): n for name, n in x.items() if name.isdigit()}
    return sum(k * n for k, n in bins.items()) / sum(bins.values()) if bins else None


SPEND: Final = Feed(
    lambda _, pace: {"spend": pace},
    lambda scale: {"spend": 40.0 * scale},
    lambda k: {"spend": 1e6 * (1.0 + k % 7)},
    lambda x: x["spend"],
    scales=(1e-4, 1.0, 1e4),
)
"""Money; what a detector is fed that has no line of its own below."""

FEEDS: Final[dict[str, Feed]] = {
    "share": Feed(_share, lambda _: {"hits": 9.0, "of": 12.0}, lambda _: {"hits": 1e9, "of": 1e12}, lambda x: x["hits"]),
    "mix": Feed(_mix, lambda _: {"other": 9.0, "small": 3.0}, lambda k: {f"{k}-{n}-é".rjust(256, "u"): 9.0 + n for n in range(40)}),
    "ratio": Feed(
        _ratio,
        lambda _: {"told": 2.0, "listed": 1.0},
        lambda k: {"told": 10.0 ** (k % 31 - 15), "listed": 10.0 ** (15 - k % 31)},
        lambda x: x["told"],
        windows=4,
    ),
    "shift": Feed(_shift, lambda _: {"72": 4.0, "74": 4.0, "78": 4.0}, lambda _: {str(n): 1e5 for n in range(1200)}, _mean_bin, windows=6),
    "floor": Feed(_floor, lambda _: {"n": 12.0, "low": 2400.0, "second": 2420.0}, lambda k: {"n": 0.1 + k % 3, "low": 9.0 + k, "second": 1e9}, windows=12),
    "cache": Feed(_cache, lambda _: {f"{step}:0": 12.0 for step in range(4)}, lambda _: {f"{s}:{e}": 1e9 for s in range(99) for e in range(99)}, windows=6),
    "silence": Feed(_pace, lambda _: {"count": 0.0}, lambda k: {"count": 1e9 * (k % 7)}, lambda x: x["count"], windows=24),
    "pace": Feed(_pace, lambda _: {"count": 60 * BUSY}, lambda k: {"count": 1e9 * (k % 7)}, lambda x: x["count"]),
}


def feed_of(name: str) -> Feed:
    """What the detector of that name hears."""
    return FEEDS.get(name, SPEND)
