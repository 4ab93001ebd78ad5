"""One incident with its order and its notice, as the warden says them: what a test does not care about is written here, once.

What a test does care about, it changes: `but(INCIDENT, severity="warning")`.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace as but

from service.facts import TOTAL, Filling, Happened, Incident, Kind, Notice, Order, Quality, Report, Scope, Spent, Stopped
from service.warden.titles import reported, tells_line, title

DAY_MS: Final = 86_400_000
NIGHT_MS: Final = 1_763_518_440_000  # Wed 19 Nov 2025 02:14 UTC
INCIDENT: Final = Incident(
    time_ms=NIGHT_MS,
    action="opened",
    id="inc-1",
    tenant="default",
    scope=Scope("agent", "indexer"),
    kinds=[Kind.LOOP],
    severity="critical",
    state="open",
    opened_ms=NIGHT_MS,
    revision=1,
    spend_nanos=6_120_000_000,
    excess_nanos=5_900_000_000,
    limit_nanos=None,
    cause=None,
    evidence=[],
    reason="opened",
)
ORDER: Final = Order(NIGHT_MS, "pause", "ord-1", "default", Scope("agent", "indexer"), "inc-1", "loop", "enforce", NIGHT_MS + DAY_MS, 3)


def notice(about: Incident, reason: str) -> Notice:
    """The receiver `spend` is told this step of an incident; only a step that crosses a budget's line tells the line."""
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


NOTICE: Final = notice(INCIDENT, "opened")
REPORT: Final = Report(
    kind="digest",
    owner="search",
    start_ms=NIGHT_MS - DAY_MS,
    end_ms=NIGHT_MS,
    timezone="UTC",
    by="agent",
    total=Spent("", 7_000_000_000, 3_500_000_000, 3_000_000_000),
    spent=[Spent("indexer", 6_000_000_000, 3_500_000_000, 3_000_000_000)],
    others=Spent("", 1_000_000_000),
    others_count=4,
    happened=[Happened("inc-1", "Agent indexer repeats itself in a loop", "critical", "open", "calls_per_execution")],
    happened_more=3,
    stopped=[Stopped("ord-1", "pause", Scope("agent", "indexer"), "enforce", "effective", 120_000_000, (2_000_000_000, 9_000_000_000))],
    filling=[Filling("day", Scope("agent", "indexer"), 10_000_000_000, 9_000_000_000, NIGHT_MS + DAY_MS, NIGHT_MS + 2 * DAY_MS)],
    quality=Quality(1_000, 10, 500_000_000, 4_000, 1_000),
    entries=2,
    head="f" * 64,
)
_ABOUT: Final = but(INCIDENT, id="rep-1", scope=TOTAL, kinds=[], severity="info", state="reported", action="reported", reason="digest", owner="search")
REPORTED: Final = but(NOTICE, id="ntc-rep", incident="rep-1", reason="digest", title=reported(REPORT), about=_ABOUT, report=REPORT)
