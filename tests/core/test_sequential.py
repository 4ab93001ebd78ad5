"""What the sequential tests share: when they learn, what they forget, and what a peak is worth to whoever has had peaks."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.base import STATE_BYTES_MAX, Features, whole
from detectors.cache import STEPS, WATCHED, Cache
from detectors.checks import taught
from detectors.feeds import DAY, WIDTH_S, feed_of, ordinary, timed
from detectors.floor import SIZES, Floor
from detectors.mix import LEVELS_MAX, NAMES_MAX, Mix
from detectors.pace import Pace
from detectors.packed import unpacked
from detectors.profile import HOURS, Profile
from detectors.ratio import Ratio
from detectors.sequences import SEQUENTIAL, Signal
from detectors.sequential import HOLD_NATS, HOLD_S, WARM_S
from detectors.share import Share
from detectors.shift import BINS_MAX, Shift
from detectors.tail import CAP, EXCESS_MAX, PEAK_MIN, Tail, gathered

LEARNERS = [Mix, Pace, Ratio, Shift, Floor]  # those that can make a new usual of what lasts within days


def plain(cls: type[Signal], k: int) -> Features:
    return timed(10 * DAY + k, feed_of(cls.name).plain(1.0))


def ready(cls: type[Signal]) -> Signal:
    return cls.load(taught(cls).dump())


# ---------------------------------------------------------------- when it learns
@pytest.mark.parametrize("cls", SEQUENTIAL.values(), ids=SEQUENTIAL)
def test_an_episode_teaches_nothing_for_as_long_as_it_is_held(cls: type[Signal]) -> None:
    detector = ready(cls)
    heard = 0
    while detector.level(plain(cls, heard)) <= HOLD_NATS:
        detector.learn_one(plain(cls, heard))
        heard += 1
        assert heard < DAY, "what is plain is held"
    before, held_s = detector.expected(plain(cls, 0)).value, detector.held_s
    for k in range(int(HOLD_S / WIDTH_S) - 1 - round(held_s / WIDTH_S)):
        detector.learn_one(plain(cls, heard + k))
    assert detector.held_s == pytest.approx(HOLD_S - WIDTH_S)
    assert detector.expected(plain(cls, 0)).value == before
    for k in range(3 * DAY):
        detector.learn_one(plain(cls, heard + 200 + k))
    assert detector.expected(plain(cls, 0)).value != before, "what lasts is learned"


@pytest.mark.parametrize("cls", LEARNERS, ids=lambda cls: cls.name)
def test_what_lasts_becomes_the_usual(cls: type[Signal]) -> None:
    detector = ready(cls)
    for k in range(8 * DAY):
        detector.learn_one(plain(cls, k))
    assert detector.score_one(plain(cls, 8 * DAY)) < 1.0
    assert detector.held_s == 0.0


def test_a_cache_given_up_for_good_is_an_episode_that_ends() -> None:
    cache = Cache.load(taught(Cache).dump())
    lost = timed(10 * DAY, {f"{step}:0": 12.0 for step in range(STEPS)})
    for _ in range(30 * DAY):
        cache.learn_one(lost)
        if cache.held_s > HOLD_S and cache.tail.level == 0.0:
            break
    assert max(cache.cached[step] / cache.calls[step] for step in range(STEPS)) < WATCHED
    assert cache.score_one(lost) == cache.held_s == 0.0


@pytest.mark.parametrize("cls", SEQUENTIAL.values(), ids=SEQUENTIAL)
def test_it_is_warm_after_so_many_seconds_whatever_their_windows(cls: type[Signal]) -> None:
    for width_s in (60.0, 3600.0):
        detector = cls()
        for _ in range(int(WARM_S / width_s) - 1):
            detector.learn_one({"width_s": width_s})
        assert not detector.warm
        detector.learn_one({"width_s": width_s})
        assert detector.warm


# ---------------------------------------------------------------- the tail
levels = st.lists(st.floats(0.0, 1e6), max_size=200)


@given(levels, st.floats(0.0, 100.0), st.floats(0.0, 100.0))
def test_a_higher_level_is_never_less_rare(past: list[float], a: float, b: float) -> None:
    tail = Tail()
    for level in past:
        tail.hear(level, days=0.01)
    assert tail.score(min(a, b)) <= tail.score(max(a, b))
    assert tail.score(PEAK_MIN) == 0.0
    assert 0.0 <= gathered(tail.level, 1e300) <= CAP
    assert gathered(tail.level, -1e300) == 0.0


def test_a_peak_counts_once_and_one_incident_does_not_hide_the_next() -> None:
    tail = Tail()
    for level in (1.0, 3.0, 5.0, 4.0, 0.0, 1.0, 0.0):
        tail.hear(level, days=0.1)
    assert (tail.episodes, tail.excess, tail.peak) == (1.0, 5.0 - PEAK_MIN, 0.0)
    before = tail.score(20.0)
    tail.hear(1e9, days=0.1)
    tail.hear(0.0, days=0.1)
    assert tail.excess == 5.0 - PEAK_MIN + EXCESS_MAX
    assert before > tail.score(20.0) > 0.0


def test_many_peaks_make_the_next_one_ordinary() -> None:
    calm, busy = Tail(), Tail()
    for k in range(1000):
        calm.hear(0.0, days=0.01)
        busy.hear(6.0 * (k % 10 == 0), days=0.01)
    assert busy.score(8.0) < calm.score(8.0) - 1.0


# ---------------------------------------------------------------- bounds, and names that are none
@given(st.lists(st.dictionaries(st.text(max_size=300), st.floats(0.0, 50.0), max_size=30), max_size=40))
@settings(max_examples=24)
def test_a_mix_stays_small_and_names_its_leader_whole(windows: list[Features]) -> None:
    mix = Mix()
    for x in windows:
        leader = mix.leader(x)
        assert leader in x or leader in mix.levels or not leader
        mix.learn_one(x)
    assert len(mix.counts) <= NAMES_MAX
    assert len(mix.levels) <= LEVELS_MAX
    assert len(mix.dump()) < STATE_BYTES_MAX
    assert Mix.load(mix.dump()) == mix


def test_the_names_that_are_kept_are_the_most_frequent() -> None:
    mix = Mix()
    for k in range(NAMES_MAX + 50):
        mix.learn_one({"often": 5.0, f"user-{k:040d}": 1.0})
    assert len(mix.counts) == NAMES_MAX
    assert mix.share("often") > 0.7
    assert mix.leader({f"user-{'x' * 40}": 9.0}) == f"user-{'x' * 40}"


@given(st.text(max_size=12), st.integers(1, 500))
def test_a_whole_number_is_one_that_was_asked_for(name: str, below: int) -> None:
    number = whole(name, below)
    assert number is None or (0 <= number < below and int(name) == number)
    assert whole(str(below - 1), below) == below - 1
    assert whole(str(below), below) is None


@given(st.lists(st.tuples(st.floats(0.0, 3.0), st.floats(1.0, 1e6)), min_size=1, max_size=400))
@settings(max_examples=16)
def test_a_floor_remembers_no_more_prompts_than_it_asks_for(windows: list[tuple[float, float]]) -> None:
    floor = Floor()
    for n, low in windows:
        floor.learn_one({"n": n, "low": low, "second": low + 1.0})
    counts = unpacked(floor.recent)[::3]
    assert len(counts) <= 2 * SIZES[-1] + 3
    assert all(n >= 1.0 for n in counts)


def test_bins_beyond_the_scale_are_no_bins() -> None:
    shift = Shift()
    shift.learn_one({str(BINS_MAX): 1.0, "²": 1.0, "7": 1.0})
    assert shift.bins == {7: 1.0}


# ---------------------------------------------------------------- what an older version has dumped
def test_a_profile_dumped_as_lists_of_hours_of_the_week_expects_the_same() -> None:
    profile = taught_profile()
    sums, hours = (unpacked(raw) for raw in (profile.sums, profile.hours))
    by_week = [[held[7 * (hour % 24) + hour // 24] for hour in range(HOURS)] for held in (sums, hours)]
    older = msgspec.msgpack.decode(msgspec.msgpack.encode([profile.level, profile.seen_h, *by_week]), type=Profile)
    assert older == profile
    assert [older.at(hour) for hour in range(HOURS)] == [profile.at(hour) for hour in range(HOURS)]


def test_a_pace_dumped_as_a_list_goes_on_the_same() -> None:
    pace = Pace.load(taught(Pace, days=5).dump())
    fields = msgspec.msgpack.decode(pace.dump())
    at = Pace.__struct_fields__.index("recent") + 1  # after the tag
    fields[at] = list(unpacked(pace.recent))
    older = Pace.load(msgspec.msgpack.encode(fields))
    assert older == pace


def taught_profile() -> Profile:
    profile = Profile()
    for hour in range(3 * HOURS + 11):
        profile.learn(hour % HOURS, float(hour % 17), hours=1.0)
    return profile


# ---------------------------------------------------------------- read once
@pytest.mark.parametrize("cls", SEQUENTIAL.values(), ids=SEQUENTIAL)
def test_what_is_weighed_once_is_what_is_scored_and_learned(cls: type[Signal]) -> None:
    twice, once = ready(cls), ready(cls)
    for k, x in enumerate((*ordinary(feed_of(cls.name), 2, seed=8), *(plain(cls, k) for k in range(30)))):
        level, seen = once.weigh(x)
        assert (once.level(x), once.rarity(level)) == (level, twice.score_one(x)), k
        once.take(x, level, seen)
        twice.learn_one(x)
    assert once.dump() == twice.dump()


# ---------------------------------------------------------------- each for itself
def test_a_share_that_others_have_too_is_nobodys_fault() -> None:
    share = Share.load(taught(Share).dump())
    x = {"hits": 6.0, "of": 10.0}
    assert share.score_one(x) > 1.0
    assert share.score_one(x | {"floor": 0.6}) < share.score_one(x) / 2


def test_a_price_that_moves_as_it_always_did_is_no_change() -> None:
    ratio = Ratio.load(taught(Ratio).dump())
    for k in range(30):
        ratio.learn_one(timed(10 * DAY + k, {"told": 0.9 * (1 + k), "listed": 1.0 + k}))
    assert ratio.tail.level == 0.0
    for told in (0.5, 1.8):  # a fall is a change as well
        moved = Ratio.load(ratio.dump())
        for _ in range(3):
            moved.learn_one({"told": told, "listed": 1.0})
        assert moved.tail.level > HOLD_NATS


def test_who_wobbles_a_little_is_told_of_a_leap_all_the_same() -> None:
    shift = Shift()

    def scored(moved: str, windows: int = 4) -> float:
        for _ in range(windows - 1):
            shift.learn_one({moved: 2.0})
        return shift.score_one({moved: 2.0})

    for k in range(1440):
        shift.learn_one({str(47 if k % 36 >= 30 else 40 + k % 3): 2.0})
    assert scored("47") < 2.0, "it has done that forty times"
    for _ in range(12):
        shift.learn_one({"41": 2.0})
    assert scored("66") > 4.0
    assert shift.basis({"66": 2.0}).score == pytest.approx(shift.score_one({"66": 2.0}))


def test_a_leap_of_any_size_is_one() -> None:
    for octaves in (1, 2, 4, 6):
        shift = Shift()
        for k in range(500):
            shift.learn_one({str(40 + k % 5): 2.0})
        for _ in range(8):
            shift.learn_one({str(42 + 8 * octaves): 2.0})
        assert shift.score_one({str(42 + 8 * octaves): 2.0}) > 4.0, octaves


def test_calls_of_one_window_count_as_calls_do() -> None:
    ratio = Ratio.load(taught(Ratio).dump())
    jumped = {"told": 9.0, "listed": 1.0}
    scores = [ratio.score_one(jumped | {"n": float(n)}) for n in (1, 2, 3, 30)]
    assert scores[0] < scores[1] < scores[2] == scores[3], "and one window alone is never all the evidence"
    assert ratio.score_one(jumped) == scores[0]


def test_records_fade_while_work_comes_and_not_in_silence() -> None:
    pace = Pace.load(taught(Pace).dump())
    before = list(pace.records)
    for _ in range(40 * DAY):
        pace.learn_one({"count": 0.0})
    assert all(0.9 * known < left <= known for known, left in zip(before, pace.records, strict=True))
    for _ in range(40 * DAY):
        pace.learn_one({"count": 1.0})
    assert pace.records[0] < 0.2 * before[0]
