"""Numbers that follow from others: right ones agree, and each that is changed by a hair does not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from detectors.tail import Basis
from service.books import Spend, SpendQuestion, Tokens
from service.cli.reckoning import budget_step, checks, paces
from service.cli.recount import recount
from service.cli.story import Line, Story, of_transcript
from service.facts import Cause, DriverShare, Evidence, Incident, Kind, Reckoning, Scope, Vote
from service.messages.transcript import incident_line
from service.money import NANO
from service.policy import Policy, load

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
START_MS = 1_764_028_800_000  # midnight, 2025-11-25
POLICY = load("budgets: [{name: day, scope: {agent: '*'}, period: day, limit_usd: 10}, {name: both, scope: {agent: '*', user: u}, period: day, limit_usd: 1}]")


def crossing(**changed: Any) -> Line:
    """Seven dollars of ten after six hours: 2.8 times as planned, gone after eight and a half hours at the pace so far."""
    told: dict[str, Any] = {
        "time_ms": START_MS + 6 * HOUR_MS,
        "action": "opened",
        "id": "inc-1",
        "tenant": "default",
        "scope": Scope("agent", "indexer"),
        "kinds": [Kind.BUDGET_THRESHOLD],
        "severity": "warning",
        "state": "open",
        "opened_ms": START_MS + 6 * HOUR_MS,
        "revision": 1,
        "spend_nanos": 7 * NANO,
        "excess_nanos": 5 * NANO,
        "limit_nanos": 10 * NANO,
        "cause": Cause("executions", 0.75, [DriverShare("executions", 6 * NANO), DriverShare("retries", 2 * NANO), DriverShare("cache", -3 * NANO)], []),
        "evidence": [Evidence("budget_line", 70.0, 10.0, 7.0, "day")],
        "reason": "line_crossed",
        "budget": "day",
        "pace": 2.8,
        "period_start_ms": START_MS,
        "period_end_ms": START_MS + DAY_MS,
        "runs_out_ms": (START_MS + 7 * HOUR_MS, START_MS + 8 * HOUR_MS, START_MS + 9 * HOUR_MS),
    }
    return incident_line(Incident(**told | changed))


def verdicts(line: Line) -> dict[str, bool | None]:
    return {check.what: check.agrees for check in checks(Story([line], [], [], []))}


def test_what_follows_from_other_numbers_agrees() -> None:
    assert verdicts(crossing()) == {"excess": True, "share of executions": True, "percent used": True, "pace": True, "runs out": True}


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"excess_nanos": 5 * NANO + 1}, "excess"),
        ({"cause": Cause("executions", 0.7, [DriverShare("executions", 6 * NANO), DriverShare("retries", -NANO)], [])}, "share of executions"),
        ({"evidence": [Evidence("budget_line", 71.0, 10.0, 7.0)]}, "percent used"),
        ({"pace": 2.801}, "pace"),
        ({"time_ms": START_MS + 7 * HOUR_MS}, "pace"),
        ({"runs_out_ms": (START_MS + 9 * HOUR_MS,) * 3}, "runs out"),
        ({"spend_nanos": 10 * NANO}, "runs out"),
    ],
)
def test_what_does_not_follow_does_not_agree(changed: dict[str, Any], what: str) -> None:
    assert verdicts(crossing(**changed))[what] is False


FLOOR = Reckoning(17.25, 12.0, 1.4, 21.3, 3.0, 1.2, 8.5, 1.3)
OF_FLOOR = {"floor": Basis(*[getattr(FLOOR, name) for name in Basis._fields]).score}


def test_a_detectors_score_follows_from_its_past() -> None:
    told = Evidence("floor", round(OF_FLOOR["floor"], 3), 900.0, 1_800.0, "tokens", FLOOR, [Vote("size", 2.0)])
    assert verdicts(crossing(evidence=[told])) | {"score of floor": True, "floor is told from": True} == verdicts(crossing(evidence=[told]))


@pytest.mark.parametrize(
    ("name", "value"), [("level", 17.3), ("peaks", 13.0), ("mean_excess", 1.41), ("days", 21.5), ("prior_peaks", 4.0), ("prior_excess", 1.3)]
)
def test_a_score_that_does_not_follow_does_not_agree(name: str, value: float) -> None:
    told = Evidence("floor", round(OF_FLOOR["floor"], 3), 900.0, 1_800.0, "tokens", replace(FLOOR, **{name: value}))
    assert verdicts(crossing(evidence=[told]))["score of floor"] is False


def test_what_was_told_too_early_does_not_agree() -> None:
    told = Evidence("floor", round(OF_FLOOR["floor"], 3), 900.0, 1_800.0, "tokens", replace(FLOOR, factor=2.0))
    assert verdicts(crossing(evidence=[told]))["floor is told from"] is False


def test_evidence_from_before_there_was_a_reckoning_is_read() -> None:
    old = msgspec.msgpack.decode(msgspec.msgpack.encode(["floor", 4.0, 900.0, 1_800.0, "tokens"]), type=Evidence)
    assert old == Evidence("floor", 4.0, 900.0, 1_800.0, "tokens")
    assert "score of floor" not in verdicts(crossing(evidence=[old]))
    assert len(msgspec.msgpack.encode(old)) < 50


def test_paces_are_what_is_left_over_the_time_that_is_left() -> None:
    assert paces(crossing()) == {"early": "$3.00", "likely": "$1.50", "late": "$1.00"}
    assert paces(crossing(spend_nanos=10 * NANO)) == {}


def test_a_quota_is_reckoned_in_tokens() -> None:
    line = crossing(limit_nanos=None, spend_nanos=0, cause=None, excess_nanos=0, evidence=[Evidence("budget_line", 70.0, 1_000.0, 700.0)])
    assert verdicts(line) == {"percent used": True, "pace": True, "runs out": True}
    assert paces(line)["early"] == "300 tokens"


def test_a_rolling_window_has_no_pace() -> None:
    line = crossing(pace=None, period_start_ms=None, period_end_ms=None)
    assert verdicts(line) == {"excess": True, "share of executions": True, "percent used": True}


def test_a_cause_without_drivers_is_not_reckoned() -> None:
    assert "excess" not in verdicts(crossing(cause=Cause("executions", 0.0, [], [])))


def test_figures_are_of_the_step_that_took_them() -> None:
    later = crossing(action="resolved", reason="period_over", time_ms=START_MS + 2 * DAY_MS)
    assert budget_step(Story([crossing(), later], [], [], [])) == crossing()
    assert {check.what: check.agrees for check in checks(Story([crossing(), later], [], [], []))}["pace"] is True


def test_a_transcript_tells_only_of_the_incident_that_is_asked_for() -> None:
    order = {"type": "order", "id": "ord-1", "incident": "inc-1"}
    others = [
        {"type": "incident", "id": "inc-2"},
        {"type": "order", "id": "ord-2", "incident": "inc-2"},
        {"type": "notice", "incident": "inc-2"},
        {"type": "summary"},
    ]
    states = [{"type": "order_state", "id": "ord-1", "state": "delivered"}, {"type": "order_state", "id": "ord-2", "state": "failed"}]
    story = of_transcript([crossing(), order, *others, *states], "inc-1")
    assert story is not None
    assert story.steps == [crossing()]
    assert story.orders == [order | {"state": "delivered", "states": states[:1]}]
    assert story.notices == []
    assert of_transcript(others, "inc-1") is None


class Books:
    """Hold so much before a minute, and so much in all."""

    def __init__(self, before: int, in_all: int, counted_from: int | None = None) -> None:
        self.before, self.in_all, self.counted_from = before, in_all, counted_from
        self.asked: list[SpendQuestion] = []

    def spend(self, asked: SpendQuestion) -> Spend:
        self.asked.append(asked)
        whole = asked.span.to_minute == (START_MS + DAY_MS) // 60_000
        amount = self.in_all if whole else self.before
        return Spend(1, amount * NANO, Tokens(total=amount), {}, [], asked.span._replace(from_minute=self.counted_from or asked.span.from_minute))


def counted(before: int, in_all: int, line: Line | None = None, policy: Policy = POLICY) -> tuple[bool | None, str]:
    check, *_ = recount(Books(before, in_all), policy, line or crossing())  # type: ignore[arg-type]
    return check.agrees, check.how


@pytest.mark.parametrize(("before", "in_all", "agrees"), [(6, 7, True), (7, 7, True), (0, 30, True), (8, 9, False), (5, 6, False)])
def test_the_books_agree_when_what_was_told_lies_between_then_and_now(before: int, in_all: int, agrees: bool) -> None:
    assert counted(before, in_all)[0] is agrees


def test_the_books_are_asked_for_the_scope_in_the_period() -> None:
    books = Books(6, 7)
    recount(books, POLICY, crossing())  # type: ignore[arg-type]
    first, end = START_MS // 60_000, (START_MS + DAY_MS) // 60_000
    assert [(asked.tenant, asked.scope, asked.span) for asked in books.asked] == [
        ("default", Scope("agent", "indexer"), (first, first + 360)),
        ("default", Scope("agent", "indexer"), (first, end)),
    ]


def test_what_the_books_cannot_add_up_is_said() -> None:
    assert counted(0, 0, crossing(budget="both")) == (None, "the books keep no sums of agent:* user:u")
    assert counted(0, 0, crossing(budget="gone")) == (None, "the policy in force has no gone any more")
    assert recount(Books(0, 0), POLICY, None) == []  # type: ignore[arg-type]


def test_of_what_the_books_know_by_the_hour_only_nothing_is_said() -> None:
    books = Books(6, 7, counted_from=START_MS // 60_000 - 30)
    (check,) = recount(books, POLICY, crossing())  # type: ignore[arg-type]
    assert (check.agrees, check.how) == (None, "of that time the books keep whole hours only")
