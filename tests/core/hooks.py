"""An order and a notice as webhooks carry them, the secrets that sign them, and a receiver's clock."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace as but

from service.facts import Cause, DriverShare, Kind, Scope
from tests import samples
from tests.samples import INCIDENT, NIGHT_MS, notice

NOW_MS: Final = NIGHT_MS + 123
HOUR: Final = 3_600_000
NEW = "whsec_" + base64.b64encode(b"n" * 24).decode()
OLD = "an old plain secret".replace(" ", "-")
ORDER = but(samples.ORDER, time_ms=NOW_MS, expires_ms=NOW_MS + HOUR, executions=["run-1"])
CROSSING = but(
    INCIDENT,
    time_ms=NOW_MS,
    scope=Scope("use_case", "kyc"),
    kinds=[Kind.BUDGET_THRESHOLD],
    severity="warning",
    spend_nanos=85 * 10**9,
    excess_nanos=20 * 10**9,
    limit_nanos=100 * 10**9,
    cause=Cause("price", 1.0, [DriverShare("price", 20 * 10**9)], []),
    reason="line_crossed",
    budget="kyc-month",
    threshold=85.0,
    thresholds=[85.0],
)
NOTICE = notice(CROSSING, "line_crossed")


@dataclass
class Clock:
    """Unix milliseconds, moved by the test."""

    now_ms: int = NOW_MS

    def __call__(self) -> int:
        return self.now_ms
