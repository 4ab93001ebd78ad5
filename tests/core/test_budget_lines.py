"""Every line of a budget is told once per member and period, in order, whatever the order of the records and however late they are."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from service.facts import Incident, Kind, Notice, Scope
from tests.core.streams import CALM, DAY_MS, HOUR_MS, START_MS, Heard, dollars, told

BUDGETS = """
budgets:
  - {name: day, scope: {agent: "*"}, period: day, limit_usd: 10}
  - {name: month, scope: total, period: month, limit_usd: 25, thresholds: [10, 33.4, 50, 120]}
quotas: [{scope: {user: "*"}, period: day, tokens: 1000}]
"""
LINES = {"day": (70.0, 85.0, 100.0), "month": (10.0, 33.4, 50.0, 120.0)}
LIMITS = {"day": 10 * 10**9, "month": 25 * 10**9}


@st.composite
def spends(draw: st.DrawFn) -> list[Heard]:
    """Calls of up to four dollars over some hours before and after the end of a month, up to two days late."""
    heard: list[Heard] = []
    now_ms = START_MS - HOUR_MS
    for number in range(draw(st.integers(1, 20))):
        now_ms += draw(st.sampled_from([0, 1, 300, 20_000, 400_000, 2_000_000]))
        late_ms = draw(st.sampled_from([0, 0, 0, 1_000_000, DAY_MS, 2 * DAY_MS]))
        usd = Decimal(draw(st.integers(0, 400))) / 100
        who = draw(st.sampled_from(["indexer", "triage"]))
        heard.append(dollars(now_ms, str(usd), number, agent=who, time=(now_ms - late_ms) / 1000, execution_id=f"run-{number % 5}"))
    return heard


def _period(name: str, time_s: float) -> str:
    days = int(time_s // 86_400)
    return str(days) if name == "day" else "november" if days < 20_423 else "december"


@given(spends())
@settings(max_examples=48, deadline=None)
def test_each_line_is_told_once_and_in_order(heard: list[Heard]) -> None:
    run = told(CALM + BUDGETS, heard)
    spent: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    for _, u in heard:
        nanos = int(Decimal(str(u.cost_usd)) * 10**9)  # type: ignore[union-attr]
        for name, member in (("day", u.agent), ("month", "total")):  # type: ignore[union-attr]
            spent[name, member, _period(name, u.time)] += nanos  # type: ignore[arg-type]
    due = {key: [line for line in LINES[key[0]] if nanos * 100 >= Decimal(str(line)) * LIMITS[key[0]]] for key, nanos in spent.items()}
    said: defaultdict[tuple[str, str, str], list[float]] = defaultdict(list)
    for d in run.decisions:
        if isinstance(d, Incident) and d.reason == "line_crossed" and d.budget in LINES:
            assert d.period_start_ms is not None
            assert Kind.BUDGET_THRESHOLD in d.kinds
            said[d.budget, d.scope.name, _period(d.budget, d.period_start_ms / 1000)] += d.thresholds
    assert dict(said) == {key: lines for key, lines in due.items() if lines}


@given(spends())
@settings(max_examples=24, deadline=None)
def test_lines_crossed_at_once_are_one_notice_that_lists_them(heard: list[Heard]) -> None:
    run = told(CALM + BUDGETS, heard)
    notices = [d for d in run.decisions if isinstance(d, Notice) and d.budget]
    listed = [(n.incident, line) for n in notices for line in n.thresholds]
    assert len(listed) == len(set(listed)), "no line is told twice"
    assert all(n.threshold == max(n.thresholds) for n in notices)
    assert all(n.about.thresholds == n.thresholds for n in notices), "what is read names them all"
    said = {(d.id, line) for d in run.decisions if isinstance(d, Incident) and d.reason == "line_crossed" and d.budget for line in d.thresholds}
    assert set(listed) == said


def test_a_credit_untells_nothing_and_no_line_is_told_again() -> None:
    heard = [dollars(START_MS + n * 1000, usd, n) for n, usd in enumerate(["9", "-8", "8", "-5", "6"])]
    lines = [(budget, line) for _, budget, line in told(CALM + BUDGETS, heard).lines() if budget == "day"]
    assert lines == [("day", 70.0), ("day", 85.0), ("day", 100.0)]


def test_a_quota_is_of_tokens_and_has_one_line() -> None:
    heard = [dollars(START_MS + n * 1000, "0", n, user="u1", input_tokens=300, output_tokens=60) for n in range(4)]
    found = [d for d in told(CALM + BUDGETS, heard).decisions if isinstance(d, Incident)]
    assert [(d.scope, d.kinds, d.thresholds) for d in found] == [(Scope("user", "u1"), [Kind.TOKEN_QUOTA], [100.0])]
