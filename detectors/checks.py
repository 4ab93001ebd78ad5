"""What every detector promises, as checks that run. Ships for outside authors: `check_detector(MyDetector)`.

A check feeds windows and asserts; it returns how many cases it judged, and none at all is a failure, so that no promise passes on no data.
"""

from __future__ import annotations

import math
import random  # noqa: TID251 -- seeded: the same windows for everyone, every time
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Final, TypeAlias

from detectors.base import STATE_BYTES_MAX, Detector, Features
from detectors.feeds import DAY, ONE_HUGE, WIDTH_S, feed_of, ordinary, storms, timed

Check: TypeAlias = Callable[[type[Detector]], int]

WARM_DAYS_MAX: Final = 14
WILD: Final = (math.nan, math.inf, -math.inf, 0.0, -0.0, -5.0, 1e-320, 1e300, -1e300)
RECOVERY_DAYS: Final = 2
AGAIN: Final = 0.5  # a score: what is told of the next anomaly after that one, which by its past comes once in three days at most
PLAIN: Final = -math.log10(0.02)  # a score: one false alert in fifty days
STRANGE: Final = ("", "²", "٣", "1:²", ":", "9" * 40, "-1", "\x00", "u" * 300)  # names that no caller should think of


def taught(cls: type[Detector], days: int = 10, seed: int = 1, *, scale: float = 1.0) -> Detector:
    """A detector after days of ordinary windows."""
    detector = cls()
    for x in ordinary(feed_of(cls.name), days, seed, scale=scale):
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
    detector, feed, cases = cls(), feed_of(cls.name), 0
    for k, x in enumerate(ordinary(feed, WARM_DAYS_MAX, seed=2)):
        if detector.warm:
            break
        assert detector.score_one(x) == detector.score_one(timed(k, feed.plain(1e6))) == 0.0
        detector.learn_one(x)
        cases += 1
    assert detector.warm
    return cases


def finite_whatever_comes(cls: type[Detector]) -> int:
    """Scores and expectations are finite and not negative for every number a float can be, learned or only scored, and for what is left out."""
    feed, cases = feed_of(cls.name), 0
    for value in WILD:
        detector = taught(cls, days=4)
        good = [timed(4 * DAY, x) for x in (feed.plain(1.0), feed.usual(random.Random(7), 1.0))]  # noqa: S311 -- no secret
        for x in chain.from_iterable(_spoiled(each, value) for each in good):
            _assert_sane(detector, x)
            detector.learn_one(x)
            _assert_sane(detector, good[0])
            cases += 1
    return cases


def scoring_changes_nothing(cls: type[Detector]) -> int:
    """Asking is free: the state is the same after any number of questions."""
    detector = taught(cls)
    before = detector.dump()
    for x in (*ordinary(feed_of(cls.name), 1, seed=3, scale=20.0), timed(11 * DAY, feed_of(cls.name).plain(1.0))):
        detector.score_one(x)
        detector.expected(x)
    assert detector.dump() == before
    return DAY


def resumes_equal(cls: type[Detector]) -> int:
    """Stopped and loaded after any window, it goes on bit for bit as if it had never stopped, in the middle of an episode too."""
    steady, stopped, feed = cls(), cls(), feed_of(cls.name)
    cases = 0
    for k, x in enumerate(ordinary(feed, 8, seed=4)):
        y = timed(k, feed.plain(1.0)) if 6 * DAY < k < 6 * DAY + 30 else x
        assert steady.score_one(y) == stopped.score_one(y)
        steady.learn_one(y)
        stopped.learn_one(y)
        if k % 7 == 0 or k > 6 * DAY:
            stopped = cls.load(stopped.dump())
            cases += 1
    assert steady.dump() == stopped.dump()
    return cases


def state_is_bounded(cls: type[Detector]) -> int:
    """However long it runs and however much comes, it dumps under STATE_BYTES_MAX."""
    detector, feed, cases = cls(), feed_of(cls.name), 0
    for k, x in enumerate(ordinary(feed, 120, seed=5, scale=max(feed.scales))):
        detector.learn_one(x)
        if k % 10 == 0:
            detector.learn_one(timed(k, feed.crowd(k // 10)))
        if k % DAY == 0:
            size = len(detector.dump())
            assert size < STATE_BYTES_MAX, f"{size} bytes after {k} windows"
            cases += 1
    return cases


def survives_gaps(cls: type[Detector]) -> int:
    """Ten years of silence, told as zeros or not at all, and time that steps back, leave it finite, and quiet about what it knew before."""
    feed, cases = feed_of(cls.name), 0
    silence = dict.fromkeys(feed.plain(1.0), 0.0)
    known = feed.usual(random.Random(7), 1.0)  # noqa: S311 -- no secret
    for zeros in (0, 60 * DAY):
        detector = taught(cls)
        for k in range(10 * DAY, 10 * DAY + zeros):
            detector.learn_one(timed(k, silence))
        for k in (10 * 365 * DAY, 0):
            x = timed(k, known)
            _assert_sane(detector, x)
            assert detector.score_one(x) < PLAIN
            detector.learn_one(x)
            cases += 1
    return cases


def expects_what_comes(cls: type[Detector]) -> int:
    """Most ordinary windows lie in the range it gives, the mean is about right, and a fiftyfold window lies outside."""
    detector, feed = taught(cls, days=21), feed_of(cls.name)
    held = judged = cases = 0
    seen = expected = 0.0
    for x in list(ordinary(feed, 28, seed=1))[-7 * DAY :]:
        range_, cases = detector.expected(x), cases + 1
        assert range_.low <= range_.value <= range_.high
        assert not range_.holds(50 * max(range_.value, range_.high) + 1e-9)
        observed = feed.observed(x)
        if observed is not None:
            held, judged = held + range_.holds(observed), judged + 1
            seen, expected = seen + observed, expected + range_.value
    assert held >= 0.85 * judged, f"{held} of {judged}"
    assert 0.7 * expected <= seen <= 1.4 * expected, f"{seen:.4g}, expected {expected:.4g}"
    return cases


def finds_what_is_plain(cls: type[Detector]) -> int:
    """A plain anomaly (of spend: half an hour at forty times the usual) scores beyond one false alert in fifty days, at any scale of money."""
    feed = feed_of(cls.name)
    for scale in feed.scales:
        detector, best = taught(cls, scale=scale), 0.0
        for k in range(10 * DAY, 10 * DAY + feed.windows):
            x = timed(k, feed.plain(scale))
            best = max(best, detector.score_one(x))
            detector.learn_one(x)
        assert best > PLAIN, f"scored {best:.2f} at scale {scale}"
    return len(feed.scales)


def does_not_learn_an_incident_at_once(cls: type[Detector]) -> int:
    """Six hours of an incident do not become what is expected."""
    detector, plain = taught(cls), feed_of(cls.name).plain(1.0)
    before = detector.expected(timed(11 * DAY, plain)).value
    for k in range(10 * DAY, 10 * DAY + 36):
        detector.learn_one(timed(k, plain))
    assert detector.expected(timed(11 * DAY, plain)).value < 2 * before
    return 36


def rate_means_what_it_says(cls: type[Detector]) -> int:
    """On ordinary windows, episodes that score above -log10(rate) come no more often than `rate` a day (twice that, for chance)."""
    days, rate, alerts = 0, 0.1, 0
    for seed in range(4):
        detector, above = cls(), False
        for x in ordinary(feed_of(cls.name), 40, seed=100 + seed):
            over = detector.score_one(x) > -math.log10(rate)
            alerts += over and not above
            above = over
            detector.learn_one(x)
        days += 40
    assert alerts <= 2 * rate * days, f"{alerts} in {days} days"
    return days


def recovers_within_two_days(cls: type[Detector]) -> int:
    """What broken producers and clocks send is over within RECOVERY_DAYS: quiet about ordinary windows again, and it finds what is plain."""
    feed, known = feed_of(cls.name), taught(cls)
    usual = list(ordinary(feed, 30, seed=8))
    for name, storm in storms(feed, usual).items():
        detector = cls.load(known.dump())
        for x in storm:
            _assert_sane(detector, x)
            detector.learn_one(x)
        begin = max(round((x["start_s"] - usual[0]["start_s"]) / WIDTH_S) for x in storm) + 1
        alerts, above = 0, False
        for k in range(begin, begin + 4 * DAY):
            x = usual[k % len(usual)] | timed(k, {})
            score = detector.score_one(x)
            alerts += score > PLAIN and not above and k >= begin + RECOVERY_DAYS * DAY
            above = score > PLAIN
            detector.learn_one(x)
        assert alerts <= 1, f"{alerts} alerts in the two days after it had recovered from {name}"
        best = 0.0
        for k in range(begin + 4 * DAY, begin + 4 * DAY + feed.windows):
            x = timed(k, feed.plain(1.0))
            best = max(best, detector.score_one(x))
            detector.learn_one(x)
        assert best > (AGAIN if name == ONE_HUGE else PLAIN), f"scored {best:.2f} after {name}"
    return len(storms(feed, usual))


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
    recovers_within_two_days,
)


def run(check: Check, cls: type[Detector]) -> None:
    """One promise; raises AssertionError with its name and words where it is broken, in whatever way, or saw nothing."""
    try:
        cases = check(cls)
    except Exception as broken:
        raise AssertionError(f"{cls.__name__} breaks {check.__name__}: {check.__doc__} ({type(broken).__name__}: {broken})") from broken
    assert cases > 0, f"{check.__name__} judged no case"


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


def _spoiled(good: Features, value: float) -> Iterator[Features]:
    """A window with one field spoiled, or with it left out, or with one more that has no business there."""
    for field in good:
        yield good | {field: value}
        yield {name: number for name, number in good.items() if name != field}
    for field in STRANGE:
        yield good | {field: value}


def _assert_sane(detector: Detector, x: Features) -> None:
    score, range_ = detector.score_one(x), detector.expected(x)
    assert math.isfinite(score)
    assert score >= 0.0
    assert all(math.isfinite(value) for value in range_)
    assert range_.low <= range_.value <= range_.high
