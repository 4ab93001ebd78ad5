"""Windows that cost many times what they usually do: an example of a detector, see `Add a detector` in the README."""

import math
from typing import Any, ClassVar

from msgspec import field

from detectors.base import Expectation, Features, number
from detectors.sample import Sample
from detectors.sequential import Sequential
from detectors.tail import gathered


class Multiple(Sequential, array_like=True):
    """Spend beside its mean.

    >>> d = Multiple()
    >>> for k in range(1000): d.learn_one({"spend": 1.0 + k % 3})
    >>> d.score_one({"spend": 3.0}), d.score_one({"spend": 300.0}) > 2.0
    (0.0, True)
    """

    name: ClassVar[str] = "multiple"
    past: Sample = field(default_factory=Sample)
    quiet: int = 0

    def level(self, x: Features) -> float:
        """Evidence in nats, gathered: what lies above e times the mean counts, what lies below counts against it."""
        usual = self.expected(x).value or math.inf
        return gathered(self.tail.level, 2.0 * math.log(max(self.observed(x) / usual, 1e-9)) - 2.0)

    def learn(self, x: Features, seen: Any) -> None:  # noqa: ARG002 -- for tests that read a window in steps
        """Let the window be part of what is usual, but for the long silence of whoever is away."""
        spend = self.observed(x)
        self.quiet = 0 if spend else self.quiet + 1
        if self.quiet < 144:
            self.past.learn(spend)

    def observed(self, x: Features) -> float:
        """What it spent."""
        return number(x, "spend", 0.0, 1e15)

    def expected(self, x: Features) -> Expectation:  # noqa: ARG002 -- the same for every window
        """Mean, and the range of nineteen in twenty."""
        return self.past.expectation()
