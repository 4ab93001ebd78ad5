"""Tokens that nobody could price when they came are paid once, when a price comes, wherever in their minute it comes, by whoever used them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.facts import MINUTE_MS, Decision, Envelope, Incident, PricedLate, Tick
from service.meter import snapshot as meter_snapshot
from service.meter.fold import Item, Meter
from service.meter.fold import hear as meter_hear
from service.records import Usage
from service.warden import snapshot as warden_snapshot
from service.warden.fold import hear as warden_hear
from service.warden.state import Warden
from tests.core.streams import START_MS, policy_set

BUDGET = "budgets: [{name: all, scope: total, period: month, limit_usd: 0.05, thresholds: [50, 100]}]\n"
PRICED = BUDGET + "prices: {overrides: [{model: newest, input: 2.0, output: 10.0, batch: 0.5}]}\n"


class Pair:
    """One meter and the warden, as a live service feeds them: a policy reaches each of them in its own rows."""

    def __init__(self) -> None:
        self.meter, self.warden = Meter(0), Warden(0, 1)
        self.decisions: list[Decision] = []
        self._offset = 0

    def hear(self, arrival_ms: int, item: Item) -> None:
        said: list[Envelope] = []
        meter_hear(self.meter, self._offset, arrival_ms, item, said)
        self._offset += 1
        for envelope in said:
            self._take(arrival_ms, envelope)

    def policy(self, arrival_ms: int, text: str, version: int, *, warden_first: bool = True) -> None:
        row = policy_set(text, version)
        if warden_first:
            self._take(arrival_ms, row)
        self.hear(arrival_ms, row)
        if not warden_first:
            self._take(arrival_ms, row)

    def restart(self) -> None:
        """Both go on from their snapshots."""
        self.meter = meter_snapshot.load(meter_snapshot.dump(self.meter))
        self.warden = warden_snapshot.load(warden_snapshot.dump(self.warden))

    def _take(self, arrival_ms: int, row: object) -> None:
        self.decisions += warden_hear(self.warden, arrival_ms, row)  # type: ignore[arg-type]
        self.warden.out = []

    @property
    def spent(self) -> int:
        return sum(nanos for t in self.warden.tenants.values() for scope, (_, nanos) in t.totals.items() if scope.kind == "total")

    @property
    def budgeted(self) -> int:
        return sum(self.by_member("all").values())

    def by_member(self, budget: str) -> dict[str, int]:
        """Nanos that members of a budget have spent."""
        found: dict[str, int] = {}
        for t in self.warden.tenants.values():
            for (name, member, _), period in t.periods.items():
                if name == budget:
                    found[member] = found.get(member, 0) + period.spent
        return found


def call(arrival_ms: int, number: int, *, batch: bool = False, **fields: Any) -> Usage:
    return Usage(id=f"n-{number}", time=arrival_ms / 1000, agent="indexer", model="newest", input_tokens=1_001, output_tokens=7, batch=batch, **fields)


@given(st.lists(st.tuples(st.integers(0, 5 * MINUTE_MS), st.booleans()), min_size=1, max_size=12), st.integers(0, 7 * MINUTE_MS), st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_price_that_comes_at_any_moment_is_paid_exactly_once(calls: list[tuple[int, bool]], priced_at_ms: int, warden_first: bool) -> None:
    pair = Pair()
    pair.policy(START_MS, BUDGET, 1)
    for number, (at_ms, batch) in enumerate(sorted(calls)):
        if at_ms >= priced_at_ms:
            pair.policy(START_MS + priced_at_ms, PRICED, 2, warden_first=warden_first)  # the same version again changes nothing
        pair.hear(START_MS + at_ms, call(START_MS + at_ms, number, batch=batch))
    for minute in range(5, 8):
        pair.hear(START_MS + minute * MINUTE_MS, Tick())
    pair.policy(START_MS + 7 * MINUTE_MS, PRICED, 2, warden_first=warden_first)
    pair.hear(START_MS + 8 * MINUTE_MS, Tick())
    pico = 1_001 * 2_000_000 + 7 * 10_000_000
    at_once = sum(pico // (2000 if batch else 1000) for at_ms, batch in calls if at_ms >= priced_at_ms)
    for version in (2, 3, 4):  # a newer policy with the same price pays nothing again
        late = [d for d in pair.decisions if isinstance(d, PricedLate)]
        assert pair.spent == pair.budgeted == at_once + sum(d.nanos for d in late)
        whole = sum(pico // (2000 if batch else 1000) for _, batch in calls)
        assert 0 <= pair.spent - whole <= len(calls), "the late tokens of a cell's minute are rounded together"
        pair.policy(START_MS + (6 + version) * MINUTE_MS, PRICED, version, warden_first=warden_first)
        pair.hear(START_MS + (6 + version) * MINUTE_MS, Tick())


MEMBERS = """
budgets:
  - {name: all, scope: total, period: month, limit_usd: 1}
  - {name: users, scope: {user: "*"}, period: month, limit_usd: 0.01, thresholds: [50, 100]}
  - {name: kyc, scope: {user: "*", use_case: kyc}, period: month, limit_usd: 1}
  - {name: team, scope: {label.team: red}, period: month, limit_usd: 1}
quotas: [{scope: {user: "*"}, period: month, tokens: 1000000}]
"""
ODD = MEMBERS + "prices: {overrides: [{model: newest, input: 0.0007, output: 0.0003, batch: 0.7}]}\n"


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3 * MINUTE_MS), st.booleans(), st.sampled_from(["u1", "u2", "u3"]), st.sampled_from(["kyc", "aml"]), st.sampled_from(["red", "blue"])
        ),
        min_size=1,
        max_size=15,
    ),
    st.integers(0, 5 * MINUTE_MS),
    st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_whoever_used_them_pays_and_no_nano_dollar_is_lost_or_made(calls: list[tuple[int, bool, str, str, str]], priced_at_ms: int, warden_first: bool) -> None:
    pair = Pair()
    pair.policy(START_MS, MEMBERS, 1)
    exact: dict[tuple[str, str], float] = {}
    for number, (at_ms, batch, user, use_case, team) in enumerate(sorted(calls)):
        if at_ms >= priced_at_ms:
            pair.policy(START_MS + priced_at_ms, ODD, 2, warden_first=warden_first)
        pair.hear(START_MS + at_ms, call(START_MS + at_ms, number, batch=batch, user=user, use_case=use_case, labels={"team": team}))
        if number % 3 == 2:
            pair.restart()
        nanos = (1_001 * 700 + 7 * 300) * (0.7 if batch else 1) / 1000
        for key in (("users", user), ("kyc", user if use_case == "kyc" else ""), ("team", team if team == "red" else "")):
            exact[key] = exact.get(key, 0) + nanos
    for minute in range(3, 6):
        pair.hear(START_MS + minute * MINUTE_MS, Tick())
    pair.restart()
    pair.policy(START_MS + 6 * MINUTE_MS, ODD, 2, warden_first=warden_first)
    pair.hear(START_MS + 7 * MINUTE_MS, Tick())
    assert sum(pair.by_member("users").values()) == pair.spent, "everybody has a user"
    for budget in ("users", "kyc", "team"):
        for member, nanos in pair.by_member(budget).items():
            assert abs(nanos - exact[budget, member]) <= len(calls), "a nano-dollar of rounding a call at most"
    quota = pair.by_member("quota user:* month")
    assert sum(quota.values()) == 1_008 * len(calls), "their tokens had counted when they came"
    assert all(t.unpriced_of == {} and t.unpriced_members == 0 for t in pair.warden.tenants.values())


def test_a_user_s_line_is_told_when_the_price_comes() -> None:
    pair = Pair()
    pair.policy(START_MS, MEMBERS, 1)
    for number in range(5):
        pair.hear(START_MS + number, call(START_MS + number, number, user="u1" if number else "u2"))
    pair.hear(START_MS + 2 * MINUTE_MS, Tick())
    pair.policy(START_MS + 3 * MINUTE_MS, MEMBERS + "prices: {overrides: [{model: newest, input: 2.0, output: 10.0}]}\n", 2)
    lines = [(d.scope.name, d.thresholds) for d in pair.decisions if isinstance(d, Incident) and d.budget == "users"]
    assert lines == [("u1", [50.0])], "four of the five calls, at a fifth of a cent each"
    assert pair.by_member("users") == {"u1": 4 * 2_072_000, "u2": 2_072_000}


def test_what_waits_for_a_price_is_bounded_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.warden.sums.UNPRICED_MEMBERS_MAX", 2)
    pair = Pair()
    pair.policy(START_MS, MEMBERS, 1)
    for number in range(5):
        pair.hear(START_MS + number, call(START_MS + number, number, user=f"u{number}"))
    pair.hear(START_MS + 2 * MINUTE_MS, Tick())
    pair.policy(START_MS + 3 * MINUTE_MS, ODD, 2)
    (tenant,) = pair.warden.tenants.values()
    assert tenant.unpriced_folded == 3
    assert sorted(nanos > 0 for nanos in pair.by_member("users").values()) == [True, True]
    assert pair.spent == pair.budgeted > 0, "the totals are whole"
