"""Messages: the most important ones as golden text, reviewed as prose; what must hold for all of them as properties.

`GOLDEN=rewrite pytest tests/core/test_messages.py` writes the golden texts anew; read the difference as the person who is woken up.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as but

from service.facts import Cause, DimensionShare, DriverShare, Evidence, Incident, Kind, Notice, Order, Ordered, Scope
from service.messages.build import of_notice, of_order
from service.messages.causes import amounts, rounded
from service.messages.message import plain
from service.phrases import NAME_MAX, shown
from service.warden.titles import tells_line, title

GOLDEN = Path(__file__).parent / "golden" / "messages"
PUBLIC_URL = "https://spend.example"
USD = 10**9
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NIGHT = 1_763_518_440_000  # Wed 19 Nov 2025 02:14 UTC
NOVEMBER = (1_761_955_200_000, 1_764_547_200_000)


def incident(**known: object) -> Incident:
    base = Incident(
        time_ms=NIGHT,
        action="opened",
        id="inc-5c1f0a9be27d4466a0b1",
        tenant="default",
        scope=Scope("agent", "indexer"),
        kinds=[Kind.LOOP],
        severity="critical",
        state="open",
        opened_ms=NIGHT,
        revision=1,
        spend_nanos=6_120_000_000,
        excess_nanos=5_900_000_000,
        limit_nanos=None,
        cause=None,
        evidence=[],
        reason="opened",
        owner="search team",
    )
    return but(base, **known)


def ordered(**known: object) -> Ordered:
    base = Ordered(id="ord-90", action="pause", mode="enforce", state="requested", time_ms=NIGHT, expires_ms=NIGHT + DAY, reason="loop")
    return but(base, **known)


def notice(about: Incident, reason: str) -> Notice:
    told = tells_line(about, reason)
    return Notice(
        time_ms=about.time_ms,
        id="ntc-71e0",
        tenant=about.tenant,
        incident=about.id,
        receiver="spend",
        reason=reason,
        title=title(about, reason),
        about=about,
        budget=about.budget if told else "",
        threshold=about.threshold if told else None,
        thresholds=about.thresholds if told else [],
    )


BUDGET = incident(
    time_ms=NIGHT,
    opened_ms=NIGHT - 4 * DAY,
    action="updated",
    scope=Scope("use_case", "kyc"),
    kinds=[Kind.BUDGET_THRESHOLD],
    severity="warning",
    spend_nanos=10_212_400_000_000,
    excess_nanos=3_120_000_000_000,
    limit_nanos=12_000 * USD,
    owner="KYC team",
    budget="kyc-month",
    threshold=85.0,
    thresholds=[85.0],
    pace=1.41,
    period_start_ms=NOVEMBER[0],
    period_end_ms=NOVEMBER[1],
    runs_out_ms=(NIGHT + 2 * DAY + 4 * HOUR, NIGHT + 3 * DAY + 3 * HOUR, NIGHT + 4 * DAY + 9 * HOUR),
    cause=Cause(
        driver="input_tokens",
        share=0.67,
        drivers=[DriverShare("input_tokens", 2_100_000_000_000), DriverShare("executions", 1_120_500_000_000), DriverShare("price", -100_500_000_000)],
        dimensions=[DimensionShare("agent", "doc-reader", 0.62), DimensionShare("prompt_version", "kyc-intake v17", 0.58)],
        changes=["prompt kyc-intake v17, by maria, Fri 14 Nov 09:02 UTC"],
    ),
)
OVER = but(
    BUDGET,
    severity="critical",
    spend_nanos=12_031_200_000_000,
    excess_nanos=4_820_000_000_000,
    threshold=100.0,
    thresholds=[85.0, 100.0],
    pace=1.67,
    runs_out_ms=(NIGHT, NIGHT, NIGHT),
    cause=None,
    order="ord-90",
    ordered=ordered(reason="budget_threshold", expires_ms=NOVEMBER[1]),
)
LOOP = incident(
    time_ms=NIGHT + 4 * MINUTE,
    detail="tool list_files was called 41 times in a row with the same arguments, about every 6 s",
    executions=["run-8812"],
    spend_nanos=6_120_000_000,
    excess_nanos=5_905_000_000,
    cause=Cause("calls_per_execution", 1.0, [DriverShare("calls_per_execution", 5_905_000_000)], [DimensionShare("execution", "run-8812", 1.0)]),
    order="ord-90",
    ordered=ordered(time_ms=NIGHT + 4 * MINUTE, expires_ms=NIGHT + 4 * MINUTE + DAY),
)
ANOMALY = incident(
    time_ms=NIGHT + 41 * MINUTE,
    kinds=[Kind.SPEND_ANOMALY],
    severity="warning",
    spend_nanos=38_204_000_000,
    excess_nanos=35_474_000_000,
    cause=Cause(
        "cache",
        0.85,
        [DriverShare("cache", 30_100_000_000), DriverShare("executions", 4_374_000_000), DriverShare("model_mix", 1_000_000_000)],
        [DimensionShare("model", "claude-sonnet-4-5", 0.97), DimensionShare("workflow", "nightly reindex", 0.91)],
        ["deploy indexer 4.2.0, by ci, Wed 19 Nov 01:58 UTC"],
    ),
    evidence=[Evidence("surprise", 6.2, 2.73, 38.2), Evidence("cache share", 4.8, 0.85, 0.05)],
)
PROVED = but(
    LOOP,
    time_ms=NIGHT + 6 * MINUTE,
    action="updated",
    spend_nanos=6_540_000_000,
    excess_nanos=6_325_000_000,
    cause=None,
    ordered=ordered(
        state="effective", time_ms=NIGHT + 4 * MINUTE, expires_ms=NIGHT + 4 * MINUTE + DAY, overshoot_nanos=420_000_000, saved_nanos=31_500_000_000
    ),
)
IGNORED = but(
    LOOP,
    time_ms=NIGHT + 9 * MINUTE,
    action="escalated",
    kinds=[Kind.LOOP, Kind.PAUSE_IGNORED],
    spend_nanos=13_770_000_000,
    excess_nanos=13_500_000_000,
    cause=None,
    ordered=ordered(state="failed", time_ms=NIGHT + 4 * MINUTE, overshoot_nanos=7_650_000_000),
)
HOSTILE = "indexer\n\u202e<!channel> [red]gone[/red] \x1b[2J" + "x" * 10_000
CASES = {
    "budget_85": notice(BUDGET, "line_crossed"),
    "budget_100_pause": notice(OVER, "line_crossed"),
    "loop_observe": notice(but(LOOP, ordered=ordered(mode="observe", time_ms=NIGHT + 4 * MINUTE)), "opened"),
    "loop_enforce": notice(LOOP, "opened"),
    "anomaly_cause": notice(ANOMALY, "opened"),
    "pause_effective": notice(PROVED, "effective"),
    "pause_ignored": notice(IGNORED, "escalated"),
    "pause_refused": notice(but(LOOP, ordered=ordered(state="refused", reason="agent indexer is not mine")), "refused"),
    "resolved": notice(but(ANOMALY, state="resolved", action="resolved", time_ms=NIGHT + 3 * HOUR, cause=None), "resolved"),
    "hostile": notice(but(LOOP, scope=Scope("agent", HOSTILE), owner=HOSTILE, detail=HOSTILE, executions=[HOSTILE], tenant=HOSTILE), "opened"),
}


@pytest.mark.parametrize("name", CASES)
def test_reads_as_agreed(name: str) -> None:
    text, path = plain(of_notice(CASES[name], PUBLIC_URL)), GOLDEN / f"{name}.txt"
    if os.environ.get("GOLDEN") == "rewrite":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


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


def test_only_the_line_told_stands_in_the_title() -> None:
    assert "85 %" in title(BUDGET, "line_crossed")
    assert "%" not in title(BUDGET, "acknowledged")
    assert "%" not in title(but(BUDGET, threshold=None), "opened")


def test_a_new_finding_is_the_one_the_title_names() -> None:
    both = but(LOOP, kinds=[Kind.LOOP, Kind.CONTEXT_GROWTH])
    assert title(both, "new_finding") == "Also: agent indexer sends more context with every step, $6.12 since Wed 19 Nov 02:14 UTC"
    assert title(both, "worse") == "Getting worse: agent indexer repeats itself in a loop, $6.12 since Wed 19 Nov 02:14 UTC"


def test_an_order_s_own_scope_is_named() -> None:
    one = but(PROVED, ordered=ordered(state="effective", scope=Scope("execution", "run-8812")))
    assert title(one, "effective") == "Execution run-8812 has stopped: the pause works, $6.54 since Wed 19 Nov 02:14 UTC"
    assert "Paused execution run-8812 on" in plain(of_notice(notice(one, "effective"), PUBLIC_URL))


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
    assert text.startswith(f"[CRITICAL] {shown(told.title, 300)}\n")
    assert about.id in text


@given(st.lists(st.integers(-(10**13), 10**13), min_size=1, max_size=9), st.sampled_from([100_000, 10_000_000]))
def test_drivers_as_shown_add_up_to_the_excess_as_shown(parts: list[int], unit: int) -> None:
    units = rounded(parts, unit)
    assert abs(sum(units) * unit - sum(parts)) * 2 <= unit
    assert all(abs(count * unit - part) < unit for count, part in zip(units, parts, strict=True))


def test_excess_of_less_than_expected_is_said_so() -> None:
    head, lines = amounts(Cause("executions", 1.0, [DriverShare("executions", -3 * USD)], []))
    assert (head, lines) == ("$3.00 less than expected", ("- $3.00  fewer executions",))


def test_tiny_excess_keeps_four_places() -> None:
    head, lines = amounts(Cause("price", 1.0, [DriverShare("price", 12_300_000)], []))
    assert (head, lines) == ("$0.0123 more than expected", ("+ $0.0123  higher prices",))


@given(st.text(), st.integers(1, NAME_MAX))
def test_shown_is_printable_short_and_injective_enough(text: str, limit: int) -> None:
    safe = shown(text, limit)
    assert safe.isprintable()
    assert len(safe) <= limit + 40
    assert text.isprintable() is False or len(text) > limit or safe == text


def test_an_order_reads_as_one() -> None:
    order = Order(NIGHT, "pause", "ord-90", "acme", Scope("agent", "indexer"), "inc-5c", "loop", "enforce", NIGHT + DAY, 3, ["run-1", "run-2"])
    text = plain(of_order(order, PUBLIC_URL))
    assert text.startswith("[CRITICAL] Order to pause agent indexer\n")
    assert "2 running: run-1, run-2" in text
    assert "Thu 20 Nov 02:14 UTC" in text
    assert "tenant acme, order ord-90, sequence 3, incident inc-5c" in text


def test_message_is_a_value() -> None:
    message = of_notice(CASES["loop_enforce"], PUBLIC_URL)
    assert replace(message) == message
