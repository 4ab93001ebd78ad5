"""A source that has fallen silent: how many runs should have begun since the last one.

The expected number since the last run (by the hours of the week, `profile`) is the evidence in nats, were runs to begin independently; they do not, so it is
calibrated by the silences this source has had before.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from msgspec import field

from detectors.base import Expectation, Features, number
from detectors.profile import Profile, hour_of_week
from detectors.sequential import WIDTH_S, Sequential

COUNT_MAX: Final = 1e9
START_MAX_S: Final = 1e11
NATS_MAX: Final = 60.0
RATE_LEAST_H: Final = 2.0  # runs an hour; whoever does less is silent for half a day now and then
WEEKEND_H: Final = 120  # hour of the week in which Saturday begins


class Silence(Sequential, array_like=True, tag="silence"):
    """`count` of each window, from `start_s` (Unix) on.

    >>> d = Silence()
    >>> for k in range(1000): d.learn_one({"count": 1.0 + k % 2, "start_s": 600.0 * k})
    >>> for k in range(1000, 1012): d.learn_one({"count": 0.0, "start_s": 600.0 * k})
    >>> d.score_one({"count": 1.0, "start_s": 600.0 * 1012}), d.score_one({"count": 0.0, "start_s": 600.0 * 1012}) > 3.0
    (0.0, True)
    """

    name: ClassVar[str] = "silence"
    priors: ClassVar[tuple[float, float]] = (4.0, 3.0)  # runs come in bursts: most sources are silent for that many more than chance allows

    profile: Profile = field(default_factory=Profile)

    def level(self, x: Features) -> float:
        """Runs that should have begun since the last one."""
        if number(x, "count", 0.0, COUNT_MAX) > 0.0 or self.profile.level < RATE_LEAST_H:
            return 0.0
        return min(NATS_MAX, self.tail.level + self._expected(x))

    def learn(self, x: Features, seen: Any) -> None:  # noqa: ARG002 -- nothing of it is needed twice
        """The window joins the profile."""
        self.profile.learn(_hour(x), number(x, "count", 0.0, COUNT_MAX), number(x, "width_s", WIDTH_S, 86_400.0) / 3600)

    def observed(self, x: Features) -> float:
        """The count."""
        return number(x, "count", 0.0, COUNT_MAX)

    def expected(self, x: Features) -> Expectation:
        """Runs in such a window."""
        mean = self._expected(x)
        return Expectation(mean, 0.0, 3.0 * mean + 3.0)

    def _expected(self, x: Features) -> float:
        """Runs in such a window; none at an hour of a kind of day (working, weekend) that was never seen."""
        hour = _hour(x)
        seen = self.profile.seen(hour)
        if not any(seen[:5] if hour < WEEKEND_H else seen[5:]):
            return 0.0
        return self.profile.at(hour) * number(x, "width_s", WIDTH_S, 86_400.0) / 3600


def _hour(x: Features) -> int:
    return hour_of_week(number(x, "start_s", 0.0, START_MAX_S))
