"""The interface of a detector: river's two verbs, a calibrated score, an expectation, and a state that resumes exactly.

A Protocol and no subclass of river's `AnomalyDetector`: importing any part of river loads scipy and takes about a second, which
`spendwarden replay` may not spend. `detectors.as_river` makes one of river's from one of ours; a river detector has the two verbs anyway.
"""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar, NamedTuple, Protocol, Self, TypeAlias, runtime_checkable

Features: TypeAlias = dict[str, float]
"""One closed window of one scope: `spend` (dollars), `start_s` (Unix), `width_s`, and where the caller knows its calendar `hour_of_week` (0 = Monday 0 h)."""

STATE_BYTES_MAX = 10_000


class Expectation(NamedTuple):
    """What a window was expected to hold, and the range that nineteen in twenty such windows stay in.

    >>> Expectation(value=4.0, low=1.5, high=9.0).holds(12.0)
    False
    """

    value: float
    low: float
    high: float

    def holds(self, observed: float) -> bool:
        """Whether `observed` is inside the range."""
        return self.low <= observed <= self.high


@runtime_checkable
class Detector(Protocol):
    """Follows one scope at one width. Windows come in order of their start; scoring never changes anything.

    A score is -log10 of how many episodes as strange as this one the scope's own past would bring in a day, at least 0: so
    `score > -log10(rate)` keeps to `rate` false alerts a day, whatever the detector. It is 0 until `warm`.
    """

    name: ClassVar[str]

    def learn_one(self, x: Features) -> None:
        """Take in one closed window."""

    def score_one(self, x: Features) -> float:
        """How surprising this window is after all that was learned: finite and at least 0."""

    def expected(self, x: Features) -> Expectation:
        """What this window should hold, for messages and plots; `x["spend"]` may be absent."""

    @property
    def warm(self) -> bool:
        """Whether it has seen enough to speak."""

    def dump(self) -> bytes:
        """The whole detector, its settings included, in under STATE_BYTES_MAX bytes."""

    @classmethod
    def load(cls, raw: bytes) -> Self:
        """The detector that was dumped; it goes on exactly as if it had never stopped."""


@lru_cache(4_096)
def whole(name: str, below: int) -> int | None:
    """A feature's name as a whole number in 0..below-1; None where it is none.

    >>> whole("12", 400), whole("400", 400), whole("²", 400), whole("", 400)
    (12, None, None, None)
    """
    digits = name if name.isascii() and name.isdigit() and len(name) < 10 else ""
    return int(digits) if digits and int(digits) < below else None


def number(x: Features, name: str, otherwise: float, most: float) -> float:
    """A feature as a number from 0 to `most`; `otherwise` where it is absent or none.

    >>> number({"of": 3.0}, "of", 0.0, 2.0), number({"of": float("nan")}, "of", 0.5, 9.0)
    (2.0, 0.5)
    """
    value = x.get(name, otherwise)
    if 0.0 <= value <= most:  # nearly always
        return value
    return min(max(value, 0.0), most) if value == value else otherwise  # noqa: PLR0124 -- only NaN differs from itself
