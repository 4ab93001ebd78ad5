"""Runs that repeat themselves: judged beside the agent's own past, told first, and good for a pause only when they are sure."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.facts import LONG_RUN, Finding, Incident, Kind, Order
from service.meter.habits import Records, Share
from service.meter.plan import NO_LIMITS
from service.meter.rules import LOOP_NATS, NATS_OVER, OWN_RECORD, STREAK_NATS, SURE, follow
from service.meter.runs import LOOP_LEAST, LOOP_TEACHES, Run, Runs
from service.records import Outcome, Usage
from tests.core.streams import PRICES, START_MS, Heard, Told, told

SIGNED, UNSIGNED = "signed", "unsigned"  # a loop shows by its signatures, or by prompts of one size
ENFORCE = PRICES + 'pauses: {mode: enforce, allow: [{agent: "*"}, {execution: "*"}], min_loss_usd: 100, on: [loop]}\n'


def call(number: int, run: str, how: str, repeated: bool, *, second: int = 0) -> Heard:
    """One call; where it repeats nothing, its signature and its prompt's size are new."""
    at_ms = START_MS + second * 1000
    signature = ("same" if repeated else f"new-{number}") if how == SIGNED else ""
    size = 500 if repeated else 1000 * 2 ** (number % 6) + number
    fields = {"agent": "poller", "workflow": "w", "execution_id": run, "model": "house", "cost_usd": "0.5"}
    return Heard(at_ms, Usage(id=f"{run}-{number}", time=at_ms / 1000, signature=signature, input_tokens=size, **fields))  # type: ignore[arg-type]


def run_of(run: str, how: str, repeats: Iterable[bool], begin_s: int = 0) -> list[Heard]:
    """A run, one call each second, and its end."""
    calls = [call(number, run, how, repeated, second=begin_s + number) for number, repeated in enumerate(repeats)]
    end_ms = calls[-1].arrival_ms
    return [*calls, Heard(end_ms, Outcome(id=f"end-{run}", time=end_ms / 1000, execution_id=run))]


def loops(run: Told, name: str) -> list[Finding]:
    """What was said of its repeats; how long it goes on is another rule."""
    facts = (fact for e in run.engine.envelopes for fact in e.facts if isinstance(fact, Finding) and fact.kind == Kind.LOOP)
    return [fact for fact in facts if fact.execution == name and fact.detector != LONG_RUN]


def repeats_until_told(how: str, records: Records) -> int:
    """Calls of one sort until the first finding; the agent's habit learns from them as it does."""
    run = Run("poller", "", "", "w", 0, 0, NO_LIMITS, 0, 0)
    for number in range(5000):
        u = call(number, "run", how, repeated=True).record
        assert isinstance(u, Usage)
        if follow(run, u, "run", 0, number * 1000, number * 1000, records, records):
            return number
    return 5000


@pytest.mark.parametrize("how", [SIGNED, UNSIGNED])
def test_hundreds_of_repeats_are_told_and_then_sure(how: str) -> None:
    honest = [r for n in range(20) for r in run_of(f"honest-{n}", how, [False] * 20, begin_s=20 * n)]
    run = told(ENFORCE, [*honest, *run_of("stuck", how, [True] * 400, begin_s=400)], 1)
    first, second = loops(run, "stuck")
    assert (first.sure, second.sure) == (False, True)
    assert first.id != second.id
    assert first.observed < second.observed <= 400
    assert not [finding for n in range(20) for finding in loops(run, f"honest-{n}")]
    orders = [d for d in run.decisions if isinstance(d, Order) and d.action == "pause"]
    assert len(orders) == 1
    assert orders[0].time_ms >= second.arrival_ms, "what has not cost the least loss itself is not paused before it is sure"


@pytest.mark.parametrize("how", [SIGNED, UNSIGNED])
def test_what_a_loop_has_cost_is_reason_enough_before_it_is_sure(how: str) -> None:
    run = told(ENFORCE.replace("min_loss_usd: 100", "min_loss_usd: 1"), run_of("dear", how, [True] * (repeats_until_told(how, Records()) + 1)), 1)
    (finding,) = loops(run, "dear")
    assert not finding.sure
    assert [d.action for d in run.decisions if isinstance(d, Order)] == ["pause"]


@pytest.mark.parametrize("how", [SIGNED, UNSIGNED])
def test_between_the_bar_and_what_is_sure_a_run_is_told_and_not_paused(how: str) -> None:
    enough = repeats_until_told(how, Records()) + 1
    short = told(ENFORCE, run_of("short", how, [True] * (enough - 1)), 1)
    assert (loops(short, "short"), [d for d in short.decisions if isinstance(d, Incident | Order)]) == ([], [])
    run = told(ENFORCE, run_of("run", how, [True] * enough), 1)
    (finding,) = loops(run, "run")
    assert not finding.sure
    assert [d.kinds for d in run.decisions if isinstance(d, Incident) and d.action == "opened"] == [[Kind.LOOP]]
    assert not [d for d in run.decisions if isinstance(d, Order)]


@pytest.mark.parametrize("how", [SIGNED, UNSIGNED])
def test_an_honest_poller_raises_its_agents_bar(how: str) -> None:
    enough = repeats_until_told(how, Records())
    polls = [r for n in range(8) for r in run_of(f"poll-{n}", how, [True] * enough, begin_s=n * enough)]
    run = told(ENFORCE, [*polls, *run_of("as-much", how, [True] * (enough + 1), begin_s=9 * enough)], 1)
    assert not [finding for n in range(8) for finding in loops(run, f"poll-{n}")]
    assert loops(run, "as-much") == [], "what was told of an agent without a past is this one's habit"
    records = run.engine.meters[0].habits.of("default", "poller")
    assert 0.0 < records.loop < (LOOP_NATS if how == SIGNED else STREAK_NATS)


@pytest.mark.parametrize("how", [SIGNED, UNSIGNED])
def test_the_bar_is_the_agents_own_record(how: str) -> None:
    bar = LOOP_NATS if how == SIGNED else STREAK_NATS
    without = repeats_until_told(how, Records())
    assert repeats_until_told(how, Records(loop=bar / OWN_RECORD / 2)) == without, "a small record changes nothing"
    assert repeats_until_told(how, Records(loop=bar * 2)) > without


@pytest.mark.parametrize("how", [SIGNED, UNSIGNED])
def test_a_real_loop_hides_no_later_one(how: str) -> None:
    heard = [r for n in range(3) for r in run_of(f"stuck-{n}", how, [True] * 700, begin_s=1000 * n)]
    run = told(ENFORCE, heard, 1)
    assert [[finding.sure for finding in loops(run, f"stuck-{n}")] for n in range(3)] == [[False, True]] * 3


@given(st.lists(st.floats(0.0, 1e4), max_size=60))
def test_a_run_teaches_a_record_no_faster_than_half_again(most: list[float]) -> None:
    runs, records = Runs(), Records()
    habits = type("Habits", (), {"teach": lambda *_: None, "of": lambda *_: records})()
    for nats in most:
        before = records.loop
        runs.end("default", Run("poller", "", "", "w", 0, 0, NO_LIMITS, 0, 0, most=nats, told=1 << 5), habits)
        assert records.loop <= max(before, min(nats, LOOP_TEACHES * max(before, LOOP_LEAST)))
        assert records.loop >= 0.9 * before


@given(st.sampled_from([SIGNED, UNSIGNED]), st.lists(st.booleans(), min_size=1, max_size=300), st.integers(0, 40))
@settings(max_examples=24)
def test_whatever_a_run_does_it_is_told_at_most_twice_and_sure_only_after_that(how: str, repeats: list[bool], looped: int) -> None:
    run, records, found = Run("poller", "", "", "w", 0, 0, NO_LIMITS, 0, 0), Records(), list[Finding]()
    for number, repeated in enumerate([*repeats, *[True] * looped]):
        u = call(number, "run", how, repeated).record
        assert isinstance(u, Usage)
        found += [f for f in follow(run, u, "run", 0, number, number, records, records) if f.kind == Kind.LOOP]
        bar = LOOP_NATS if how == SIGNED else STREAK_NATS
        assert 0.0 <= max(run.loop, run.streak) <= SURE * bar + NATS_OVER
        assert run.most >= max(run.loop, run.streak)
    assert [f.sure for f in found] in ([], [False], [False, True])


def says(*calls: Usage, caller: Records) -> set[Kind]:
    """What is said of a run whose root agent has done nothing before; `caller` is who calls on its behalf."""
    run, own = Run("asker", "", "", "w", 0, 0, NO_LIMITS, 0, 0), Records()
    found = [f for n, u in enumerate(calls) for f in follow(run, u, "run", 0, n * 1000, n * 1000, own, own if u.agent == "asker" else caller)]
    return {f.kind for f in found}


def by(agent: str, number: int, *, size: int = 900, signature: str = "") -> Usage:
    execution = "run" if agent == "asker" else f"run-of-{agent}"
    fields = {"agent": agent, "workflow": "w", "execution_id": execution, "root_execution_id": "run", "model": "house", "cost_usd": "0.5"}
    return Usage(id=f"{agent}-{number}", time=number, input_tokens=size + number, signature=signature or f"s-{number}", **fields)  # type: ignore[arg-type]


def test_a_child_repeats_itself_as_its_own_agent_does() -> None:
    polls = [by("poller", n, signature="same") for n in range(40)]
    assert says(*polls, caller=Records(repeats=Share(seen=1800, of=2000))) == set(), "it polls for a living, whoever asked for it"
    assert says(*polls, caller=Records()) == {Kind.LOOP}


def test_a_run_grows_by_its_own_prompts_and_not_by_a_childs() -> None:
    small = [by("asker", n) for n in range(30)]
    assert says(*small, by("writer", 30, size=90_000), caller=Records()) == set()
    assert says(*small, by("asker", 30, size=90_000), caller=Records()) == {Kind.CONTEXT_GROWTH}
    assert says(by("writer", 0, size=90_000), *small, by("asker", 31, size=90_000), caller=Records()) == {Kind.CONTEXT_GROWTH}
