"""What people are told of: steps of a budget, a loop and an anomaly, and the notices that tell them."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace as but

from service.facts import Cause, DimensionShare, DriverShare, Evidence, Kind, Notice, Ordered, Scope
from service.meter.rules import WHAT
from service.meter.runs import LOOP as RUN_LOOP
from tests.samples import DAY_MS, INCIDENT, NIGHT_MS, notice

USD: Final = 10**9
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
NOVEMBER: Final = (1_761_955_200_000, 1_764_547_200_000)
FOUND: Final = but(INCIDENT, id="inc-5c1f0a9be27d4466a0b1", owner="search team")


def ordered(**known: object) -> Ordered:
    """The pause as the incident's steps carry it."""
    base = Ordered(id="ord-90", action="pause", mode="enforce", state="requested", time_ms=NIGHT_MS, expires_ms=NIGHT_MS + DAY_MS, reason="loop")
    return but(base, **known)


def by_calls(nanos: int) -> Cause:
    """Of a run that calls again and again."""
    return Cause("calls_per_execution", 1.0, [DriverShare("calls_per_execution", nanos)], [DimensionShare("execution", "run-8812", 1.0)])


BUDGET: Final = but(
    FOUND,
    opened_ms=NIGHT_MS - 4 * DAY_MS,
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
    runs_out_ms=(NIGHT_MS + 2 * DAY_MS + 4 * HOUR_MS, NIGHT_MS + 3 * DAY_MS + 3 * HOUR_MS, NIGHT_MS + 4 * DAY_MS + 9 * HOUR_MS),
    cause=Cause(
        driver="input_tokens",
        share=0.67,
        drivers=[DriverShare("input_tokens", 2_100_000_000_000), DriverShare("executions", 1_120_500_000_000), DriverShare("price", -100_500_000_000)],
        dimensions=[DimensionShare("agent", "doc-reader", 0.62), DimensionShare("prompt_version", "kyc-intake v17", 0.58)],
        changes=["prompt kyc-intake v17, by maria, Fri 14 Nov 09:02 UTC"],
    ),
)
OVER: Final = but(
    BUDGET,
    severity="critical",
    spend_nanos=12_031_200_000_000,
    excess_nanos=4_820_000_000_000,
    threshold=100.0,
    thresholds=[85.0, 100.0],
    pace=1.67,
    runs_out_ms=(NIGHT_MS, NIGHT_MS, NIGHT_MS),
    cause=None,
    order="ord-90",
    ordered=ordered(reason="budget_threshold", expires_ms=NOVEMBER[1]),
)
LOOP: Final = but(
    FOUND,
    time_ms=NIGHT_MS + 4 * MINUTE_MS,
    detail=WHAT[RUN_LOOP],
    evidence=[Evidence("loop", 13.7, 3.0, 41.0, WHAT[RUN_LOOP])],
    executions=["run-8812"],
    excess_nanos=5_905_000_000,
    cause=by_calls(5_905_000_000),
    order="ord-90",
    ordered=ordered(time_ms=NIGHT_MS + 4 * MINUTE_MS, expires_ms=NIGHT_MS + 4 * MINUTE_MS + DAY_MS),
)
ANOMALY: Final = but(
    FOUND,
    time_ms=NIGHT_MS + 41 * MINUTE_MS,
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
PROVED: Final = but(
    LOOP,
    time_ms=NIGHT_MS + 6 * MINUTE_MS,
    action="updated",
    spend_nanos=6_540_000_000,
    excess_nanos=6_325_000_000,
    cause=by_calls(6_325_000_000),
    ordered=ordered(
        state="effective",
        time_ms=NIGHT_MS + 4 * MINUTE_MS,
        expires_ms=NIGHT_MS + 4 * MINUTE_MS + DAY_MS,
        overshoot_nanos=420_000_000,
        saved_nanos=31_500_000_000,
    ),
)
IGNORED: Final = but(
    LOOP,
    time_ms=NIGHT_MS + 9 * MINUTE_MS,
    action="escalated",
    kinds=[Kind.LOOP, Kind.PAUSE_IGNORED],
    spend_nanos=13_770_000_000,
    excess_nanos=13_500_000_000,
    cause=by_calls(13_500_000_000),
    ordered=ordered(state="failed", time_ms=NIGHT_MS + 4 * MINUTE_MS, overshoot_nanos=7_650_000_000),
)
UNPRICED: Final = but(
    FOUND,
    kinds=[Kind.UNPRICED],
    severity="info",
    spend_nanos=0,
    excess_nanos=0,
    detail="no rate for EUR",
    cause=Cause("price", 1.0, [DriverShare("price", 0)], [DimensionShare("currency", "EUR", 1.0)]),
    ordered=None,
)
HOSTILE: Final = "indexer\n\u202e<!channel> [red]gone[/red] \x1b[2J" + "x" * 10_000
CASES: Final[dict[str, Notice]] = {
    "budget_85": notice(BUDGET, "line_crossed"),
    "budget_100_pause": notice(OVER, "line_crossed"),
    "loop_observe": notice(but(LOOP, ordered=ordered(mode="observe", time_ms=NIGHT_MS + 4 * MINUTE_MS)), "opened"),
    "loop_enforce": notice(LOOP, "opened"),
    "anomaly_cause": notice(ANOMALY, "opened"),
    "pause_effective": notice(PROVED, "effective"),
    "pause_ignored": notice(IGNORED, "escalated"),
    "pause_refused": notice(but(LOOP, ordered=ordered(state="refused", reason="agent indexer is not mine")), "refused"),
    "resolved": notice(but(ANOMALY, state="resolved", action="resolved", time_ms=NIGHT_MS + 3 * HOUR_MS, cause=None), "resolved"),
    "no_rate": notice(UNPRICED, "opened"),
    "no_price": notice(
        but(UNPRICED, detail="no price for gpt-9", cause=Cause("price", 1.0, [DriverShare("price", 0)], [DimensionShare("model", "gpt-9", 1.0)])), "opened"
    ),
    "hostile": notice(but(LOOP, scope=Scope("agent", HOSTILE), owner=HOSTILE, detail=HOSTILE, executions=[HOSTILE], tenant=HOSTILE), "opened"),
}
