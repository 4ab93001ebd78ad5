"""Which rows of one series are told: few, and apart from each other, however long the series is and however far its rows are apart."""

from __future__ import annotations

from math import exp2
from typing import Final

from msgspec import Struct

from detectors.peaks import APART

ENOUGH: Final = 8.5  # nats of `Novelty` that are told
AGAIN: Final = 4.0  # nats more right after an alert,
FADES: Final = 0.1  # half of that after this share of all rows so far
QUIET: Final = 0.05  # share of all rows so far in which only what is stronger by AGAIN is told,
QUIET_ROWS: Final = (50, 200)  # but at least and at most so many


class Alerts(Struct, array_like=True):
    """The bar that evidence has to pass; every alert raises it for a while.

    >>> a = Alerts()
    >>> [k for k in range(1000) if a.tells(10.0 if k % 100 < 30 else 0.0)], a.tells(14.5)
    ([0, 100, 200, 300, 400, 500, 600, 701, 819], True)
    """

    rows: int = 0
    last: int = -(10**9)
    told: float = 0.0

    def tells(self, nats: float) -> bool:
        """Whether a row with this evidence is told; asked once for every row, in order."""
        tells = nats > ENOUGH and self._passes(nats)
        if tells:
            self.last, self.told = self.rows, nats
        self.rows += 1
        return tells

    def _passes(self, nats: float) -> bool:
        since = self.rows - self.last
        if since <= min(max(QUIET * self.rows, QUIET_ROWS[0]), QUIET_ROWS[1]):
            return since > APART and nats > self.told + AGAIN
        return nats > ENOUGH + AGAIN * exp2(-since / (FADES * self.rows + 1.0))
