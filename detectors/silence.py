"""A source that has fallen silent: how many runs should have begun since the last one.

The expected number since the last run (by the hours of the week, `profile`, or by what the last half a day had of it, if that is less: work that
dies away has no fault) is the evidence in nats, were runs to begin independently; they do not, so it is calibrated by the silences this source has
had before, and only one that clearly outlasts them all speaks. Measured on 26 worlds of runs: the same lines found, at a third of the false ones.
Who has paused for a quarter of a day is not watched until that has faded: such pauses are few, and the next one outlasts them as a matter of course
(measured on 22 worlds: 30 of 47 lines at 17 false ones, and 31 at 36 where these were watched too).
"""

from __future__ import annotations

from typing import ClassVar, Final, TypeAlias

from msgspec import field

from detectors.base import Expectation, Features, number
from detectors.profile import Profile, hour_of_week
from detectors.sequential import WIDTH_S, Sequential

COUNT_MAX: Final = 1e9
START_MAX_S: Final = 1e11
NATS_MAX: Final = 60.0
RATE_LEAST_H: Final = 2.0  # runs an hour; whoever does less is silent for half a day now and then
WINSOR: Final = 12.0  # times the expectation and one run
WEEKEND_H: Final = 120  # hour of the week in which Saturday begins
OUTLASTS: Final = 1.25  # times the most runs that were ever missing
LONGER: Final = 1.2  # times the longest pause
PAUSE_MAX_S: Final = 6 * 3600.0  # of whoever is watched
FADE_S: Final = 43_200.0  # mean age of what counts as lately
RECORD_FADE: Final = 0.9995  # a window with runs: a record of months ago is one no more
_Seen: TypeAlias = tuple[float, float]


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
    silent_s: float = 0.0
    most: float = 0.0
    longest_s: float = 0.0
    begun: float = 0.0
    due: float = 0.0
    lately: float = 1.0  # of what was due before this silence, the part that came

    def level(self, x: Features) -> float:
        """Runs that should have begun since the last one."""
        return self.weigh(x)[0]

    def weigh(self, x: Features) -> tuple[float, _Seen]:
        """The level, with the count and what was expected."""
        count, expected = number(x, "count", 0.0, COUNT_MAX), self._expected(x)
        is_quiet = count <= 0.0 and self.profile.level >= RATE_LEAST_H
        return min(NATS_MAX, self.tail.level + expected * self.lately) if is_quiet else 0.0, (count, expected)

    def keep(self, x: Features, seen: _Seen) -> None:
        """The silence goes on, or is over and joins the records."""
        (count, expected), width_s = seen, _width_s(x)
        old = max(0.0, 1.0 - width_s / FADE_S)
        self.begun, self.due = self.begun * old + count, self.due * old + expected
        if count <= 0.0:
            self.silent_s += width_s
            return
        self.most, self.longest_s = max(self.most * RECORD_FADE, self.tail.level), max(self.longest_s * RECORD_FADE, self.silent_s)
        self.silent_s = 0.0
        self.lately = min(1.0, (self.begun + 1.0) / (self.due + 1.0))

    def learn(self, x: Features, seen: _Seen) -> None:
        """The window joins the profile; once warm, one window teaches no more than a surge, or a leaked key, a broken count would be missed when it is gone."""
        count, expected = seen
        most = WINSOR * (expected + 1.0) if self.warm else COUNT_MAX
        self.profile.learn(_hour(x), min(count, most), _width_s(x) / 3600)

    def observed(self, x: Features) -> float:
        """The count."""
        return number(x, "count", 0.0, COUNT_MAX)

    def expected(self, x: Features) -> Expectation:
        """Runs in such a window."""
        mean = self._expected(x)
        return Expectation(mean, 0.0, 3.0 * mean + 3.0)

    def rarity(self, level: float) -> float:
        """-log10 of the silences a day that last as long by this source's own past; 0 for one that is no record, or of a source that pauses for long."""
        if self.longest_s > PAUSE_MAX_S or level < OUTLASTS * self.most or self.silent_s + WIDTH_S < LONGER * self.longest_s:
            return 0.0
        return super().rarity(level)

    def _expected(self, x: Features) -> float:
        """Runs in such a window; none at an hour of a kind of day (working, weekend) that was never seen."""
        hour = _hour(x)
        seen = self.profile.seen(hour)
        if not any(seen[:5] if hour < WEEKEND_H else seen[5:]):
            return 0.0
        return self.profile.at(hour) * _width_s(x) / 3600


def _width_s(x: Features) -> float:
    return max(1.0, number(x, "width_s", WIDTH_S, 86_400.0))


def _hour(x: Features) -> int:
    return hour_of_week(number(x, "start_s", 0.0, START_MAX_S))
