"""How often a receiver is tried: back-off with full jitter, and a circuit that spares a receiver which keeps failing. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

FAILURES_MAX: Final = 5
OPEN_MS: Final = 15_000
BASE_MS: Final = {"orders": 250, "notices": 1_000}
CAP_MS: Final = {"orders": 15_000, "notices": 300_000}
_DOUBLINGS_MAX: Final = 30

LaneName: TypeAlias = Literal["orders", "notices"]


def delay_ms(lane: LaneName, attempts: int, draw: float, after_s: float | None) -> int:
    """How long to wait after the `attempts`-th failure: what the receiver asked for, or a `draw` (0..1) of the doubled base if that is more.

    >>> delay_ms("orders", 1, 0.5, None), delay_ms("orders", 100, 0.5, None), delay_ms("notices", 1, 0.0, 7.0)
    (125, 7500, 7000)
    """
    ceiling = min(BASE_MS[lane] << min(attempts - 1, _DOUBLINGS_MAX), CAP_MS[lane])
    return max(int(draw * ceiling), int((after_s or 0.0) * 1000), 1)


@dataclass(frozen=True, slots=True)
class Circuit:
    """Closed lets everything through; after FAILURES_MAX failures in a row it is open for OPEN_MS, then half open: one try decides.

    >>> circuit = Circuit()
    >>> for _ in range(FAILURES_MAX):
    ...     circuit = circuit.failed(now_ms=1_000)
    >>> circuit.state(1_000), circuit.state(1_000 + OPEN_MS), circuit.answered().state(1_000)
    ('open', 'half_open', 'closed')
    """

    failures: int = 0
    until_ms: int = 0

    def state(self, now_ms: int) -> Literal["closed", "open", "half_open"]:
        """What it lets through at this moment."""
        if self.failures < FAILURES_MAX:
            return "closed"
        return "open" if now_ms < self.until_ms else "half_open"

    def failed(self, now_ms: int) -> Circuit:
        """One more failure in a row."""
        return replace(self, failures=self.failures + 1, until_ms=now_ms + OPEN_MS)

    def answered(self) -> Circuit:
        """The receiver is there, whatever it said."""
        return Circuit()
