"""Every sequential test tells one incident of its kind, of the right scope, and is quiet where something explains it.

Windows are made by hand and closed one by one, as the warden's fold does it; what is ordinary is small and even, so that each story shows alone.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Final, NamedTuple

import pytest
from msgspec.structs import astuple, replace

from detectors.ratio import Ratio
from detectors.silence import Silence
from detectors.tail import Basis
from service.facts import Cell, Incident, Measures, Purpose, Scope, shape_of_call, size_bin
from service.records import UNATTRIBUTED
from service.state.rows import ROWS_PER_GROUP
from service.warden import signals
from service.warden.fold import hear, tenant
from service.warden.signals import quiet
from service.warden.signals.look import AWAY_WINDOWS
from service.warden.signals.registry import DAY, TESTS
from service.warden.snapshot import dump, load
from service.warden.state import Episode, Look, Tenant, Told, Warden, Window
from service.warden.votes import VOTES_MAX
from tests.core.streams import START_MS, policy_set

BEGIN: Final = START_MS // 600_000
CELL: Final = Cell("default", "indexer", "kyc", "risk", "nightly", "anthropic", "small", "inference", "chat", batch=False)
SUMS: Final = Measures(records=12, nanos=12_000_000, calls=12, began=4, input_pico=12_000_000_000)
Odd = Callable[[Window], None]


def ordinary(number: int, agent: str = "indexer") -> Window:
    """Four runs of three calls each: a prompt of about a thousand tokens, nearly all of it from the cache after the first call."""
    low = 1000 + number * 7 % 12
    calls = {shape_of_call(low, 0, 1): 4, shape_of_call(1300, 1100, 2): 4, shape_of_call(1500, 1300, 3): 4}
    look = Look(calls, [low, low + 3], {size_bin(3 << 3): 3, size_bin(4 << 3): 1}, {"ann": 1, "bob": 1, "cyd": 1, "dan": 1})
    return Window({CELL._replace(agent=agent): SUMS}, {}, {(agent, "nightly"): look})


def run(w: Warden, t: Tenant, windows: int, odd: Odd | None = None, agent: str = "indexer") -> list[Incident]:
    """So many more windows; returns every incident's step."""
    said: list[Incident] = []
    for _ in range(windows):
        w.closed += 1
        w.now_ms = (w.closed + 1) * 600_000
        window = ordinary(w.closed, agent)
        if odd is not None:
            odd(window)
        signals.look(w, t, w.closed, window)
        said += [d for d in w.out if isinstance(d, Incident)]
        w.out = []
    return said


def warden(days: int = 8, agent: str = "indexer") -> tuple[Warden, Tenant]:
    w = Warden(0, 1, closed=BEGIN)
    hear(w, START_MS, policy_set("version: 1"))
    t = tenant(w, "default")
    assert run(w, t, days * DAY, agent=agent) == [], "ordinary windows tell nobody"
    return w, t


def sums(**fields: int) -> Odd:
    def change(window: Window) -> None:
        for cell, known in window.cells.items():
            window.cells[cell] = replace(known, **fields)

    return change


def looks(**fields: object) -> Odd:
    def change(window: Window) -> None:
        for key, known in window.looks.items():
            window.looks[key] = replace(known, **fields)

    return change


def mixed(window: Window) -> None:
    window.cells = {cell._replace(model="large"): known for cell, known in window.cells.items()}


def silent(window: Window) -> None:
    window.cells, window.looks = {}, {}


def unlabelled(window: Window) -> None:
    window.cells = {cell._replace(agent=UNATTRIBUTED): known for cell, known in window.cells.items()}


COLD: Final = {shape_of_call(1000, 0, 1): 4, shape_of_call(1300, 0, 2): 4, shape_of_call(1500, 0, 3): 4}
SURGE: Final = dict.fromkeys(("ann", "bob", "cyd", "dan"), 100)


class Story(NamedTuple):
    """What happens, in how many windows, and what of it is said of whom."""

    odd: Odd
    windows: int = 18
    dimension: Scope | None = None
    scope: Scope = Scope("agent", "indexer")
    observed: float | None = None


STORIES: Final[dict[str, Story]] = {
    "fallback": Story(sums(fallbacks=9), dimension=Scope("model", "small"), observed=9),
    "models": Story(mixed, dimension=Scope("model", "large")),
    "price": Story(sums(nanos=30_000_000), observed=30_000_000, dimension=Scope("model", "small"), scope=Scope("model", "small")),
    "floor": Story(looks(lowest=[2600, 2610]), observed=2600),
    "size": Story(looks(calls={shape_of_call(4000, 0, 1): 12, shape_of_call(4000, 3500, 2): 12})),
    "cache": Story(looks(calls=COLD)),
    "length": Story(looks(ended={size_bin(12 << 3): 4})),
    "user": Story(looks(begun={"eve": 4}), dimension=Scope("user", "eve"), observed=4),
    "up": Story(looks(begun=SURGE), observed=400),
    "silence": Story(silent, windows=2 * DAY, observed=0),
    "unattributed": Story(unlabelled, dimension=Scope("workflow", "nightly"), scope=Scope("agent", UNATTRIBUTED)),
}
BY_NAME = pytest.mark.parametrize("name", TESTS)


def of(said: list[Incident], name: str) -> list[Incident]:
    """The steps of incidents of that test's kind which that test told."""
    return [step for step in said if TESTS[name].kind in step.kinds and any(e.detector == name for e in step.evidence)]


@BY_NAME
def test_each_tells_one_incident_of_its_kind(name: str) -> None:
    w, t = warden()
    story, test = STORIES[name], TESTS[name]
    found = of(run(w, t, story.windows, story.odd), name)
    opened = [step for step in found if step.action == "opened"]
    assert len({step.id for step in found}) == len(opened) == 1
    (step,) = opened
    assert step.scope == story.scope
    assert step.kinds[0] == test.kind
    assert step.evidence[0].detector == name
    assert "is usual" in step.detail
    assert not [odd for odd in ("e+", "nan", "inf") if odd in step.detail.split(":")[1]], step.detail
    told = step.evidence[0]
    assert told.reckoning is not None
    assert Basis(*astuple(told.reckoning)[:6]).score == pytest.approx(told.score, abs=0.001)
    assert told.score * math.log(10.0) >= told.reckoning.threshold * told.reckoning.factor - 0.002
    assert told.reckoning.threshold == test.nats
    assert told.votes == sorted(told.votes, key=lambda vote: -vote.score)
    assert all(vote.score > 1.0 for vote in told.votes)
    assert len(told.votes) <= VOTES_MAX
    observed = told.observed
    assert observed == pytest.approx(story.observed) if story.observed is not None else observed >= 0.0
    assert step.spend_nanos > 0 or name == "silence"
    cause = t.episodes[step.id].cause
    assert cause is not None
    assert cause.driver == test.driver
    if story.dimension is not None:
        assert story.dimension in [Scope(d.kind, d.name) for d in cause.dimensions]


def test_three_calls_at_another_price_are_enough_and_two_are_not() -> None:
    """As soon as the test is warm: a wrong price is paid by every call that follows."""
    ratio = Ratio()
    for _ in range(3 * DAY):
        ratio.learn_one({"told": 1.0, "listed": 1.0, "n": 3.0})
    two, three = (ratio.score_one({"told": 2.0, "listed": 1.0, "n": n}) * math.log(10.0) for n in (2.0, 3.0))
    assert two < TESTS["price"].nats <= three


def test_an_alert_carries_what_the_others_say() -> None:
    w, t = warden()

    def dear_and_cold(window: Window) -> None:
        looks(begun=SURGE, calls=COLD)(window)
        sums(nanos=900_000_000)(window)

    (step, *_) = of(run(w, t, 2, dear_and_cold), "up")
    assert {"cache", "price:small"} <= {vote.detector for vote in step.evidence[0].votes}


@BY_NAME
def test_the_policys_rate_moves_the_threshold(name: str) -> None:
    """What a strict policy tells, an eager one tells no later."""
    first: list[int] = []
    factors: list[list[float]] = []
    for rate in ("0.001", "0.05", "5"):
        w, t = warden()
        hear(w, w.now_ms, policy_set(f"version: 1\ndetection: {{false_alerts_per_scope_day: {rate}}}", version=2))
        story, begin = STORIES[name], w.closed
        steps = of(run(w, t, story.windows, story.odd), name)
        factors.append([e.reckoning.factor for step in steps for e in step.evidence if e.reckoning is not None])
        first.append((steps[0].time_ms // 600_000 if steps else 1 << 40) - begin)
    assert first[0] >= first[1] >= first[2]
    assert all(factor > 2.0 for factor in factors[0])
    assert factors[2]
    assert all(factor < 0.6 for factor in factors[2])


@pytest.mark.parametrize("name", sorted(quiet.VOLUME))
def test_planned_work_is_no_surge(name: str) -> None:
    w, t = warden()

    def planned(window: Window) -> None:
        STORIES[name].odd(window)
        sums(planned_nanos=1)(window)

    assert of(run(w, t, 18, planned), name) == []
    if name != "up":  # whose evidence has no cap: it may be twice as strong when the plan ends
        assert of(run(w, t, 18, STORIES[name].odd), name) == [], "what was known to be planned stays so for as long as it lasts"


@pytest.mark.parametrize("name", sorted(quiet.SHAPE))
def test_a_planned_batch_may_look_like_itself(name: str) -> None:
    for planned_nanos, quiet_ in ((SUMS.nanos, True), (SUMS.nanos // 3, False)):
        w, t = warden()

        def planned(window: Window, planned_nanos: int = planned_nanos) -> None:
            STORIES[name].odd(window)
            sums(planned_nanos=planned_nanos)(window)

        assert (of(run(w, t, 18, planned), name) == []) is quiet_


def test_who_begins_no_run_and_calls_on_is_not_silent() -> None:
    w, t = warden()
    assert of(run(w, t, 2 * DAY, looks(begun={})), "silence") == []


@pytest.mark.parametrize(("pause", "is_watched"), [(30, True), (40, False)])
def test_who_has_paused_for_a_quarter_of_a_day_is_not_watched_for_it(pause: int, is_watched: bool) -> None:
    d, at_s = Silence(), 0.0

    def feed(windows: int, count: Callable[[int], float]) -> float:
        nonlocal at_s
        score = 0.0
        for k in range(windows):
            at_s += 600.0
            score = d.score_one(x := {"count": count(k), "start_s": at_s})
            d.learn_one(x)
        return score

    feed(8 * DAY, lambda k: k % 2)
    feed(pause, lambda _: 0.0)
    feed(DAY, lambda k: k % 2)
    assert (feed(60, lambda _: 0.0) > 3.0) is is_watched


@pytest.mark.parametrize("name", sorted(quiet.VOLUME))
def test_a_new_agent_may_find_its_feet(name: str) -> None:
    w, t = warden()
    t.watches[Scope("agent", "indexer")].first = w.closed - 1
    assert of(run(w, t, 18, STORIES[name].odd), name) == []


@pytest.mark.parametrize("name", sorted(quiet.VOLUME))
def test_an_agent_that_came_back_may_find_its_feet(name: str) -> None:
    w, t = warden()
    t.watches[Scope("agent", "indexer")].last = w.closed - AWAY_WINDOWS - 1
    assert of(run(w, t, 18, STORIES[name].odd), name) == []


@pytest.mark.parametrize("name", sorted(quiet.VOLUME))
def test_a_weekend_is_no_absence(name: str) -> None:
    w, t = warden()
    t.watches[Scope("agent", "indexer")].last = w.closed - int(2.7 * DAY)
    assert of(run(w, t, 18, STORIES[name].odd), name)


def test_a_launch_explains_so_much_and_no_more() -> None:
    for users, quiet_ in (({"ann": 7}, True), (SURGE, False)):
        w, t = warden()
        t.purposes.append(Purpose("c", "default", "launch", Scope("use_case", "kyc"), w.now_ms, "v2", "maria"))
        told = of(run(w, t, 12, looks(begun=users)), "up")
        assert (told == []) is quiet_


def test_a_launch_is_for_many_and_explains_nothing_of_one() -> None:
    w, t = warden()
    t.purposes.append(Purpose("c", "default", "launch", Scope("use_case", "kyc"), w.now_ms, "v2", "maria"))
    assert of(run(w, t, 12, looks(begun={"eve": 2})), "user")


@BY_NAME
def test_a_run_that_is_an_incident_explains_what_it_can(name: str) -> None:
    w, t = warden()
    t.episodes["inc"] = Episode("inc", "default", Scope("agent", "indexer"), "runs", w.now_ms, state="open", found_ms=w.now_ms)
    if STORIES[name].windows > 100:
        return
    assert (of(run(w, t, 18, STORIES[name].odd), name) == []) is TESTS[name].explained


def test_told_once_an_episode_and_again_when_twice_as_strong() -> None:
    w, t = warden()
    assert len(of(run(w, t, 2, looks(begun={"ann": 18})), "up")) <= 1
    watch = t.watches[Scope("agent", "indexer")]
    run(w, t, 1, STORIES["up"].odd)
    watch = t.watches[Scope("agent", "indexer")]
    strong = watch.told["up"].score
    assert of(run(w, t, 12), "up") == []
    watch.told["up"] = Told(w.closed, strong * 100.0)
    before = t.episodes.copy()
    run(w, t, 1, looks(begun=dict.fromkeys(SURGE, 400)))
    assert watch.told["up"].score == strong * 100.0, "no twice as strong"
    watch.told["up"] = Told(w.closed, 0.1)
    run(w, t, 1, looks(begun=dict.fromkeys(SURGE, 800)))
    assert watch.told["up"].score > 0.2, "twice as strong is told again"
    assert len(t.episodes) >= len(before)


def test_bounds_hold_and_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    looking = sys.modules["service.warden.signals.look"]  # the package's own `look` is the function
    monkeypatch.setattr(looking, "WATCHES_MAX", 2)
    monkeypatch.setattr(looking, "SIGNALS_MAX", 3)
    w, t = warden(days=1)
    crowd = Window({CELL._replace(agent=f"a{n}", workflow=f"w{n}"): SUMS for n in range(6)})
    signals.look(w, t, w.closed + 1, crowd)
    assert len(t.watches) == 2
    assert all(len(watch.signals) <= 3 for watch in t.watches.values())
    assert t.watches_folded == 6 + 6
    assert t.signals_folded > 0


def test_who_is_long_silent_is_heard_no_more_then_forgotten_and_costs_a_snapshot_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    looking = sys.modules["service.warden.signals.look"]
    monkeypatch.setattr(looking, "ASLEEP_WINDOWS", 6)
    monkeypatch.setattr(looking, "KEPT_WINDOWS", 300)
    w, t = warden(days=1)
    crowd = Window({CELL._replace(agent=f"a{n}"): SUMS for n in range(3 * ROWS_PER_GROUP)})
    w.closed += 1
    signals.look(w, t, w.closed, crowd)
    changed = []
    for _ in range(9):
        dump(w)
        run(w, t, 1)
        changed.append(sum(group.dump is None for group in t.watches.groups()))
    assert changed == [4] * 6 + [1] * 3, "groups that a snapshot looks at again after each window"
    run(w, t, 300 + DAY)
    assert [scope.name for scope in t.watches] == ["indexer", "nightly"]
    assert t.watches_forgotten == 3 * ROWS_PER_GROUP
    assert dump(load(dump(w))) == dump(w)


def test_watches_are_the_same_after_a_snapshot_bit_for_bit() -> None:
    through, t = warden()
    run(through, t, 3, STORIES["up"].odd)
    stopped = load(dump(through))
    assert dump(stopped) == dump(through)
    for name in ("up", "cache", "user"):
        assert run(stopped, stopped.tenants["default"], 7, STORIES[name].odd) == run(through, t, 7, STORIES[name].odd)
        assert dump(stopped) == dump(through)
        stopped = load(dump(stopped))
    assert len(t.watches) == 2
    assert t.watches[Scope("agent", "indexer")].told
