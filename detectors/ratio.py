"""Two amounts that always stood in one proportion, and no longer do: what is charged, beside what the list asks for."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Final

from detectors.base import Expectation, Features, number
from detectors.sequential import Sequential
from detectors.tail import gathered

JUMP_NATS: Final = 3.2  # of one call, or of a window that does not say how many it holds
CALLS_MOST: Final = 3.0  # of a window that count: a single one is never all the evidence
JUMP: Final = 0.04  # log units that are never told, whatever the past
SPREADS: Final = 6.0
AMOUNT_LEAST: Final = 1e-6
AMOUNT_MAX: Final = 1e15


class Ratio(Sequential, array_like=True, tag="ratio"):
    """`told` beside `listed`, of `n` calls.

    >>> d = Ratio()
    >>> for k in range(500): d.learn_one({"told": 0.9 * (1 + k % 5), "listed": 1.0 + k % 5})
    >>> scores = []
    >>> for k in range(4):
    ...     scores.append(d.score_one({"told": 1.8, "listed": 1.0}) > 3.0)
    ...     d.learn_one({"told": 1.8, "listed": 1.0})
    >>> scores
    [False, False, True, True]
    """

    name: ClassVar[str] = "ratio"

    seen: float = 0.0
    mean: float = 0.0
    square: float = 0.0

    def level(self, x: Features) -> float:
        """A CUSUM of jumps."""
        value = _log(x)
        if value is None or not self.seen:
            return self.tail.level
        far = abs(value - self.mean) > max(JUMP, SPREADS * math.sqrt(max(self.square, 0.0)))
        return gathered(self.tail.level, JUMP_NATS * max(1.0, number(x, "n", 1.0, CALLS_MOST)) if far else -JUMP_NATS)

    def learn(self, x: Features, seen: Any) -> None:  # noqa: ARG002 -- nothing of it is needed twice
        """The proportion joins the mean."""
        value = _log(x)
        if value is None:
            return
        self.seen = min(self.seen + 1.0, 1_000.0)
        away = value - self.mean
        self.mean += away / self.seen
        self.square += (away * (value - self.mean) - self.square) / self.seen

    def observed(self, x: Features) -> float:
        """What is told."""
        return number(x, "told", 0.0, AMOUNT_MAX)

    def expected(self, x: Features) -> Expectation:
        """What would be told for so much listed."""
        listed = number(x, "listed", 0.0, AMOUNT_MAX)
        spread = max(JUMP, SPREADS * math.sqrt(max(self.square, 0.0)))
        return Expectation(listed * math.exp(self.mean), listed * math.exp(self.mean - spread), listed * math.exp(self.mean + spread))


def _log(x: Features) -> float | None:
    told, listed = number(x, "told", 0.0, AMOUNT_MAX), number(x, "listed", 0.0, AMOUNT_MAX)
    return math.log(told / listed) if told >= AMOUNT_LEAST and listed >= AMOUNT_LEAST else None
