"""Tokens that nobody could price when they came are paid once, when a price comes, wherever in their minute it comes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from service.facts import MINUTE_MS, Decision, Envelope, PricedLate, Tick
from service.meter.fold import Item, Meter
from service.meter.fold import hear as meter_hear
from service.records import Usage
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

    def _take(self, arrival_ms: int, row: object) -> None:
        self.decisions += warden_hear(self.warden, arrival_ms, row)  # type: ignore[arg-type]
        self.warden.out = []

    @property
    def spent(self) -> int:
        return sum(nanos for t in self.warden.tenants.values() for scope, (_, nanos) in t.totals.items() if scope.kind == "total")

    @property
    def budgeted(self) -> int:
        return sum(period.spent for t in self.warden.tenants.values() for period in t.periods.values())


def call(arrival_ms: int, number: int, *, batch: bool = False) -> Usage:
    return Usage(id=f"n-{number}", time=arrival_ms / 1000, agent="indexer", model="newest", input_tokens=1_001, output_tokens=7, batch=batch)


@given(st.lists(st.tuples(st.integers(0, 5 * MINUTE_MS), st.booleans()), min_size=1, max_size=12), st.integers(0, 7 * MINUTE_MS), st.booleans())
@settings(max_examples=150, deadline=None)
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
