"""What every detector promises, as checks that run. Ships for outside authors: `check_detector(MyDetector)`.

A check feeds windows and asserts; it returns how many cases it judged, and none at all is a failure, so that no promise passes on no data.
"""

from __future__ import annotations

import math
import random  # noqa: TID251 -- seeded: the same windows for everyone, every time
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from detectors.base import STATE_BYTES_MAX, Detector, Features
from detectors.profile import hour_of_week

Check: TypeAlias = Callable[[type[Detector]], int]

WIDTH_S: Final = 600
DAY: Final = 86_400 // WIDTH_S
WARM_DAYS_MAX: Final = 14
START_S: Final = 1_767_571_200  # a Monday
WILD: Final = (math.nan, math.inf, -math.inf, 0.0, -0.0, -5.0, 1e-320, 1e300, -1e300)


def ordinary(days: int, seed: int, *, scale: float = 1.0) -> Iterator[Features]:
    """Days of ten-minute windows as they are in life: a rhythm of the day, weaker weekends, bursts, heavy tails and empty windows."""
    chance = random.Random(seed)  # noqa: S311 -- no secret
    burst = 0.0
    for k in range(days * DAY):
        burst = 0.8 * burst + 0.3 * chance.gauss(0.0, 1.0)
        rhythm = 1.0 + 0.5 * math.sin(2 * math.pi * k / DAY) - (0.3 if k // DAY % 7 >= 5 else 0.0)
        spend = 0.0 if chance.random() < 0.15 else scale * rhythm * math.exp(burst + 0.5 * chance.gauss(0.0, 1.0))
        yield window(k, spend)


def window(k: int, spend: float) -> Features:
    """The k-th window of ten minutes."""
    start_s = START_S + k * WIDTH_S
    return {"spend": spend, "start_s": start_s, "width_s": WIDTH_S, "hour_of_week": hour_of_week(start_s)}


def taught(cls: type[Detector], days: int = 10, seed: int = 1, *, scale: float = 1.0) -> Detector:
    """A detector after days of ordinary windows."""
    detector = cls()
    for x in ordinary(days, seed, scale=scale):
        detector.learn_one(x)
    return detector


def is_a_detector(cls: type[Detector]) -> int:
    """It has every verb of the interface and needs no arguments."""
    assert isinstance(cls(), Detector)
    return 1


def is_named_after_its_file(cls: type[Detector]) -> int:
    """Its name in the policy is its file's, and its class's without the underscores."""
    assert cls.name == cls.__module__.rsplit(".", 1)[-1]
    assert cls.name.replace("_", "") == cls.__name__.lower()
    return 1


def quiet_until_warm(cls: type[Detector]) -> int:
    """It scores 0 until it is warm, whatever comes, and is warm within two weeks."""
    detector, cases = cls(), 0
    for k, x in enumerate(ordinary(WARM_DAYS_MAX, seed=2)):
        if detector.warm:
            break
        assert detector.score_one(x) == detector.score_one(window(k, 1e6)) == 0.0
        detector.learn_one(x)
        cases += 1
    assert detector.warm
    return cases


def finite_whatever_comes(cls: type[Detector]) -> int:
    """Scores and expectations are finite and not negative for every number a float can be, learned or only scored, and for what is left out."""
    cases = 0
    for value in WILD:
        detector = taught(cls, days=4)
        for x in _spoiled(4 * DAY, value):
            _assert_sane(detector, x)
            detector.learn_one(x)
            _assert_sane(detector, window(4 * DAY + 1, 1.0))
            cases += 1
    return cases


def scoring_changes_nothing(cls: type[Detector]) -> int:
    """Asking is free: the state is the same after any number of questions."""
    detector = taught(cls)
    before = detector.dump()
    for x in ordinary(1, seed=3, scale=20.0):
        detector.score_one(x)
        detector.expected(x)
    assert detector.dump() == before
    return DAY


def resumes_equal(cls: type[Detector]) -> int:
    """Stopped and loaded after any window, it goes on bit for bit as if it had never stopped, in the middle of an episode too."""
    steady, stopped = cls(), cls()
    cases = 0
    for k, x in enumerate(ordinary(8, seed=4)):
        y = x | {"spend": x["spend"] * 30} if 6 * DAY < k < 6 * DAY + 30 else x
        assert steady.score_one(y) == stopped.score_one(y)
        steady.learn_one(y)
        stopped.learn_one(y)
        if k % 7 == 0 or k > 6 * DAY:
            stopped = cls.load(stopped.dump())
            cases += 1
    assert steady.dump() == stopped.dump()
    return cases


def state_is_bounded(cls: type[Detector]) -> int:
    """However long it runs, it dumps under STATE_BYTES_MAX."""
    detector, cases = cls(), 0
    for k, x in enumerate(ordinary(120, seed=5, scale=1e6)):
        detector.learn_one(x)
        if k % DAY == 0:
            assert len(detector.dump()) < STATE_BYTES_MAX
            cases += 1
    return cases


def survives_gaps(cls: type[Detector]) -> int:
    """Ten years of silence, told as zeros or not at all, and time that steps back, leave it finite, and quiet about what it knew before."""
    cases = 0
    for zeros in (0, 60 * DAY):
        detector = taught(cls)
        for k in range(10 * DAY, 10 * DAY + zeros):
            detector.learn_one(window(k, 0.0))
        for k in (10 * 365 * DAY, 0):
            _assert_sane(detector, window(k, 1.0))
            assert detector.score_one(window(k, 1.0)) < 1.0
            detector.learn_one(window(k, 1.0))
            cases += 1
    return cases


def expects_what_comes(cls: type[Detector]) -> int:
    """Most ordinary windows lie in the range it gives, the mean is about right, and a fiftyfold window lies outside."""
    detector = taught(cls, days=21)
    held = cases = 0
    spent = expected = 0.0
    for x in list(ordinary(28, seed=1))[-7 * DAY :]:
        range_ = detector.expected(x)
        assert range_.low <= range_.value <= range_.high
        assert not range_.holds(50 * max(range_.value, range_.high))
        held += range_.holds(x["spend"])
        spent, expected, cases = spent + x["spend"], expected + range_.value, cases + 1
    assert held > 0.85 * cases
    assert 0.7 * expected < spent < 1.4 * expected
    return cases


def finds_what_is_plain(cls: type[Detector]) -> int:
    """Half an hour at forty times the usual scores beyond one false alert in fifty days, at any scale of money."""
    scales = (1e-4, 1.0, 1e4)
    for scale in scales:
        detector, best = taught(cls, scale=scale), 0.0
        for k in range(10 * DAY, 10 * DAY + 3):
            x = window(k, 40.0 * scale)
            best = max(best, detector.score_one(x))
            detector.learn_one(x)
        assert best > -math.log10(0.02), f"scored {best:.2f} at scale {scale}"
    return len(scales)


def does_not_learn_an_incident_at_once(cls: type[Detector]) -> int:
    """Six hours of an incident do not become what is expected."""
    detector = taught(cls)
    before = detector.expected(window(11 * DAY, 0.0)).value
    for k in range(10 * DAY, 10 * DAY + 36):
        detector.learn_one(window(k, 40.0))
    assert detector.expected(window(11 * DAY, 0.0)).value < 2 * before
    return 36


def rate_means_what_it_says(cls: type[Detector]) -> int:
    """On ordinary windows, episodes that score above -log10(rate) come no more often than `rate` a day (twice that, for chance)."""
    days, rate, alerts = 0, 0.1, 0
    for seed in range(4):
        detector, above = cls(), False
        for x in ordinary(40, seed=100 + seed):
            over = detector.score_one(x) > -math.log10(rate)
            alerts += over and not above
            above = over
            detector.learn_one(x)
        days += 40
    assert alerts <= 2 * rate * days, f"{alerts} in {days} days"
    return days


CHECKS: Final[tuple[Check, ...]] = (
    is_a_detector,
    is_named_after_its_file,
    quiet_until_warm,
    finite_whatever_comes,
    scoring_changes_nothing,
    resumes_equal,
    state_is_bounded,
    survives_gaps,
    expects_what_comes,
    finds_what_is_plain,
    does_not_learn_an_incident_at_once,
    rate_means_what_it_says,
)


def run(check: Check, cls: type[Detector]) -> None:
    """One promise; that it saw nothing is a failure."""
    assert check(cls) > 0, f"{check.__name__} judged no case"


def check_detector(cls: type[Detector]) -> None:
    """Every promise; raises AssertionError at the first that is broken.

    >>> from detectors.surprise import Surprise
    >>> [check.__name__ for check in CHECKS][:3]
    ['is_a_detector', 'is_named_after_its_file', 'quiet_until_warm']
    >>> scoring_changes_nothing(Surprise)
    144
    """
    for check in CHECKS:
        run(check, cls)


def _spoiled(k: int, value: float) -> Iterator[Features]:
    """A window with one field spoiled, or with it left out."""
    good = window(k, 1.0)
    for field in good:
        yield good | {field: value}
        yield {name: number for name, number in good.items() if name != field}


def _assert_sane(detector: Detector, x: Features) -> None:
    score, range_ = detector.score_one(x), detector.expected(x)
    assert math.isfinite(score)
    assert score >= 0.0
    assert all(math.isfinite(value) for value in range_)
    assert range_.low <= range_.value <= range_.high
