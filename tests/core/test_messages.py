"""Messages: the most important ones as golden text, reviewed as prose, and what must hold for all of them.

`GOLDEN=rewrite pytest tests/core/test_messages.py` writes the golden texts anew; read the difference as the person who is woken up.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as but

from service.facts import Act, Evidence, Kind, Scope
from service.messages.build import CALM, of_notice, of_order
from service.messages.message import plain
from service.phrases import shown
from tests.core.episodes import ANOMALY, CASES, LOOP, PROVED, USD, by_calls, ordered
from tests.golden import assert_golden
from tests.samples import ORDER, notice

GOLDEN = Path(__file__).parent / "golden" / "messages"
PUBLIC_URL = "https://spend.example"


@pytest.mark.parametrize("name", CASES)
def test_reads_as_agreed(name: str) -> None:
    assert_golden(GOLDEN / f"{name}.txt", plain(of_notice(CASES[name], PUBLIC_URL)))


@pytest.mark.parametrize("name", CASES)
def test_text_is_one_screen_of_printable_lines(name: str) -> None:
    text = plain(of_notice(CASES[name], PUBLIC_URL))
    assert len(text) < 4_000
    assert all(row.isprintable() for row in text.splitlines())


def test_what_is_cut_is_said_to_be_cut() -> None:
    text = plain(of_notice(CASES["hostile"], PUBLIC_URL))
    assert "more characters)" in text
    assert "\u202e" not in text
    assert r"\u202e" in text


def test_an_observed_pause_is_never_told_as_done() -> None:
    text = plain(of_notice(CASES["loop_observe"], PUBLIC_URL))
    assert "Would have paused" in text
    assert "Nothing was stopped" in text


def test_a_pause_that_was_resumed_before_anyone_obeyed_is_never_told_as_done() -> None:
    late_ms = LOOP.time_ms + 60_000
    resumed = but(LOOP, time_ms=late_ms, acts=[Act(late_ms, "resume", "maria")], ordered=ordered(state="expired", time_ms=LOOP.time_ms))
    text = plain(of_notice(notice(resumed, "resume_ordered"), PUBLIC_URL))
    assert "Ordered on Wed 19 Nov 02:18 UTC to pause agent indexer; whether it obeyed was not proved." in text
    assert "Paused" not in text


def test_an_order_that_nobody_answers_is_for_a_person_after_a_minute() -> None:
    text = plain(of_notice(notice(but(LOOP, time_ms=LOOP.time_ms + 60_000), "undelivered"), PUBLIC_URL))
    assert "nobody has answered so far" in text
    assert "Someone has to stop it by hand, now." in text
    assert "being watched" not in text


@pytest.mark.parametrize(("why", "said"), [("per_hour", "used up (`pauses: per_hour:`), so it is"), ("released", "stopped: it is"), ("", "stopped: it is")])
def test_why_nothing_was_stopped_by_itself_is_said(why: str, said: str) -> None:
    assert f"{said} for a person to decide." in plain(of_notice(notice(but(ANOMALY, hindered=why), "opened"), PUBLIC_URL))
    rest = "What was found there since was not stopped: this hour's"
    assert (rest in plain(of_notice(notice(but(PROVED, hindered=why), "effective"), PUBLIC_URL))) == (why == "per_hour")


def test_spent_expected_and_the_excess_add_up_as_they_are_shown() -> None:
    odd = but(LOOP, spend_nanos=6_124_000_000, excess_nanos=5_906_000_000, cause=by_calls(5_906_000_000))
    text = plain(of_notice(notice(odd, "opened"), PUBLIC_URL))
    assert "$6.12, where $0.21 was expected" in text
    assert "Why it costs $5.91 more than expected" in text


def test_where_nothing_is_known_to_be_usual_nothing_is_compared() -> None:
    limit = Evidence("execution_cap", 1.5, 4.0, 6.12, "spend of the run, USD")
    capped = but(LOOP, kinds=[Kind.EXECUTION_CAP], limit_nanos=4 * USD, excess_nanos=LOOP.spend_nanos, evidence=[limit], detail=limit.detail)
    text = plain(of_notice(notice(capped, "opened"), PUBLIC_URL))
    assert "expected" not in text
    assert "Why it costs $6.12:" in text
    assert limit.detail not in text.lower()


def test_an_order_s_own_scope_is_named() -> None:
    one = but(PROVED, ordered=ordered(state="effective", scope=Scope("execution", "run-8812")))
    assert notice(one, "effective").title == "Execution run-8812 has stopped: the pause works, $6.54 since Wed 19 Nov 02:14 UTC"
    assert "Paused execution run-8812 on" in plain(of_notice(notice(one, "effective"), PUBLIC_URL))


def test_an_order_reads_as_one() -> None:
    order = but(ORDER, tenant="acme", executions=["run-1", "run-2"])
    text = plain(of_order(order, PUBLIC_URL))
    assert text.startswith("[CRITICAL] Order to pause agent indexer\n")
    assert "2 running: run-1, run-2" in text
    assert "Thu 20 Nov 02:14 UTC" in text
    assert "tenant acme, order ord-1, sequence 3, incident inc-1" in text


def test_message_is_a_value() -> None:
    message = of_notice(CASES["loop_enforce"], PUBLIC_URL)
    assert replace(message) == message


KNOWN_REASONS = (
    "opened",
    "line_crossed",
    "worse",
    "reminder",
    "escalated",
    "acknowledged",
    "snoozed",
    "resolved",
    "reopened",
    "new_finding",
    "order_failed",
    "effective",
    "refused",
    "failed",
    "a_new_one",
)


STEPS = st.fixed_dictionaries(
    {
        "kinds": st.lists(st.sampled_from(Kind), min_size=1, max_size=4),
        "spend_nanos": st.integers(0, 10**15),
        "excess_nanos": st.integers(-(10**15), 10**15),
        "limit_nanos": st.none() | st.integers(1, 10**15),
        "threshold": st.none() | st.floats(0.01, 1000),
        "pace": st.none() | st.floats(0, 1e9),
        "runs_out_ms": st.none() | st.tuples(*[st.integers(0, 10**14)] * 3),
        "period_end_ms": st.none() | st.integers(0, 10**14),
        "scope": st.builds(Scope, st.sampled_from(["agent", "total", "label.team"]), st.text(max_size=200)),
        "ordered": st.none()
        | st.sampled_from(["requested", "delivered", "accepted", "effective", "refused", "expired", "failed"]).map(lambda state: ordered(state=state)),
    }
)


@given(STEPS, st.sampled_from(KNOWN_REASONS))
def test_every_incident_can_be_told(known: dict[str, object], reason: str) -> None:
    about = but(LOOP, **known)
    told = notice(about, reason)
    assert told.title.isprintable()
    assert ("%" in told.title.replace(shown(about.scope.name), "")) == (told.threshold is not None)
    text = plain(of_notice(told, PUBLIC_URL))
    assert text.startswith(f"[{'INFO' if reason in CALM else 'CRITICAL'}] {shown(told.title, 300)}\n")
    assert about.id in text
