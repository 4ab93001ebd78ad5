"""Hearing again changes nothing but a count; order inside an arrival minute changes no total; what is late counts in its own day."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.facts import MINUTE_MS, Finding, Incident, Kind, Order, Scope, encode
from service.records import Outcome, Usage
from tests.core.streams import CALM, DAY_MS, START_MS, Heard, Told, dollars, partition, streams, told

KINDS = ("agent", "use_case", "business_unit", "workflow", "model", "total")
POLICY = CALM + 'budgets: [{name: all, scope: total, period: day, limit_usd: 20}]\ncaps: [{scope: {workflow: "*"}, limit_usd: 3, calls: 5}]\n'


def figures(run: Told) -> list[object]:
    """What a repetition must not change: totals, budgets, findings with their figures, incidents with their kinds, lines.

    When a thing is said may change, for a repetition moves the log's time on like anything that arrives.
    """
    budgets = {t.name: {key: period.spent for key, period in t.periods.items()} for t in run.engine.warden.tenants.values()}
    facts = [fact for envelope in run.engine.envelopes for fact in envelope.facts]
    findings = {encode(msgspec.structs.replace(fact, arrival_ms=0)) for fact in facts if isinstance(fact, Finding)}
    kinds = {d.id: sorted(d.kinds) for d in run.decisions if isinstance(d, Incident)}
    return [[run.totals(kind) for kind in KINDS], budgets, findings, kinds, sorted(run.lines())]


@st.composite
def repeated(draw: st.DrawFn) -> tuple[list[Heard], list[Heard]]:
    """A stream, and the same with any of its records heard again, any number of times, at the arrivals of later ones."""
    heard = draw(streams(16, lateness=(0, 0, 90_000)))
    again: list[Heard] = []
    for at, each in enumerate(heard):
        again.append(each)
        again += [Heard(each.arrival_ms, heard[which].record) for which in draw(st.lists(st.integers(0, at), max_size=3))]
    return heard, again


@given(repeated())
@settings(max_examples=24, deadline=None)
def test_heard_twice_changes_nothing_but_the_count_of_repeats(both: tuple[list[Heard], list[Heard]]) -> None:
    heard, again = both
    once, twice = told(POLICY, heard), told(POLICY, again)
    assert figures(twice) == figures(once)
    assert twice.count("duplicates") == len(again) - len(heard)
    assert twice.count("conflicts") == 0
    assert twice.count("accepted") == once.count("accepted") == len(heard)


@given(streams(12), st.data())
@settings(max_examples=24, deadline=None)
def test_other_content_under_a_known_id_is_a_conflict_and_the_first_wins(heard: list[Heard], data: st.DataObject) -> None:
    which = data.draw(st.integers(0, len(heard) - 1))
    u = heard[which].record
    assert isinstance(u, Usage)
    other = msgspec.structs.replace(u, output_tokens=u.output_tokens + 1)
    end_ms = heard[-1].arrival_ms
    once, twice = told(POLICY, heard), told(POLICY, [*heard, Heard(end_ms, other)])
    assert figures(twice)[:2] == figures(once)[:2]
    assert (twice.count("conflicts"), twice.count("duplicates")) == (1, 1)


@given(streams(20), st.randoms(use_true_random=False))
@settings(max_examples=32, deadline=None)
def test_order_inside_an_arrival_minute_changes_no_total(heard: list[Heard], chance: object) -> None:
    groups: dict[int, list[Heard]] = {}
    for each in heard:
        groups.setdefault(each.arrival_ms // MINUTE_MS, []).append(each)
    mixed: list[Heard] = []
    for group in groups.values():
        records = [each.record for each in group]
        chance.shuffle(records)  # type: ignore[attr-defined]
        mixed += [Heard(each.arrival_ms, record) for each, record in zip(group, records, strict=True)]
    assert figures(told(CALM, mixed))[:2] == figures(told(CALM, heard))[:2]


def test_the_same_id_of_another_tenant_source_or_type_is_another_record() -> None:
    at = START_MS / 1000
    same = {"id": "a", "time": at, "agent": "indexer", "cost_usd": "1", "execution_id": "run"}
    heard = [
        Heard(START_MS, record)
        for record in (Usage(**same), Usage(**same, tenant="acme"), Usage(**same, source="eu"), Outcome(id="a", time=at, execution_id="run"), Usage(**same))  # type: ignore[arg-type]
    ]
    run = told(CALM, heard, partitions=1)
    assert run.totals("total") == {("default", "total"): 2_000_000_000, ("acme", "total"): 1_000_000_000}
    assert run.count("duplicates") == 1


def test_a_repeat_is_known_for_48_hours_of_arrival_and_counted_apart_after_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.meter.repeats.GENERATION_IDS", 2)
    first = dollars(START_MS, "1", 1, execution_id="run")
    filler = [dollars(START_MS + hour * 3_600_000, "0", 100 + hour, execution_id="run") for hour in range(1, 60)]
    within = told(CALM, [first, *[f for f in filler if f.arrival_ms < START_MS + 2 * DAY_MS], Heard(START_MS + 2 * DAY_MS - 1, first.record)], 1)
    assert (within.totals("total"), within.count("duplicates")) == ({("default", "total"): 1_000_000_000}, 1)
    beyond = told(CALM, [first, *filler, Heard(filler[-1].arrival_ms, first.record)], 1)
    assert (beyond.totals("total"), beyond.count("unchecked")) == ({("default", "total"): 2_000_000_000}, 1)
    assert len(beyond.engine.meters[0].repeats.known) < 60, "what is older is forgotten"


def test_what_is_late_counts_in_its_own_day_and_month_and_pauses_no_one() -> None:
    """Twenty-six hours late, over a month's end: November's line is told in December, and nobody is paused for it."""
    policy = CALM + "budgets: [{name: month, scope: {agent: indexer}, period: month, limit_usd: 10, pause_at: 100}]\n"
    policy = policy.replace("mode: observe", 'mode: enforce, allow: [{agent: "*"}], min_loss_usd: 0')
    december_ms = int(datetime(2025, 12, 1, 20, tzinfo=UTC).timestamp() * 1000)
    late = dollars(december_ms, "11", 2, time=(december_ms - 26 * 3_600_000) / 1000)
    run = told(policy, [dollars(december_ms - DAY_MS, "1", 0), dollars(december_ms, "2", 1), late])
    spent = {key[2]: period.spent for key, period in run.engine.warden.tenants["default"].periods.items()}
    assert spent == {"2025-11": 12_000_000_000, "2025-12": 2_000_000_000}
    assert run.lines() == [(Scope("agent", "indexer"), "month", line) for line in (70.0, 85.0, 100.0)]
    assert not [d for d in run.decisions if isinstance(d, Order)]
    assert run.count("late") == 1
    assert next(d.kinds for d in run.decisions if isinstance(d, Incident)) == [Kind.BUDGET_THRESHOLD]


def test_records_of_one_run_meet_in_one_partition() -> None:
    parent = Usage(id="a", time=0.0, execution_id="run")
    child = Usage(id="b", time=0.0, execution_id="child", parent_execution_id="run")
    below = Usage(id="c", time=0.0, execution_id="grandchild", parent_execution_id="child", root_execution_id="run")
    assert {partition(record, 12) for record in (parent, child, below, Outcome(id="o", time=0.0, execution_id="run"))} == {partition(parent, 12)}
