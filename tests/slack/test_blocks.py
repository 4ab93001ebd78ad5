"""Slack's blocks: the most important ones as golden text, reviewed as prose, and what must hold for all of them.

`GOLDEN=rewrite pytest tests/slack/test_blocks.py` writes them anew; read the difference as the person who is woken up.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from msgspec.structs import replace as but

from service.facts import Act, Incident, Notice
from service.messages.slack import root as slack
from service.messages.slack.presses import Offers
from tests.core.episodes import ANOMALY, BUDGET, CASES, LOOP, NOVEMBER, PROVED, ordered
from tests.core.test_messages import STEPS
from tests.golden import assert_golden
from tests.samples import NIGHT_MS, ORDER, notice
from tests.slack import limits
from tests.slack.page import Page
from tests.slack.picture import message
from tests.slack.reading import written

GOLDEN = Path(__file__).parent / "golden"
URL = "https://spend.example"
OFFERS = Offers(orders=True, tickets=True)

ACKNOWLEDGED = but(BUDGET, state="acknowledged", revision=3, acts=[Act(NIGHT_MS, "acknowledge", "slack:U024BE7LH")])
SNOOZED = but(ANOMALY, state="snoozed", revision=4, acts=[Act(NIGHT_MS, "snooze", "maria", NIGHT_MS + 3_600_000)])
RESUMED_MS = NIGHT_MS + 3 * 3_600_000
RESUMED = but(
    PROVED,
    time_ms=RESUMED_MS,
    revision=6,
    acts=[Act(RESUMED_MS, "resume", "slack:U024BE7LH", reason="the tool is fixed", approved_by="slack:U0G9QF9C6")],
    ordered=ordered(
        state="effective",
        time_ms=NIGHT_MS + 240_000,
        overshoot_nanos=420_000_000,
        saved_nanos=31_500_000_000,
        stopped_ms=NIGHT_MS + 300_000,
        ended_ms=RESUMED_MS,
    ),
)
TOLD: dict[str, Incident] = {
    **{name: case.about for name, case in CASES.items()},
    "acknowledged": ACKNOWLEDGED,
    "snoozed": SNOOZED,
    "resumed": RESUMED,
}
REPLIES: dict[str, Notice] = {
    "reply_line": CASES["budget_85"],
    "reply_acknowledged": notice(but(ACKNOWLEDGED, time_ms=NIGHT_MS), "acknowledged"),
    "reply_effective": CASES["pause_effective"],
    "reply_ignored": but(CASES["pause_ignored"], mention="U024BE7LH"),
    "reply_resolved": CASES["resolved"],
    "reply_resumed": notice(RESUMED, "resume_ordered"),
}


@pytest.mark.parametrize("name", TOLD)
def test_reads_as_agreed(name: str) -> None:
    assert_golden(GOLDEN / f"{name}.txt", written(slack.root(TOLD[name], URL, OFFERS)))


@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_says_what_is_new(name: str) -> None:
    assert_golden(GOLDEN / f"{name}.txt", written(slack.reply(REPLIES[name], URL)))


def test_a_storm_reads_as_one() -> None:
    words = "Agent indexer repeats itself in a loop: $6.12, and 41 more incidents in this minute"
    storm = but(notice(LOOP, "storm"), title=words, mention="U024BE7LH")
    assert_golden(GOLDEN / "storm.txt", written(slack.digest(storm, URL)))


def test_an_order_reads_as_one() -> None:
    assert_golden(GOLDEN / "order.txt", written(slack.order(but(ORDER, executions=["run-1"], by="slack:U024BE7LH"), URL)))


def test_the_first_post_calls_the_owner_and_says_why_it_stands_there() -> None:
    said = slack.root(BUDGET, URL, OFFERS, note="This is told here because the channel is archived (#kyc-spend, is_archived).", mentioned="S0614TZR7")
    assert_golden(GOLDEN / "first_post.txt", written(said))


@pytest.mark.parametrize("name", TOLD)
def test_slack_takes_it(name: str) -> None:
    assert limits.mistakes(slack.root(TOLD[name], URL, OFFERS, note="x" * 9_000, mentioned="U024BE7LH")) == []


@pytest.mark.parametrize("name", CASES)
def test_slack_takes_its_replies(name: str) -> None:
    assert limits.mistakes(slack.reply(but(CASES[name], mention="U024BE7LH"), URL)) == []


def test_no_name_calls_anybody_or_turns_the_line() -> None:
    everything = json.dumps([slack.root(TOLD["hostile"], URL, OFFERS), slack.reply(CASES["hostile"], URL)], ensure_ascii=False)
    assert "<!channel>" not in everything
    assert "&lt;!channel&gt;" in everything
    assert "\u202e" not in everything
    assert "more characters)" in everything
    assert len(everything) < 12_000


def test_nobody_is_called_by_an_edit() -> None:
    assert "<@" not in json.dumps(slack.root(BUDGET, URL, OFFERS))


@given(STEPS)
def test_every_incident_can_be_shown(known: dict[str, object]) -> None:
    said = slack.root(but(LOOP, **known), URL, OFFERS)
    assert limits.mistakes(said) == []
    assert LOOP.id in said["text"]


def test_a_cut_message_still_ends_in_its_id() -> None:
    long = but(ANOMALY, cause=None, acts=[Act(n, f"deed {n}", "maria" * 20, reason="y" * 2_000) for n in range(200)], period_end_ms=NOVEMBER[1])
    said = slack.root(long, URL, OFFERS)
    assert limits.mistakes(said) == []
    assert "more lines" in json.dumps(said["blocks"])
    assert said["metadata"]["event_payload"]["incident"] == long.id


def test_what_is_shown_can_be_drawn(tmp_path: Path) -> None:
    page = Page()
    for incident in TOLD.values():
        message(page, slack.root(incident, URL, OFFERS, mentioned="U024BE7LH"), "02:14")
    message(page, slack.reply(REPLIES["reply_ignored"], URL), "02:20")
    page.save(tmp_path / "slack.png")
    assert (tmp_path / "slack.png").read_bytes().startswith(b"\x89PNG")
