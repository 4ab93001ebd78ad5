"""The transcript: fields by their published names, exact money, finite numbers, any decision serialisable."""

from __future__ import annotations

import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as but

from service.facts import Cause, DimensionShare, DriverShare, Evidence, Incident, Kind, Notice, Order, OrderState, Scope
from service.messages.transcript import transcript_line
from tests.samples import INCIDENT, NIGHT_MS, ORDER

TIMES = st.integers(0, 10**13)
NANOS = st.integers(-(10**18), 10**18)
FLOATS = st.floats(allow_nan=True, allow_infinity=True)
SCOPES = st.builds(Scope, st.sampled_from(["agent", "total", "label.team"]), st.text())
CAUSES = st.builds(
    Cause,
    st.text(),
    FLOATS,
    st.lists(st.builds(DriverShare, st.text(), NANOS), max_size=3),
    st.lists(st.builds(DimensionShare, st.text(), st.text(), FLOATS), max_size=3),
)
INCIDENTS = st.builds(
    Incident,
    time_ms=TIMES,
    action=st.text(),
    id=st.text(),
    tenant=st.text(),
    scope=SCOPES,
    kinds=st.lists(st.sampled_from(Kind), max_size=3),
    severity=st.text(),
    state=st.text(),
    opened_ms=TIMES,
    revision=st.integers(0, 9),
    spend_nanos=NANOS,
    excess_nanos=NANOS,
    limit_nanos=st.none() | NANOS,
    cause=st.none() | CAUSES,
    evidence=st.lists(st.builds(Evidence, st.text(), FLOATS, FLOATS, FLOATS), max_size=3),
    reason=st.text(),
    threshold=st.none() | FLOATS,
    thresholds=st.lists(FLOATS, max_size=3),
    pace=st.none() | FLOATS,
    period_start_ms=st.none() | TIMES,
    period_end_ms=st.none() | TIMES,
    runs_out_ms=st.none() | st.tuples(TIMES, TIMES, TIMES),
)
ORDERS = st.builds(
    Order, TIMES, st.text(), st.text(), st.text(), SCOPES, st.text(), st.text(), st.text(), TIMES, st.integers(0), st.none() | st.lists(st.text())
)
STATES = st.builds(OrderState, TIMES, st.text(), st.text(), SCOPES, st.text(), NANOS, saved_nanos=st.none() | NANOS)
NOTICES = st.builds(Notice, TIMES, st.text(), st.text(), st.text(), st.text(), st.text(), st.text(), INCIDENTS, threshold=st.none() | FLOATS)


@given(INCIDENTS | ORDERS | STATES | NOTICES)
def test_every_decision_is_json_with_finite_numbers_and_nothing_empty_but_what_is_promised(decision: Incident | Order | OrderState | Notice) -> None:
    line = transcript_line(decision)
    again = json.loads(json.dumps(line, allow_nan=False))
    assert again == line
    assert {"type", "time", "id"} <= line.keys()
    assert line["time"].endswith("Z")


@given(INCIDENTS)
def test_money_is_exact(incident: Incident) -> None:
    line = transcript_line(incident)
    assert Decimal(line["spend_usd"]).scaleb(9) == incident.spend_nanos
    assert Decimal(line["excess_usd"]).scaleb(9) == incident.excess_nanos


def test_an_incident_has_the_contract_s_fields() -> None:
    incident = but(
        INCIDENT,
        time_ms=NIGHT_MS + 123,
        excess_nanos=5_900_000_001,
        limit_nanos=2_000_000_000,
        cause=Cause("cache", 1.0, [DriverShare("cache", 5_900_000_001)], [DimensionShare("model", "gpt-5", 0.9)]),
        evidence=[Evidence("loop", float("inf"), 1.0, 41.0)],
    )
    assert transcript_line(incident) == {
        "type": "incident",
        "time": "2025-11-19T02:14:00.123Z",
        "action": "opened",
        "id": "inc-1",
        "tenant": "default",
        "scope": {"kind": "agent", "name": "indexer"},
        "kinds": ["loop"],
        "severity": "critical",
        "state": "open",
        "opened": "2025-11-19T02:14:00.000Z",
        "revision": 1,
        "spend_usd": "6.12",
        "excess_usd": "5.900000001",
        "limit_usd": "2.00",
        "cause": {
            "driver": "cache",
            "share": 1.0,
            "drivers": [{"driver": "cache", "usd": "5.900000001"}],
            "dimensions": [{"kind": "model", "name": "gpt-5", "share": 0.9}],
        },
        "evidence": [{"detector": "loop", "score": None, "expected": 1.0, "observed": 41.0}],
        "reason": "opened",
    }


def test_an_order_has_the_contract_s_fields() -> None:
    assert transcript_line(ORDER) == {
        "type": "order",
        "time": "2025-11-19T02:14:00.000Z",
        "action": "pause",
        "id": "ord-1",
        "tenant": "default",
        "scope": {"kind": "agent", "name": "indexer"},
        "incident": "inc-1",
        "reason": "loop",
        "mode": "enforce",
        "expires_at": "2025-11-20T02:14:00.000Z",
        "sequence": 3,
    }
