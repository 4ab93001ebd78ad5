"""A run is judged beside all of its agent's runs, wherever they lie, and looked at again as it goes on."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from service.facts import CALLS_TAUGHT, LONG_RUN, Finding, Incident, Kind, Order, Reached
from service.records import Outcome, Usage
from service.warden.habits import RUNS_KNOWN, learn
from service.warden.state import Habit
from tests.core.streams import CALM, PRICES, START_MS, Heard, Told, told

PARTITIONS = 12
RUN_MS = 60_000
KNOWN = 3 * RUNS_KNOWN
PAUSING = PRICES + 'pauses: {mode: enforce, allow: [{execution: "*"}], min_loss_usd: 1, on: [loop, fan_out]}\n'


def a_run(name: str, number: int, children: int = 0, calls: int = 1, cost: str = "0.001") -> list[Heard]:
    """The `number`th run: its calls (no two alike), its children with one call each, and its end."""
    begin_ms = START_MS + number * RUN_MS
    whose = [name] * calls + [f"{name}-{n}" for n in range(children)]
    heard = []
    for n, execution in enumerate(whose):
        at_ms = begin_ms + n * (RUN_MS // 2) // len(whose)
        parents = {"parent_execution_id": name, "root_execution_id": name} if execution != name else {}
        fields = {"agent": "worker", "workflow": "w", "execution_id": execution, "model": "house", "cost_usd": cost, "signature": f"{name}-{n}"}
        heard.append(Heard(at_ms, Usage(id=f"{name}-{n}", time=at_ms / 1000, input_tokens=100 + n, **fields, **parents)))  # type: ignore[arg-type]
    end_ms = begin_ms + RUN_MS // 2
    return [*heard, Heard(end_ms, Outcome(id=f"end-{name}", time=end_ms / 1000, execution_id=name))]


def after_honest_runs(run: Iterable[Heard], *, children: int = 0, calls: int = 1, partitions: int = PARTITIONS, policy: str = CALM) -> Told:
    honest = [heard for n in range(KNOWN) for heard in a_run(f"honest-{n}", n, children, calls)]
    return told(policy, [*honest, *run], partitions)


def told_of(run: Told, kind: Kind) -> list[Incident]:
    return [d for d in run.decisions if isinstance(d, Incident) and kind in d.kinds]


def told_and_paused(run: Told, kind: Kind) -> list[str]:
    """What is paused in a run of which that is told."""
    assert told_of(run, kind)
    return [d.scope.name for d in run.decisions if isinstance(d, Order) and d.action == "pause"]


def said_by_meters(run: Told, kind: Kind) -> set[str]:
    return {fact.execution for e in run.engine.envelopes for fact in e.facts if isinstance(fact, Finding) and fact.kind == kind}


@pytest.mark.parametrize("partitions", [1, PARTITIONS])
def test_an_agent_that_spreads_its_work_is_known_in_every_partition(partitions: int) -> None:
    run = after_honest_runs(a_run("like the others", KNOWN, children=26), children=18, partitions=partitions)
    assert len(said_by_meters(run, Kind.FAN_OUT)) >= partitions, "each partition takes the first ones for much"
    assert told_of(run, Kind.FAN_OUT) == []


def test_a_run_that_was_kept_quiet_is_told_once_it_goes_further_than_any() -> None:
    run = after_honest_runs(a_run("runaway", KNOWN, children=200), children=18)
    (first, *_) = told_of(run, Kind.FAN_OUT)
    (evidence,) = first.evidence
    assert 18 * 1.3 + 5 < evidence.observed < 60, "soon after it has gone beyond, and not when it is over"


def test_more_children_than_any_run_had_are_told_and_only_a_swarm_is_paused_before_it_has_cost_much() -> None:
    def paused(children: int) -> list[str]:
        return told_and_paused(after_honest_runs(a_run("it", KNOWN, children=children, cost="0.02"), children=2, policy=PAUSING), Kind.FAN_OUT)

    assert paused(19) == []
    assert paused(25) == ["it"]


def test_a_run_that_no_cap_on_steps_has_stopped() -> None:
    run = after_honest_runs(a_run("endless", KNOWN, calls=900), calls=30)
    (first, *_) = told_of(run, Kind.LOOP)
    (evidence,) = first.evidence
    assert evidence.detector == LONG_RUN
    assert 5 * 30 < evidence.observed < 300
    long = after_honest_runs(a_run("long", KNOWN, calls=145), calls=30)
    assert "long" in said_by_meters(long, Kind.LOOP)
    assert told_of(long, Kind.LOOP) == []


def test_what_is_only_long_is_told_and_what_never_ends_is_paused() -> None:
    def paused(calls: int) -> list[str]:
        return told_and_paused(after_honest_runs(a_run("it", KNOWN, calls=calls, cost="0.05"), calls=30, policy=PAUSING), Kind.LOOP)

    assert paused(390) == []
    assert paused(900) == ["it"]


def test_nobody_knows_yet_how_long_a_new_agent_works() -> None:
    assert told_of(told(CALM, a_run("first", 0, calls=900), PARTITIONS), Kind.LOOP) == []


def test_a_record_is_taught_in_steps_and_fades() -> None:
    own = Habit()
    learn(own, Reached(runs=1, calls=5_000, children=5_000, repeats=5_000))
    assert (own.calls, own.children, own.repeats) == (CALLS_TAUGHT, 30, 15)
    learn(own, Reached(runs=1, calls=5_000))
    assert own.calls == CALLS_TAUGHT * 1.5
    for _ in range(512):
        learn(own, Reached(runs=1))
    assert own.children == pytest.approx(30 * 0.367, rel=0.01)
    learn(own, Reached(runs=10_000, calls=7))
    assert own.calls == 7
