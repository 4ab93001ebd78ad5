"""What a test tells is worth so much: dollars of one window that add up, its own driver and member first; and no episode teaches what is usual."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from service.facts import Incident, Scope
from service.records import UNATTRIBUTED
from service.warden import detection, normal, signals
from service.warden.fold import hear, tenant
from service.warden.signals.worth import worth
from service.warden.state import Tenant, Warden, Window
from tests.core.streams import START_MS, policy_set
from tests.core.test_signals import BEGIN, CELL, SUMS, ordinary

AGENT = Scope("agent", "indexer")
USERS = ("ann", "bob", "cyd", "dan")


def window(number: int, times: int = 1, user: str = "") -> Window:
    """`times` the work of an ordinary window, what is more of it by one user."""
    made = ordinary(number)
    fields = {name: times * getattr(SUMS, name) for name in ("records", "nanos", "calls", "began", "input_pico")}
    made.cells = {CELL: replace(SUMS, **fields)}
    made.members = {("indexer", "user", name): [3, SUMS.nanos // 4] for name in USERS}
    if times > 1:
        made.members["indexer", "user", user] = [12 * (times - 1), SUMS.nanos * (times - 1)]
        made.looks = {key: replace(look, begun={**look.begun, user: 4 * (times - 1)}) for key, look in made.looks.items()}
    return made


def close(w: Warden, t: Tenant, closing: Window, see: Callable[[Warden, Tenant, Window], None] = lambda *_: None) -> list[Incident]:
    w.closed += 1
    w.now_ms = (w.closed + 1) * 600_000
    see(w, t, closing)
    heard = signals.look(w, t, w.closed, closing)
    said = [step for step in w.out if isinstance(step, Incident)]
    detection.look(w, t, w.closed, closing, heard)
    w.out = []
    return said


@pytest.fixture(scope="module")
def used() -> tuple[Warden, Tenant]:
    w = Warden(0, 1, closed=BEGIN)
    hear(w, START_MS, policy_set("version: 1"))
    t = tenant(w, "default")
    for _ in range(5 * 144):
        assert close(w, t, window(w.closed)) == []
    return w, t


def test_a_surge_is_told_with_its_money_and_who_carries_it(used: tuple[Warden, Tenant]) -> None:
    w, t = used
    cause = worth(t, AGENT, window(w.closed, 30, "eve"), w.closed + 1, "executions", None)
    assert cause is not None
    assert abs(sum(part.nanos for part in cause.drivers) - 29 * SUMS.nanos) <= SUMS.nanos // 100, "29 times as much as usual"
    assert cause.drivers[0].driver == cause.driver == "executions"
    assert (cause.dimensions[0].kind, cause.dimensions[0].name) == ("user", "eve")
    assert 0.9 < cause.dimensions[0].share <= 1.0
    named = worth(t, AGENT, window(w.closed, 30, "eve"), w.closed + 1, "executions", Scope("workflow", "nightly"))
    assert named is not None
    assert [part.kind for part in named.dimensions] == ["workflow", "user"]


def test_other_drivers_keep_their_part_of_it(used: tuple[Warden, Tenant]) -> None:
    w, t = used
    dear = window(w.closed, 30, "eve")
    dear.cells = {cell: replace(sums, nanos=2 * sums.nanos) for cell, sums in dear.cells.items()}
    runs, price = (worth(t, AGENT, dear, w.closed + 1, driver, None) for driver in ("executions", "price"))
    assert runs is not None
    assert price is not None
    assert runs.drivers[0].driver == "executions"
    assert price.drivers[0].driver == "price"
    assert sorted(runs.drivers) == sorted(price.drivers)
    assert abs(sum(part.nanos for part in runs.drivers) - 59 * SUMS.nanos) <= SUMS.nanos // 100
    assert runs.share + price.share == pytest.approx(1.0)


def test_the_money_bears_out_what_was_found_or_is_not_told(used: tuple[Warden, Tenant]) -> None:
    w, t = used
    surge = window(w.closed, 30, "eve")
    assert worth(t, AGENT, surge, w.closed + 1, "price", None) is None, "no dollar of it is the price"
    assert worth(t, AGENT, surge, w.closed + 1, "executions", Scope("user", "nobody")) is None
    assert worth(t, AGENT, Window(), w.closed + 1, "executions", None) is None
    assert worth(t, Scope("agent", "new"), surge, w.closed + 1, "executions", None) is None


def test_a_first_window_of_an_episode_is_not_what_is_usual(used: tuple[Warden, Tenant]) -> None:
    w, t = used
    series = t.series[AGENT]
    for times in (1_000, 100_000):
        seen = normal.by_scope(window(w.closed, times, "eve"), AGENT)[AGENT]
        seen.most = 12 * SUMS.nanos
        eve, before = series.members.get(Scope("user", "eve"), 0), series.baseline.nanos
        normal.learn(series, seen)
        assert series.members.get(Scope("user", "eve"), 0) - eve <= 12 * SUMS.nanos * normal.WEIGHT
        assert series.baseline.nanos - before <= 12 * SUMS.nanos * normal.WEIGHT


def test_a_window_teaches_no_more_than_the_detector_takes_in(used: tuple[Warden, Tenant], monkeypatch: pytest.MonkeyPatch) -> None:
    w, t = used
    learned: list[normal.Seen] = []
    monkeypatch.setattr(normal, "learn", lambda _, seen: learned.append(seen))
    close(w, t, window(w.closed))
    (most,) = (seen.most for seen in learned if seen.scope == AGENT)
    assert 12 * SUMS.nanos < most <= 18 * SUMS.nanos


def test_what_nobody_owns_is_counted_by_calls() -> None:
    seen = normal.by_scope(Window({CELL._replace(agent=UNATTRIBUTED): SUMS, CELL: SUMS}))
    assert seen[Scope("agent", UNATTRIBUTED)].activity.began == 0
    assert seen[AGENT].activity.began == SUMS.began


def test_spend_excess_and_cause_of_an_incident_are_of_one_window(used: tuple[Warden, Tenant]) -> None:
    w, t = used
    steps = [step for k in range(3) for step in close(w, t, window(w.closed, 60 * (k + 1), "eve")) if step.scope == AGENT]
    assert steps
    for step in steps:
        assert step.cause is not None
        assert sum(part.nanos for part in step.cause.drivers) == step.excess_nanos > 0
        assert 0 < step.spend_nanos - step.excess_nanos < 2 * SUMS.nanos
