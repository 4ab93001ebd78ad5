"""Periods of budgets are forgotten when they can decide no more, and nobody could tell that they were."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.facts import MINUTE_MS, Counts, Decision, Envelope, Incident, Member, Share, encode
from service.warden import budgets
from service.warden.fold import hear
from service.warden.state import Warden
from tests.core.streams import DAY_MS, HOUR_MS, START_MS, policy_set

ROLLING = 'budgets: [{name: recent, scope: {user: "*"}, rolling: 24h, limit_usd: 10}]\n'
DAILY = ROLLING.replace("rolling: 24h", "period: day")


class Spending:
    """A warden of one partition that hears what users spend."""

    def __init__(self, policy: str = ROLLING) -> None:
        self.warden, self.decisions, self.offset = Warden(0, 1), list[Decision](), 0
        self.adopt(policy, 1)

    def adopt(self, policy: str, version: int) -> None:
        self._take(self.warden.now_ms, policy_set(policy, version))

    def hear(self, now_ms: int, spends: Iterable[tuple[str, int, int]]) -> Spending:
        """Each (user, cents, milliseconds late), at one mark whose minute is then over."""
        facts = []
        for number, (user, cents, late_ms) in enumerate(spends):
            self.offset += 1
            event_ms = now_ms - late_ms
            facts.append(
                Share(Member("default", "user", user), event_ms // MINUTE_MS, now_ms // MINUTE_MS * 100 + number, self.offset, 1, cents * 10**7, 10, event_ms)
            )
        self._take(now_ms, Envelope(0, now_ms, self.offset, facts, Counts()))  # type: ignore[arg-type]
        return self

    def _take(self, now_ms: int, row: object) -> None:
        self.decisions += hear(self.warden, now_ms, row)  # type: ignore[arg-type]
        self.warden.out = []

    @property
    def periods(self) -> int:
        return sum(len(t.periods) for t in self.warden.tenants.values())

    def steps(self) -> list[tuple[str, str, list[float]]]:
        return [(d.scope.name, d.action, d.thresholds if d.reason == "line_crossed" else []) for d in self.decisions if isinstance(d, Incident)]


def test_months_of_a_rolling_budget_over_many_members_hold_a_bounded_number_of_periods() -> None:
    run, most = Spending(), 0
    for day in range(90):
        for quarter in range(4):
            run.hear(START_MS + day * DAY_MS + quarter * 6 * HOUR_MS, [(f"u-{day}-{n}", 300, 0) for n in range(40)])
        most = max(most, run.periods)
    assert len({name for name, *_ in run.steps()}) == 90 * 40, "each of them has reached its lines"
    assert most <= 3 * 40, "members of a day, of the window, and of the hour until the next look"
    assert run.hear(START_MS + 95 * DAY_MS, []).periods == 0
    assert {action for _, action, _ in run.steps()[-40:]} == {"resolved"}


def test_days_are_kept_for_thirty_five_and_what_comes_later_decides_nothing() -> None:
    run = Spending(DAILY)
    for day in range(60):
        run.hear(START_MS + day * DAY_MS, [("u", 300, 0)])
    assert 36 <= run.periods <= 38
    run.hear(START_MS + 60 * DAY_MS, [("u", 900, 30 * DAY_MS), ("u", 900, 50 * DAY_MS)])
    assert [lines for _, _, lines in run.steps() if lines] == [[70.0], [85.0], [100.0]], "those of thirty days ago"


@pytest.mark.parametrize("later", [DAILY, ROLLING.replace("24h", "48h"), "budgets: []"])
def test_a_window_that_the_policy_no_longer_keeps_ends_and_is_forgotten(later: str) -> None:
    run = Spending().hear(START_MS, [("u", 900, 0)])
    run.adopt(later, 2)
    run.hear(START_MS + 3 * HOUR_MS, [("u", 100, 0)])
    assert run.steps()[-1][1] == "resolved"
    for day in range(1, 37):
        run.hear(START_MS + day * DAY_MS, [("other", 800, 0)])
    assert not [key for t in run.warden.tenants.values() for key in t.periods if key[1] == "u" and key[2].startswith("rolling")]
    told = [lines for name, _, lines in run.steps() if name == "other" and lines]
    assert bool(told) == (later != "budgets: []"), "the budget of the new kind tells its lines"


@st.composite
def spendings(draw: st.DrawFn) -> list[tuple[int, list[tuple[str, int, int]]]]:
    """Two users who come and go for hours or days, some of it late."""
    now_ms, rows = START_MS, []
    for _ in range(draw(st.integers(2, 25))):
        now_ms += draw(st.sampled_from([MINUTE_MS, HOUR_MS, 7 * HOUR_MS, DAY_MS, 3 * DAY_MS]))
        spend = st.tuples(st.sampled_from(["u1", "u2"]), st.sampled_from([-400, 100, 500, 800, 1200]), st.sampled_from([0, 0, HOUR_MS, DAY_MS, 2 * DAY_MS]))
        rows.append((now_ms, draw(st.lists(spend, max_size=3))))
    return rows


@given(spendings())
@settings(max_examples=40, deadline=None)
def test_a_rolling_window_that_was_forgotten_decides_as_one_that_was_kept(rows: list[tuple[int, list[tuple[str, int, int]]]]) -> None:
    def said() -> list[bytes]:
        run = Spending()
        for now_ms, spends in rows:
            run.hear(now_ms, spends)
        return sorted(encode(d) for d in run.decisions)  # what one mark ends, it ends in the order of the table

    forgetting = said()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(budgets, "_decides_no_more", lambda *_: False)
        assert said() == forgetting
