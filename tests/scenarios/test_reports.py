"""Reports by the calendar: told once a period at their hour, with the books' own figures, to whom they belong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from service.books import Span, SpendQuestion
from service.facts import DAY_MS, MINUTE_MS, Notice, Report
from service.messages.build import of_notice
from service.messages.message import plain
from service.messages.slack.root import report as in_slack
from service.messages.transcript import notice_line
from service.policy import PolicyError, load
from service.records import Usage, rfc3339
from service.replay.booked import Booked, booked
from service.replay.engine import Engine
from service.warden import days, reports
from tests.golden import assert_golden
from tests.scenarios.story import Story
from tests.slack.limits import mistakes

GOLDEN = Path(__file__).parent / "golden"
START = "2026-10-19T22:30:00Z"  # half past midnight in Berlin, on a Tuesday; the clocks go back on the Sunday
POLICY = """
timezone: Europe/Berlin
owners: [{match: {use_case: kyc}, name: KYC team}, {name: Platform team}]
budgets:
  - {name: indexer-day, scope: {agent: indexer}, period: day, limit_usd: 30, pause_at: 100}
  - {name: all, scope: total, period: month, limit_usd: 250}
pauses: {mode: enforce, allow: [{agent: "*"}], min_loss_usd: 0}
receivers: [{name: spend, kind: console}, {name: finance, kind: console}]
reports:
  - {kind: digest, at: "08:00", to: [spend]}
  - {kind: showback, day: monday, at: "09:30", to: [spend, finance]}
"""


class Fortnight:
    """Two agents of two owners, an hour at a time; on the second Thursday one runs away and is stopped. `saved`: the engine is dumped and loaded each hour."""

    def __init__(self, policy: str = POLICY, *, hours: int = 14 * 24, saved: bool = False, books: Booked | None = None) -> None:
        self.story = Story(policy, START)
        if books is not None:
            self.story.engine.listener = books.hear
        for hour in range(hours):
            self._hour(hour)
            if saved:
                self.story.engine = Engine.load(self.story.engine.dump())

    def _hour(self, hour: int) -> None:
        calls: dict[str, Any] = {"provider": "openai", "model": "gpt", "input_tokens": 100, "cache_read_tokens": 300 if hour < 200 else 100}
        self.story.call(f"0.{20 + hour % 24:02d}0000001", execution_id=f"i{hour}", use_case="kyc", **calls)
        self.story.call("0.25", "+10m", agent="screener", execution_id=f"s{hour}")
        if hour == 9 * 24 + 10:
            self.story.call("33", "+1m", use_case="kyc", execution_id="runaway")
            self.story.wait("+1m").answers(self.story.orders()[0], "accepted")
        self.story.wait("+50m")

    def told(self, kind: str = "digest") -> list[tuple[Notice, Report]]:
        return [(notice, notice.report) for notice in self.story.notices() if notice.report is not None and notice.report.kind == kind]


@pytest.fixture(scope="module")
def fortnight() -> Fortnight:
    return Fortnight()


def test_a_digest_is_told_once_a_day_at_its_hour_in_the_zone_of_the_policy(fortnight: Fortnight) -> None:
    told = [rfc3339(notice.time_ms) for notice, _ in fortnight.told()]
    assert len(told) == 13
    assert {time[11:16] for time in told[:4]} == {"06:01"}
    assert {time[11:16] for time in told[4:]} == {"07:01"}, "after the clocks went back"
    lengths = [(report.end_ms - report.start_ms) // 3_600_000 for _, report in fortnight.told()]
    assert lengths == [24] * 5 + [25] + [24] * 7
    assert len({notice.id for notice in fortnight.story.notices()}) == len(fortnight.story.notices())


def test_its_figures_are_those_of_the_books_to_the_nano_dollar() -> None:
    with booked() as books:
        fortnight = Fortnight(hours=10 * 24, books=books)
        books.flush()
        for _, report in fortnight.told():
            span = Span(report.start_ms // MINUTE_MS, report.end_ms // MINUTE_MS)
            spend = books.books.spend(SpendQuestion("default", span=span, by="agent"))
            assert report.total.nanos == spend.nanos
            assert {each.name: each.nanos for each in report.spent} == spend.by
            assert report.quality.records == spend.records
        assert len(fortnight.told()) == 9


def test_the_same_is_told_whatever_restarts(fortnight: Fortnight) -> None:
    again = Fortnight(saved=True)
    assert again.story.notices() == fortnight.story.notices()


def test_after_a_long_silence_only_the_last_period_is_told() -> None:
    fortnight = Fortnight(hours=48)
    warden, (_, first) = fortnight.story.engine.warden, fortnight.told()[-1]
    for days_off, told in ((2, [(first.start_ms + 2 * DAY_MS, 0)]), (2, []), (30, [])):
        warden.marks = [mark + days_off * DAY_MS for mark in warden.marks]
        for _ in range(3):
            reports.due(warden)
        digests = [each.report for each in warden.out if isinstance(each, Notice) and each.reason == "digest"]
        assert [(report.start_ms, report.total.nanos) for report in digests if report] == told, "of empty days beside empty days nobody is told"
        warden.out = []


def test_every_owner_gets_its_own_week_and_everybody_on_the_list_gets_it(fortnight: Fortnight) -> None:
    told = fortnight.told("showback")
    assert [(notice.receiver, report.owner, notice.about.owner) for notice, report in told[:4]] == [
        ("spend", "KYC team", "KYC team"),
        ("finance", "KYC team", "KYC team"),
        ("spend", "Platform team", "Platform team"),
        ("finance", "Platform team", "Platform team"),
    ]
    assert {rfc3339(report.start_ms) for _, report in told} == {"2026-10-18T22:00:00.000Z", "2026-10-25T23:00:00.000Z"}
    second = {report.owner: report for notice, report in told[4:] if notice.receiver == "spend"}
    assert {each.driver for each in second["KYC team"].happened} == {"calls_per_execution"}
    assert second["KYC team"].total.before_nanos is None, "the week before was not kept whole"


def test_nothing_is_kept_while_no_report_is_asked_for() -> None:
    story = Fortnight(POLICY.partition("reports:")[0], hours=30).story
    assert len(story.engine.warden.tenants["default"].days) == 0
    assert not any(notice.report for notice in story.notices())


def test_one_that_was_just_asked_for_begins_with_the_next_period() -> None:
    fortnight = Fortnight(POLICY.partition("reports:")[0], hours=30)
    fortnight.story.adopts(POLICY, 2)
    fortnight._hour(30)
    assert fortnight.told() == []
    for hour in range(31, 31 + 30):
        fortnight._hour(hour)
    assert fortnight.told() == [], "the day on which it was asked for is not known whole"
    for hour in range(61, 61 + 48):
        fortnight._hour(hour)
    [(_, report), (_, next_day)] = fortnight.told()
    assert rfc3339(report.start_ms) == "2026-10-21T22:00:00.000Z"
    assert report.total.before_nanos is None
    assert report.total.nanos == next_day.total.nanos == next_day.total.before_nanos


def test_a_day_of_which_reports_did_not_hear_all_is_not_told() -> None:
    fortnight = Fortnight(hours=33)
    fortnight.story.adopts(POLICY.partition("reports:")[0], 2).call("7", execution_id="unheard").wait("+5m").adopts(POLICY, 3)
    for hour in range(33, 33 + 48):
        fortnight._hour(hour)
    assert [rfc3339(report.start_ms)[:10] for _, report in fortnight.told()] == ["2026-10-19", "2026-10-21"], "the Wednesday has a hole"


def test_beyond_the_limit_names_are_lost_and_no_money(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(days, "DAY_ROWS_MAX", 1)
    with booked() as books:
        fortnight = Fortnight(hours=48, books=books)
        books.flush()
        _, report = fortnight.told()[0]
        span = Span(report.start_ms // MINUTE_MS, report.end_ms // MINUTE_MS)
        assert report.total.nanos == books.books.spend(SpendQuestion("default", span=span)).nanos
        assert {each.name for each in report.spent} == {"indexer", "other"}
        assert fortnight.story.engine.warden.tenants["default"].days_folded > 0


def test_what_is_long_ago_is_forgotten() -> None:
    story = Fortnight(hours=24).story
    story.wait("+20d").call("1").wait("+2h")
    assert len(story.engine.warden.tenants["default"].days) == 1


@pytest.mark.parametrize(("kind", "at"), [("digest", 9), ("showback", 4)])
def test_it_reads_well(fortnight: Fortnight, kind: str, at: int) -> None:
    notice, _ = fortnight.told(kind)[at]
    assert_golden(GOLDEN / f"report_{kind}.txt", plain(of_notice(notice, "https://spend.example")))
    assert mistakes(in_slack(notice, "https://spend.example")) == []


def test_machines_read_it_too(fortnight: Fortnight) -> None:
    notice, report = fortnight.told()[9]
    line = notice_line(notice)["report"]
    assert (line["kind"], line["timezone"], line["total"].keys()) == ("digest", "Europe/Berlin", {"usd", "before_usd", "usual_usd"})
    assert [each["name"] for each in line["spent"]] == [each.name for each in report.spent]
    assert line["audit"]["head"] == report.head != ""


@pytest.mark.parametrize(
    ("report", "mistake"),
    [
        ("{kind: digest, to: [spendd]}", "reports[0].to[0]: no receiver is called `spendd`; did you mean `spend`?"),
        ("{kind: digest, to: [issues]}", "reports[0].to[0]: `issues` is of the kind jira, which tells no reports"),
        ("{kind: digest, to: [spend], at: 8:00}", 'reports[0].at: must be a time of day in quotation marks, such as "08:00"'),
        ("{kind: weekly, to: [spend]}", "reports[0].kind: must be one of digest, showback"),
        ("{kind: digest, to: []}", "reports[0].to: "),
        (
            '{kind: digest, to: [spend]}, {kind: digest, by: workflow, to: [spend]}, {kind: digest, at: "18:00", per: all, to: [other, spend]}',
            "reports[2].to[1]: `spend` gets the same digest by reports[0].to[0]; at another hour it would say nothing new",
        ),
    ],
)
def test_mistakes_are_told_by_their_path(report: str, mistake: str) -> None:
    receivers = "receivers: [{name: spend, kind: console}, {name: other, kind: console}, {name: issues, kind: jira, url: 'https://j.example', project: P, token: 'env:T'}]\n"
    with pytest.raises(PolicyError) as wrong:
        load(f"{receivers}reports: [{report}]")
    assert mistake in str(wrong.value)
    assert len(wrong.value.mistakes) == 1


def test_what_gets_a_price_later_belongs_to_its_own_day() -> None:
    story = Story(POLICY, START)
    story.record(Usage(id="mystery", time=story.now_ms / 1000, agent="indexer", model="mystery-1", provider="openai", input_tokens=1000))
    story.call("1").wait("+26h").adopts(POLICY + "prices: {overrides: [{model: mystery-1, input: 2, output: 4}]}\n", 2).wait("+8h")
    [(_, report)] = [(notice, notice.report) for notice in story.notices() if notice.report]
    assert (report.total.nanos, report.quality.unpriced) == (10**9 + 2_000_000, 1)
    assert {each.name: each.nanos for each in report.spent} == {"indexer": 10**9 + 2_000_000}


def test_what_is_too_much_for_one_row_is_told_a_minute_later(monkeypatch: pytest.MonkeyPatch, fortnight: Fortnight) -> None:
    monkeypatch.setattr(reports, "REPORTS_AT_ONCE", 1)
    slowly = Fortnight(saved=True)
    assert {notice.id for notice, _ in slowly.told("showback")} == {notice.id for notice, _ in fortnight.told("showback")}
    times = [notice.time_ms for notice, _ in slowly.told("showback")]
    assert times[1] == times[0], "a row may be a little fuller than that, never half a report"
    assert 0 < times[2] - times[1] <= 2 * MINUTE_MS
