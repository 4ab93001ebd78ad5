"""Surprise on spend: how rare is this window, and the ones before it, for this scope at this hour of its week.

A window's ratio to its expectation (`profile`) becomes a tail probability under the scope's own past (`ranks`); `evidence` adds the probabilities
up and says how rare such an episode is. Measured best on windows of ten minutes; at one minute a thin scope is mostly empty windows.
"""

from __future__ import annotations

import math
from typing import ClassVar, Final, Literal, NamedTuple, Self

import msgspec
from msgspec import Struct

from detectors.base import Expectation, Features
from detectors.evidence import Evidence
from detectors.profile import HOURS, Profile, hour_of_week
from detectors.ranks import Ranks
from detectors.tail import Basis

HOLD: Final = 4.0  # nats from which an episode no longer teaches
HOLD_S: Final = 18 * 3600  # and for how long
QUIET_S: Final = 86_400  # longer silence is no longer part of what is usual: whoever comes back is no incident
WINSOR: Final = 12.0  # times the expectation: what one window may teach the profile at most
SOFTEN: Final = 0.25  # share of the mean window added to both sides of the ratio, so that a cent over nothing is not infinite
SPEND_MAX: Final = 1e15
PAST_S: Final = 60 * 86_400.0  # of windows in `ranks`, then they count half
SETTLE_S: Final = 86_400  # before a first day there is no expectation to compare with


class Weighed(NamedTuple):
    """A window beside what was expected of it; `rare` is the share of the past whose ratio went as far, `level` where the evidence then stands, `hour` of the week."""

    spend: float
    expected: float
    soft: float
    ratio: float
    rare: float
    level: float
    shape: float
    hour: int
    width_s: float


class Surprise(Struct):
    """Spend above (or, `direction="down"`, below) what this scope's own past explains.

    >>> d = Surprise()
    >>> def window(k, spend): return {"spend": spend, "start_s": 600 * k, "width_s": 600}
    >>> for k in range(1000): d.learn_one(window(k, 1.0 + k % 7))
    >>> d.score_one(window(1000, 6.0)), round(d.score_one(window(1000, 60.0)), 1), round(d.expected(window(1000, 60.0)).value)
    (0.0, 1.9, 4)
    """

    name: ClassVar[str] = "surprise"

    direction: Literal["up", "down"] = "up"
    warm_s: float = 3 * 86_400.0
    seen_s: float = 0.0
    quiet_s: float = 0.0
    held_s: float = 0.0
    profile: Profile = msgspec.field(default_factory=Profile)
    ranks: Ranks = msgspec.field(default_factory=Ranks)
    evidence: Evidence = msgspec.field(default_factory=Evidence)

    @property
    def warm(self) -> bool:
        """Whether enough spend was seen, counted from the first."""
        return self.seen_s >= self.warm_s

    def score_one(self, x: Features) -> float:
        """-log10 of the episodes a day that would go as far as this one does with this window."""
        return self.rarity(self.weigh(x)[0]) if self.warm else 0.0

    def basis(self, x: Features) -> Basis:
        """What `score_one` makes its score of."""
        return self.evidence.basis(self.weigh(x)[0])

    def rarity(self, level: float) -> float:
        """-log10 of the episodes a day that go as far as `level` by this scope's own past."""
        return self.evidence.score(level)

    def weigh(self, x: Features) -> tuple[float, Weighed]:
        """Where the evidence stands once this window is added, and what `take` needs of the way there, so that a window is read once."""
        spend, hour, width_s = _spend(x), _hour(x), _width_s(x)
        shape = self.profile.shape(hour)
        expected, soft = self._expected(shape, width_s)
        ratio = self._ratio(spend, expected, soft)
        rare = self.ranks.above(ratio) if self.seen_s else 1.0
        level = self.evidence.after(rare)
        return level, Weighed(spend, expected, soft, ratio, rare, level, shape, hour, width_s)

    def learn_one(self, x: Features) -> None:
        """Take in one closed window; nothing is learned from long silence or from within an episode."""
        self.take(self.weigh(x)[1])

    def take(self, seen: Weighed) -> None:
        """`learn_one` of a window that has been weighed."""
        spend, expected, soft, ratio, rare, level, shape, hour, width_s = seen
        if spend == 0.0 and self.seen_s == 0.0:
            return
        self.quiet_s = self.quiet_s + width_s if spend == 0.0 else 0.0
        if self.quiet_s > QUIET_S:
            return
        settled = self.seen_s >= SETTLE_S
        if settled:
            self.evidence.join(rare, level, width_s / 86_400)
        held = self.warm and self.evidence.level > HOLD
        self.seen_s += width_s
        self.held_s = self.held_s + width_s if held else 0.0
        if held and self.held_s <= HOLD_S:
            return
        if settled:
            self.ranks.learn(ratio)
            if self.ranks.total * width_s > PAST_S:
                self.ranks.forget_half()
        most = WINSOR * (expected + soft) if self.warm else SPEND_MAX
        self.profile.learn(hour, min(spend, most), width_s / 3600, shape)

    def expected(self, x: Features) -> Expectation:
        """The mean of such a window, and its range by the scope's own ratios."""
        expected, soft = self._expected(self.profile.shape(_hour(x)), _width_s(x))
        low, high = (max(0.0, (expected + soft) * math.exp(self.ranks.quantile(q)) - soft) for q in (0.025, 0.975))
        return Expectation(expected, min(low, expected), max(high, expected))

    def dump(self) -> bytes:
        """The whole detector as MessagePack."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def load(cls, raw: bytes) -> Self:
        """The detector that was dumped."""
        return msgspec.msgpack.decode(raw, type=cls)

    def _expected(self, shape: float, width_s: float) -> tuple[float, float]:
        hours = width_s / 3600
        return self.profile.level * shape * hours, SOFTEN * self.profile.level * hours + 1e-9

    def _ratio(self, spend: float, expected: float, soft: float) -> float:
        ratio = math.log((spend + soft) / (expected + soft))
        return ratio if self.direction == "up" else -ratio


def _spend(x: Features) -> float:
    spend = x.get("spend", 0.0)
    if 0.0 <= spend <= SPEND_MAX:  # nearly always
        return spend
    return min(max(spend, 0.0), SPEND_MAX) if spend == spend else 0.0  # noqa: PLR0124 -- only NaN differs from itself


def _width_s(x: Features) -> float:
    width_s = x.get("width_s", 0.0)
    if 1.0 <= width_s <= 86_400.0:
        return width_s
    return min(max(width_s, 1.0), 86_400.0) if math.isfinite(width_s) else 3600.0


def _hour(x: Features) -> int:
    hour = x.get("hour_of_week")
    if hour is not None and 0 <= hour < HOURS:
        return int(hour)
    if hour is None or not math.isfinite(hour):
        start_s = x.get("start_s", 0.0)
        return hour_of_week(start_s) if math.isfinite(start_s) else 0
    return int(hour) % HOURS
