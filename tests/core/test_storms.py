"""What broken producers and clocks send: the tests of what agents do stay finite and small, tell nobody in vain, and are themselves again soon.

Windows are closed one by one with both looks, as the warden's fold does it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Final

import pytest
from msgspec.structs import replace

from detectors.base import STATE_BYTES_MAX, Features
from detectors.checks import taught
from detectors.feeds import DAY as WINDOWS_A_DAY
from detectors.feeds import feed_of, timed
from detectors.sequences import SEQUENTIAL, Signal
from detectors.silence import Silence
from service.facts import Incident, Measures, Scope
from service.warden import detection, signals
from service.warden.signals.registry import DAY
from service.warden.state import Look, Tenant, Warden, Window
from tests.core.test_signals import CELL, SUMS, ordinary, warden

HANDFUL: Final = 3  # incidents that a storm may bring
AGENTS: Final = 300
STATE_OF_AN_AGENT_MAX: Final = 30_000  # bytes of all its tests as dumped
Odd = Callable[[int, Window], None]


def close(w: Warden, t: Tenant, window: Window) -> int:
    """One more window; returns how many incidents it opened."""
    w.closed += 1
    w.now_ms = (w.closed + 1) * 600_000
    detection.look(w, t, w.closed, window, signals.look(w, t, w.closed, window))
    opened = sum(isinstance(d, Incident) and d.action == "opened" for d in w.out)
    w.out = []
    return opened


def storm(odd: Odd, windows: int) -> tuple[Warden, Tenant, int]:
    """Eight ordinary days, then so many windows of it; with the number of incidents opened in them."""
    w, t = warden()
    opened = 0
    for k in range(windows):
        window = ordinary(w.closed + 1)
        odd(k, window)
        opened += close(w, t, window)
    return w, t, opened


def ordinary_days(w: Warden, t: Tenant, days: int) -> int:
    return sum(close(w, t, ordinary(w.closed + 1)) for _ in range(days * DAY))


def state_bytes(t: Tenant) -> int:
    return max(sum(len(signal.dump()) for signal in watch.signals.values()) for _, watch in t.watches.peek())


def finite(t: Tenant) -> bool:
    return all(math.isfinite(value) for _, watch in t.watches.peek() for signal in watch.signals.values() for value in _numbers(signal))


def _numbers(signal: Signal) -> list[float]:
    return [signal.seen_s, signal.tail.level, signal.tail.peak, signal.tail.days, *signal.expected({})]


# ---------------------------------------------------------------- each storm by itself
def zeros(_: int, window: Window) -> None:
    window.cells.clear()
    window.looks.clear()


def zero_records(_: int, window: Window) -> None:
    """Records that say nothing was used and nothing was done."""
    for cell in window.cells:
        window.cells[cell] = Measures(records=12)
    for key in window.looks:
        window.looks[key] = Look()


def one_huge_value(k: int, window: Window) -> None:
    if k == 0:
        for cell, sums in window.cells.items():
            window.cells[cell] = replace(sums, nanos=10**18, input_pico=10**18, calls=10**12, swapped=10**12, began=10**12)
        for look in window.looks.values():
            look.begun = {"ann": 10**12}
            look.lowest = [10**12, 10**12]
            look.calls = dict.fromkeys(look.calls, 10**12)


def missing_minutes(k: int, window: Window) -> None:
    """Every third window never comes, another third is half there."""
    if k % 3 == 0:
        zeros(k, window)
    elif k % 3 == 1:
        for cell, sums in window.cells.items():
            window.cells[cell] = replace(sums, nanos=sums.nanos // 2, records=6, calls=6, began=2, input_pico=sums.input_pico // 2)
        for look in window.looks.values():
            look.begun = {"ann": 1, "bob": 1}


STORMS: Final[dict[str, tuple[Odd, int, int]]] = {  # what comes, for how many windows, and within how many days it is over
    "zeros for a week": (zeros, 7 * DAY, 2),
    "empty records for a day": (zero_records, DAY, 2),
    "one huge value": (one_huge_value, 1, 2),
    "missing minutes for a day": (missing_minutes, DAY, 1),
}


@pytest.mark.parametrize("name", STORMS)
def test_a_storm_tells_a_handful_and_passes(name: str) -> None:
    odd, windows, days = STORMS[name]
    w, t, opened = storm(odd, windows)
    assert opened <= HANDFUL
    assert finite(t)
    assert state_bytes(t) < STATE_OF_AN_AGENT_MAX
    assert ordinary_days(w, t, days) <= HANDFUL, "coming back is no storm of its own"
    assert ordinary_days(w, t, 2) == 0, f"itself again within {days} days"
    assert finite(t)


@pytest.mark.parametrize("ahead", [DAY, 10 * 365 * DAY], ids=["a day", "ten years"])
def test_a_clock_that_jumps_ahead_is_silence_and_nothing_else(ahead: int) -> None:
    w, t = warden()
    w.closed += ahead
    assert ordinary_days(w, t, 1) <= HANDFUL
    assert ordinary_days(w, t, 2) == 0
    assert finite(t)
    (kept,) = (watch for scope, watch in t.watches.peek() if scope == Scope("agent", "indexer"))
    assert state_bytes(t) < STATE_OF_AN_AGENT_MAX
    assert kept.last == w.closed


def test_an_agent_seen_once_is_forgotten_and_told_of_never() -> None:
    w, t = warden(days=1)
    once = Window(
        {CELL._replace(agent=f"once-{n}"): SUMS for n in range(AGENTS)}, {}, {(f"once-{n}", "nightly"): Look(begun={"ann": 1}) for n in range(AGENTS)}
    )
    opened = close(w, t, once)
    opened += sum(close(w, t, Window()) for _ in range(DAY))
    assert opened == 0
    assert len(t.watches) == AGENTS + 2
    w.closed += 46 * DAY
    ordinary_days(w, t, 1)
    assert [scope.name for scope in t.watches] == ["indexer", "nightly"]
    assert t.watches_forgotten >= AGENTS


# ---------------------------------------------------------------- what no whole number can be
@pytest.mark.parametrize("cls", SEQUENTIAL.values(), ids=SEQUENTIAL)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300], ids=str)
def test_six_hours_of_no_numbers_leave_it_finite_and_small(cls: type[Signal], value: float) -> None:
    """NaN counts as nothing, what is infinite as the most that can be."""
    feed = feed_of(cls.name)
    detector = cls.load(taught(cls).dump())
    spoiled: Features = dict.fromkeys(feed.plain(1.0), value)
    for k in range(WINDOWS_A_DAY // 4):  # less than an episode is held for
        score = detector.score_one(timed(10 * WINDOWS_A_DAY + k, spoiled))
        assert math.isfinite(score)
        assert score >= 0.0
        detector.learn_one(timed(10 * WINDOWS_A_DAY + k, spoiled))
    assert all(math.isfinite(number) for number in _numbers(detector))
    assert len(detector.dump()) < STATE_BYTES_MAX


def test_one_broken_count_is_not_missed_afterwards() -> None:
    silence, usual = Silence(), 0.5
    for k in range(14 * WINDOWS_A_DAY):
        x = {"count": 1e9 if k == 9 * WINDOWS_A_DAY else float(k % 2), "start_s": 600.0 * k}
        assert silence.score_one(x) < 1.0, f"{k - 9 * WINDOWS_A_DAY} windows after it"
        silence.learn_one(x)
        assert k < 9 * WINDOWS_A_DAY or silence.expected(x).value < 4 * usual, "what is expected stays near what comes"


def test_a_surge_is_still_found_after_one_huge_value() -> None:
    w, t, _ = storm(one_huge_value, 1)
    ordinary_days(w, t, 2)
    for _ in range(18):
        window = ordinary(w.closed + 1)
        for look in window.looks.values():
            look.begun = {f"user-{n}": 12 for n in range(10)}
        close(w, t, window)
    assert "up" in next(watch for scope, watch in t.watches.peek() if scope.name == "indexer").told
    assert t.watches[Scope("agent", "indexer")].told["up"].number > w.closed - 18


def test_a_crowd_beyond_every_bound_is_counted_and_hides_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a hundred thousand scopes would be, at a five-hundredth of it: none is told of, state stays bounded, who was there before is judged as before."""
    looking = sys.modules["service.warden.signals.look"]  # the package's own `look` is the function
    monkeypatch.setattr(looking, "WATCHES_MAX", 50)
    monkeypatch.setattr(detection, "SERIES_PER_TENANT_MAX", 100)
    w, t = warden()
    opened = 0
    for k in range(DAY // 2):
        window = ordinary(w.closed + 1)
        for n in range(200):
            window.cells[CELL._replace(agent=f"crowd-{n}", use_case=f"case-{n}", workflow=f"flow-{n}")] = replace(SUMS, nanos=SUMS.nanos // 200)
        surge(window, of=12 if k >= DAY // 2 - 18 else 1)
        opened += close(w, t, window)
    assert opened <= HANDFUL
    assert len(t.series) == 100
    assert len(t.watches) == 50
    assert t.series_folded > 200
    assert t.watches_folded > 200
    assert t.watches[Scope("agent", "indexer")].told["up"].number > w.closed - 18
    assert finite(t)


def surge(window: Window, of: int) -> None:
    """So many times the runs."""
    for look in window.looks.values():
        look.begun = {f"user-{n}": of for n in range(10 if of > 1 else 2)}
