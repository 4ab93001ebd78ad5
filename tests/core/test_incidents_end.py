"""Causes add up to the excess exactly, and every incident can end: by the table, and by silence."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.facts import DRIVERS, Control, Decision, Incident, Order, OrderState, Receipt, Untold, encode
from service.warden.fold import hear as warden_hear
from service.warden.incidents import TRANSITIONS
from tests.core.streams import CALM, Heard, Told, runaways, silence, streams, told

POLICY = (
    CALM.replace("mode: observe", 'mode: enforce, allow: [{agent: "*"}, {execution: "*"}], min_loss_usd: 0, on: [loop, retry_storm], proof_s: 20')
    + """
budgets:
  - {name: all, scope: total, period: day, limit_usd: 20, pause_at: 100}
  - {name: recent, scope: {agent: "*"}, rolling: 1h, limit_usd: 9}
caps: [{scope: {workflow: "*"}, limit_usd: 4, calls: 5, action: pause}]
tiers: [{match: {agent: indexer}, allow: [small]}]
"""
)


def incidents(decisions: Iterable[Decision]) -> list[Incident]:
    return [d for d in decisions if isinstance(d, Incident)]


def add_up(steps: Iterable[Incident]) -> None:
    for step in steps:
        if step.cause is not None and step.cause.drivers:
            assert sum(driver.nanos for driver in step.cause.drivers) == step.excess_nanos, step
            assert {driver.driver for driver in step.cause.drivers} <= set(DRIVERS)
            assert step.cause.driver in DRIVERS
            assert all(isinstance(driver.nanos, int) for driver in step.cause.drivers)


def well_told(decisions: list[Decision]) -> None:
    """Incidents move as the table says, an order ends once, sequences rise, nothing is said twice."""
    moves = {(state, new, action) for (state, _), (new, action) in TRANSITIONS.items()}
    states: dict[str, str] = {}
    revisions: dict[str, int] = {}
    for step in incidents(decisions):
        before = states.get(step.id, "")
        assert (before, step.state, step.action) in moves or (step.action == "updated" and before == step.state)
        assert step.revision >= revisions.get(step.id, 0)
        states[step.id], revisions[step.id] = step.state, step.revision
    final = [d.id for d in decisions if isinstance(d, OrderState) and d.state in {"effective", "refused", "expired", "failed"}]
    assert len(final) == len(set(final))
    sequences: dict[object, int] = {}
    for d in decisions:
        if isinstance(d, Order):
            assert d.sequence > sequences.get(d.scope, 0)
            sequences[d.scope] = d.sequence
    said = [encode(d) for d in decisions if not isinstance(d, Untold)]
    assert len(set(said)) == len(said), "nothing is said twice"


def latest(run: Told) -> dict[str, str]:
    return {step.id: step.state for step in incidents(run.decisions)}


@given(st.one_of(runaways(), streams(20)))
@settings(max_examples=32, deadline=None)
def test_the_drivers_of_a_cause_add_up_to_the_excess_exactly_at_every_step(heard: list[Heard]) -> None:
    add_up(incidents(told(POLICY, heard).decisions))


@given(st.one_of(runaways(), streams(20)))
@settings(max_examples=24, deadline=None)
def test_after_a_long_silence_every_incident_is_resolved(heard: list[Heard]) -> None:
    run = silence(told(POLICY, heard), days=3)
    assert {eid: state for eid, state in latest(run).items() if state != "resolved"} == {}
    assert all(t.tracked == {} for t in run.engine.warden.tenants.values()), "no order stands for ever"


@given(runaways(), st.data())
@settings(max_examples=24, deadline=None)
def test_whatever_people_and_receivers_say_every_incident_ends(heard: list[Heard], data: st.DataObject) -> None:
    run = told(POLICY, heard)
    warden, decisions = run.engine.warden, list(run.decisions)
    for number in range(data.draw(st.integers(1, 12))):
        known = sorted({d.id for d in incidents(decisions)}) or ["inc-none"]
        orders = sorted({d.id for d in decisions if isinstance(d, Order)}) or ["ord-none"]
        action = data.draw(st.sampled_from(["acknowledge", "snooze", "verdict", "note", "resume", "pause", "receipt"]))
        if action == "receipt":
            row: Control | Receipt = Receipt(
                data.draw(st.sampled_from(orders)), "hook", data.draw(st.sampled_from(["delivered", "accepted", "refused", "failed", "expired"]))
            )
        else:
            incident = data.draw(st.sampled_from(known))
            verdict = data.draw(st.sampled_from(["real", "expected", "not_useful"]))
            row = Control(f"c-{number}", "default", action, "ann", incident=incident, verdict=verdict)  # type: ignore[arg-type]
        decisions += warden_hear(warden, warden.now_ms + 400, row)  # a later instant: an order's id is of its instant
        warden.out = []
    run = silence(Told(run.engine, decisions), days=3)
    add_up(incidents(run.decisions))
    well_told(run.decisions)
    assert {eid: state for eid, state in latest(run).items() if state != "resolved"} == {}


@given(runaways())
@settings(max_examples=16, deadline=None)
def test_an_incident_moves_only_as_the_table_says_and_an_order_ends_once(heard: list[Heard]) -> None:
    run = silence(told(POLICY, heard), days=3)
    well_told(run.decisions)


@pytest.mark.parametrize("state", sorted({new for new, _ in TRANSITIONS.values()}))
def test_from_every_state_there_is_a_way_to_resolved(state: str) -> None:
    reached: set[str] = set()
    following = {state}
    while following - reached:
        reached |= following
        following = {new for (old, _), (new, _) in TRANSITIONS.items() if old in reached}
    assert "resolved" in reached
