"""What surprise on spend is made of: hours of the week, ranks, evidence; and how they work together."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.checks import taught
from detectors.evidence import CAP, PEAK_MIN, Evidence, nats
from detectors.feeds import DAY, SPEND, ordinary, window
from detectors.profile import HOURS, Profile, hour_of_week
from detectors.ranks import Ranks
from detectors.surprise import HOLD_S, Surprise


def test_the_same_spend_is_ordinary_at_noon_and_rare_at_night() -> None:
    detector = Surprise()
    for k in range(14 * DAY):
        detector.learn_one(window(k, (20.0 if 8 <= k // 6 % 24 < 18 else 1.0) + k % 5 / 5))
    noon, night = window(14 * DAY + 12 * 6, 20.4), window(14 * DAY + 3 * 6, 20.4)
    assert detector.score_one(noon) == 0.0
    assert detector.score_one(night) > 1.0
    assert detector.expected(noon).value == pytest.approx(20.4, rel=0.1)
    assert detector.expected(night).value == pytest.approx(1.4, rel=0.5)


def test_down_sees_a_fall_and_no_rise() -> None:
    up, down = Surprise(), Surprise(direction="down")
    for k in range(8 * DAY):
        x = window(k, 4.0 + k % 7)
        up.learn_one(x)
        down.learn_one(x)
    most = {"up": 0.0, "down": 0.0}
    for k in range(8 * DAY, 8 * DAY + 18):
        for detector in (up, down):
            most[detector.direction] = max(most[detector.direction], detector.score_one(window(k, 0.0)))
            detector.learn_one(window(k, 0.0))
    assert most["up"] == 0.0
    assert most["down"] > 1.0


def test_a_new_level_is_accepted_in_the_end() -> None:
    detector = Surprise.load(taught(Surprise).dump())
    held = HOLD_S // 600
    levels = []
    for k in range(10 * DAY, 10 * DAY + 12 * DAY):
        detector.learn_one(window(k, 40.0))
        levels.append(detector.profile.level)
    assert levels[held // 2] == levels[held - 20]
    assert levels[-1] > 5 * levels[0]
    assert detector.score_one(window(22 * DAY, 40.0)) < 1.0


def test_leading_silence_is_not_the_past_of_a_scope() -> None:
    fresh, waited = Surprise(), Surprise()
    for k in range(5 * DAY):
        waited.learn_one(window(k, 0.0))
    assert waited == fresh


# ---------------------------------------------------------------- hours of the week
def test_hour_of_week_is_a_monday_at_its_beginning() -> None:
    assert hour_of_week(window(0, 0.0)["start_s"]) == 0


@given(st.lists(st.tuples(st.integers(0, HOURS - 1), st.floats(0, 1e12)), max_size=60))
def test_a_profile_never_expects_less_than_nothing(seen: list[tuple[int, float]]) -> None:
    profile = Profile()
    for hour, amount in seen:
        profile.learn(hour, amount, hours=0.5)
    assert all(math.isfinite(profile.at(hour)) and profile.at(hour) >= 0.0 for hour in range(HOURS))


def test_a_young_profile_expects_the_mean_everywhere() -> None:
    profile = Profile()
    profile.learn(8, 9.0, hours=1.0)
    assert profile.at(100) == pytest.approx(9.0)


# ---------------------------------------------------------------- ranks
@given(st.lists(st.floats(-50, 50), max_size=200), st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_rarer_the_higher_and_never_impossible(seen: list[float], value: float, more: float) -> None:
    ranks = Ranks()
    for each in seen:
        ranks.learn(each)
    assert 0.0 < ranks.above(value) <= 1.0
    assert ranks.above(value + more + 0.3) <= ranks.above(value) + 0.05


def test_ranks_of_an_exponential_tail_are_right_far_beyond_it() -> None:
    ranks = Ranks()
    for k in range(20_000):
        ranks.learn(-0.3 * math.log((k + 0.5) / 20_000))
    for share in (0.3, 0.01, 1e-4, 1e-6):
        assert ranks.above(-0.3 * math.log(share)) == pytest.approx(share, rel=0.5)


# ---------------------------------------------------------------- evidence
@given(st.floats(1e-250, 1.0), st.floats(1e-250, 1.0))
def test_rarer_is_more_evidence(a: float, b: float) -> None:
    assert nats(min(a, b)) >= nats(max(a, b))


def test_a_bet_against_the_ordinary_loses() -> None:
    """Over evenly spread probabilities the bet is fair, E exp(nats) <= 1, and its logarithm falls."""
    shares = [(k + 0.5) / 100_000 for k in range(100_000)]
    assert sum(math.exp(nats(p)) for p in shares) / len(shares) <= 1.0
    assert sum(nats(p) for p in shares) < 0.0


def test_what_goes_on_counts_less_where_neighbours_are_alike() -> None:
    alike, apart = Evidence(), Evidence()
    for k in range(2000):
        alike.add(0.1 if k // 20 % 2 else 0.9, days=0.01)
        apart.add(0.1 if k * 7 % 10 < 5 else 0.9, days=0.01)
    for evidence in (alike, apart):
        evidence.level = 5.0
    assert alike.after(1e-4) < apart.after(1e-4)
    assert alike.after(1e-9) >= nats(1e-9) > 5.0


def test_the_level_comes_down_from_the_cap() -> None:
    evidence = Evidence()
    for _ in range(1000):
        evidence.add(1e-9, days=0.01)
    assert evidence.level == CAP
    for _ in range(60):
        evidence.add(0.5, days=0.01)
    assert evidence.level == 0.0


@given(st.lists(st.floats(1e-12, 1.0), max_size=300))
def test_a_score_rises_with_the_level(past: list[float]) -> None:
    evidence = Evidence()
    for rare in past:
        evidence.add(rare, days=0.01)
    scores = [evidence.score(level / 2) for level in range(60)]
    assert scores == sorted(scores)
    assert evidence.score(PEAK_MIN) == 0.0


def test_many_such_episodes_make_the_next_one_less_surprising() -> None:
    calm, busy = Evidence(), Evidence()
    for k in range(1000):
        calm.add(0.7, days=0.01)
        busy.add(1e-4 if k % 20 == 0 else 0.7, days=0.01)
    assert busy.score(8.0) < calm.score(8.0) - 1.0


def test_ordinary_windows_are_what_the_checks_say() -> None:
    spends = [x["spend"] for x in ordinary(SPEND, 14, seed=1)]
    assert min(spends) == 0.0
    assert max(spends) > 10 * sum(spends) / len(spends)
