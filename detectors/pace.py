"""More than ever before: counts of ten minutes to twelve hours against their own record.

For each width the record is the largest count that any earlier window of that width, not overlapping this one, has had; the evidence is the
Poisson log-likelihood ratio against it, n ln(n/m) - (n - m). Records need no model of seasons, which most sources of work do not keep.
"""

from __future__ import annotations

import math
from itertools import accumulate, pairwise
from typing import ClassVar, Final, TypeAlias

from msgspec import field

from detectors.base import Expectation, Features, number
from detectors.packed import FLOAT_BYTES, WHOLE_MAX, Packed, is_packed, packed, unpacked
from detectors.sequential import Sequential

WIDTHS: Final = (1, 3, 6, 18, 36, 72)  # windows
RECORD_LEAST: Final = 0.5
COUNT_MAX: Final = WHOLE_MAX
FADE: Final = 0.9995  # a window: a record of a month ago counts a tenth; while nothing comes for a day and more, nothing fades
REMEMBERED: Final = 1008.0  # windows of the mean
BACK: Final = tuple(sorted({*WIDTHS, *(2 * width for width in WIDTHS)}))  # windows that are summed together, as far back as that
_PARTS: Final = tuple(slice(1 - older, 1 - newer or None) for newer, older in pairwise(BACK))  # of the windows before this one
_AT: Final = tuple((BACK.index(width), BACK.index(2 * width)) for width in WIDTHS)
_Seen: TypeAlias = tuple[float, int, list[float]]


class Pace(Sequential, array_like=True, tag="pace"):
    """`count` of each window.

    >>> d = Pace()
    >>> for k in range(500): d.learn_one({"count": 2.0 + k % 3})
    >>> d.score_one({"count": 4.0}), d.score_one({"count": 40.0}) > 5.0
    (0.0, True)
    """

    name: ClassVar[str] = "pace"

    recent: Packed = field(default_factory=bytearray)
    records: list[float] = field(default_factory=lambda: [-1.0] * len(WIDTHS))
    of: float = 0.0
    usual: float = 0.0

    def __post_init__(self) -> None:
        """What was dumped as a list is bytes now."""
        if not is_packed(self.recent):
            self.recent = packed(self.recent)

    def level(self, x: Features) -> float:
        """The best width's evidence."""
        return self.weigh(x)[0]

    def weigh(self, x: Features) -> tuple[float, _Seen]:
        """The level, with the count, of how many windows there are with it, and how many came in the last of them, as far back as each of BACK."""
        count = number(x, "count", 0.0, COUNT_MAX)
        before = unpacked(self.recent)
        came = list(accumulate([count, *[sum(before[part]) for part in _PARTS]]))
        have, best = len(before) + 1, 0.0
        for (at, twice), record in zip(_AT, self.records, strict=True):
            n = came[at]
            if n > record >= 0.0 and n > RECORD_LEAST and have >= BACK[twice]:
                m = max(record, RECORD_LEAST)
                best = max(best, n * math.log(n / m) - (n - m))
        return best, (count, have, came)

    def keep(self, x: Features, seen: _Seen) -> None:  # noqa: ARG002 -- it has been read
        """The window follows the others."""
        self.recent += packed(seen[:1])
        del self.recent[: -BACK[-1] * FLOAT_BYTES]

    def learn(self, x: Features, seen: _Seen) -> None:  # noqa: ARG002 -- it has been read
        """The window joins the mean, and those that it does not overlap may set records."""
        count, have, came = seen
        self.of = min(self.of + 1.0, REMEMBERED)
        self.usual += (count - self.usual) / self.of
        fade = FADE if came[-1] else 1.0
        self.records = [
            max(came[twice] - came[at], record * fade) if have >= BACK[twice] else record for (at, twice), record in zip(_AT, self.records, strict=True)
        ]

    def observed(self, x: Features) -> float:
        """The count."""
        return number(x, "count", 0.0, COUNT_MAX)

    def expected(self, x: Features) -> Expectation:  # noqa: ARG002 -- the same for every window
        """The mean count, from nothing to the record."""
        return Expectation(self.usual, 0.0, max(self.usual, self.records[0], 0.0))
