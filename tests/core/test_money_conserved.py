"""Money conserved: what the records cost is what every kind of scope, every tally and every budget comes to, to the nano-dollar."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings

from service.facts import Finding, Measures, Progress, Scope, Share, Tally
from service.meter import cells
from service.meter.callers import Callers
from service.meter.fold import Meter, fold
from service.records import Usage
from tests.core.streams import CALM, PRICES, START_MS, Heard, cost_nanos, dollars, policy_set, streams, told, truth

BUDGETED = (
    CALM + 'budgets: [{name: all, scope: total, period: month, limit_usd: 1000000}, {name: users, scope: {user: "*"}, period: month, limit_usd: 1000000}]\n'
)
KINDS = ("agent", "use_case", "business_unit", "workflow", "model", "total")


@given(streams())
@settings(max_examples=32, deadline=None)
def test_every_kind_of_scope_every_tally_and_every_budget_comes_to_what_the_records_cost(heard: list[Heard]) -> None:
    run = told(BUDGETED, heard)
    for kind in KINDS:
        assert run.totals(kind) == truth(heard, kind), kind
    whole = sum(truth(heard, "total").values())
    facts = [fact for envelope in run.engine.envelopes for fact in envelope.facts]
    assert sum(fact.sums.nanos for fact in facts if isinstance(fact, Tally)) == whole
    assert sum(fact.sums.records for fact in facts if isinstance(fact, Tally)) == len(heard) == run.count("accepted")
    periods = [(name, period.spent) for t in run.engine.warden.tenants.values() for (name, _, _), period in t.periods.items()]
    assert sum(spent for name, spent in periods if name == "all") == whole
    assert sum(spent for name, spent in periods if name == "users") == sum(truth(heard, "user").values())
    assert run.count("unpriced") == sum(cost_nanos(h.record) is None for h in heard if isinstance(h.record, Usage))


@given(streams())
@settings(max_examples=24, deadline=None)
def test_at_every_mark_what_was_said_so_far_adds_up_to_what_was_heard_so_far(heard: list[Heard]) -> None:
    meter = Meter(0)
    items = [(0, START_MS, policy_set(PRICES)), *((offset, arrival_ms, record) for offset, (arrival_ms, record) in enumerate([*heard, *heard[:3]], 1))]
    items = [(offset, max(START_MS, items[offset - 1][1] if offset > len(heard) else arrival_ms), item) for offset, arrival_ms, item in items]
    said: dict[object, int] = {}
    for envelope in fold(meter, items):
        for fact in envelope.facts:
            if isinstance(fact, Tally | Progress):
                assert fact.offset <= envelope.offset
                said[fact.cell, fact.event_minute, fact.arrival_minute] = fact.sums.nanos if isinstance(fact, Tally) else fact.nanos
        by_then = [Heard(arrival_ms, item) for offset, arrival_ms, item in items if offset <= envelope.offset and isinstance(item, Usage)]
        assert sum(said.values()) == sum(truth(by_then, "total").values())


@given(streams())
@settings(max_examples=24, deadline=None)
def test_what_the_list_says_splits_into_tokens(heard: list[Heard]) -> None:
    """By kind of token, in pico-dollars; a record's own price is that, rounded down once."""
    run = told(CALM, heard)
    plan = run.engine.meters[0].plan
    for fact in (fact for envelope in run.engine.envelopes for fact in envelope.facts if isinstance(fact, Tally)):
        s: Measures = fact.sums
        rates = plan.rates(fact.cell.provider, fact.cell.model, fact.event_minute)
        tokens = (s.input, s.cache_read, s.cache_write, s.output)
        factor = Fraction(rates.batch_numerator, rates.batch_denominator) if rates and fact.cell.batch else 1
        parts = [int(n * pico * factor) for n, pico in zip(tokens, rates[:4], strict=True)] if rates else [0, 0, 0, 0]
        assert [s.input_pico, s.cache_read_pico, s.cache_write_pico, s.output_pico] == parts
        assert s.unpriced <= s.records


def test_credits_come_off() -> None:
    heard = [dollars(START_MS, "5.00", 1), dollars(START_MS + 1, "-2.000000001", 2), dollars(START_MS + 90_000, "-4.5", 3)]
    assert told(CALM, heard).totals("total") == {("default", "total"): -1_500_000_001}


def test_an_amount_in_another_currency_is_rounded_once_and_one_without_a_rate_is_unpriced() -> None:
    euro = Heard(START_MS, Usage(id="e", time=START_MS / 1000, agent="indexer", cost="0.000000003", currency="EUR"))
    none = Heard(START_MS, Usage(id="x", time=START_MS / 1000, agent="indexer", cost="7", currency="XXX"))
    run = told(CALM, [euro, none])
    assert run.totals("total") == {("default", "total"): 3}
    assert run.count("unpriced") == 1
    (said,) = [fact for envelope in run.engine.envelopes for fact in envelope.facts if isinstance(fact, Finding)]
    assert (said.detail, said.dimensions) == ("no rate for XXX", [Scope("currency", "XXX")])


@given(streams(max_size=40))
@settings(max_examples=24, deadline=None)
def test_a_bound_that_is_reached_is_counted_and_loses_no_money(heard: list[Heard]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("service.meter.usage.CELLS_PER_MINUTE_MAX", 2)
        patch.setattr("service.meter.members.MEMBERS_PER_MINUTE_MAX", 1)
        patch.setattr("service.meter.callers.NAMES_PER_MINUTE_MAX", 1)
        run = told(BUDGETED, heard, partitions=1)
    for kind in ("use_case", "business_unit", "model", "total"):
        assert run.totals(kind) == truth(heard, kind), kind
    assert sum(run.totals("agent").values()) == sum(truth(heard, "total").values())
    folded = {name: nanos for (_, name), nanos in run.totals("agent").items() if name == cells.OTHER}
    assert not folded or run.count("cells_folded")
    facts = [fact for envelope in run.engine.envelopes for fact in envelope.facts]
    spent = sum(period.spent for t in run.engine.warden.tenants.values() for (name, _, _), period in t.periods.items() if name == "users")
    assert spent == sum(truth(heard, "user").values())
    assert any(isinstance(f, Share) and f.member.name == cells.OTHER for f in facts) == (run.count("members_folded") > 0)
    named = {getattr(h.record, kind) for h in heard if isinstance(h.record, Usage) for kind in Callers.__struct_fields__} - {""}
    assert (len(named) > 0) <= (run.count("names_dropped") > 0)


def test_a_run_that_is_not_followed_still_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.meter.runs.RUNS_MAX", 2)
    heard = [dollars(START_MS + n, "1", n, execution_id=f"run-{n}") for n in range(6)]
    run = told(CALM, heard, partitions=1)
    assert run.totals("total") == {("default", "total"): 6_000_000_000}
    assert run.count("runs_dropped") == 4


@given(streams(max_size=40))
@settings(max_examples=16, deadline=None)
def test_bounds_of_the_warden_lose_no_money_from_the_totals_either(heard: list[Heard]) -> None:
    """Budgets and series beyond their bound are counted as such; the books do not notice."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("service.warden.budgets.PERIODS_PER_TENANT_MAX", 1)
        patch.setattr("service.warden.detection.SERIES_PER_TENANT_MAX", 1)
        patch.setattr("service.warden.windows.MEMBERS_PER_WINDOW_MAX", 1)
        run = told(BUDGETED, heard)
    for kind in KINDS:
        assert run.totals(kind) == truth(heard, kind), kind
    for t in run.engine.warden.tenants.values():
        assert len(t.periods) <= 1
        assert len(t.series) <= 1


def test_a_budget_that_found_no_room_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.warden.budgets.PERIODS_PER_TENANT_MAX", 2)
    run = told(
        CALM + 'budgets: [{name: each, scope: {agent: "*"}, period: day, limit_usd: 1}]', [dollars(START_MS + n, "2", n, agent=f"a{n}") for n in range(5)]
    )
    assert run.engine.warden.tenants["default"].periods_folded == 3
    assert len({scope for scope, _, _ in run.lines()}) == 2
