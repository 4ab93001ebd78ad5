"""Who is on duty: people take turns, by the clock on the wall."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import Field

from service.facts import DAY_MS
from service.policy.limits import Entry
from service.policy.values import Duration, Instant, Name, Zone

WEEK_MS: Final = 7 * DAY_MS


class Rota(Entry):
    """`people` take turns of `every` from an instant on, each as the receivers mention one (in Slack a member's id)."""

    name: Name
    people: Annotated[tuple[Name, ...], Field(min_length=1)]
    from_ms: Instant = Field(alias="from")
    every_ms: Duration = Field(default=WEEK_MS, alias="every")
    timezone: Zone | None = None

    def on_duty(self, now_ms: int, zone: str, after: int = 0) -> str:
        """Who has the turn now, or `after` so many turns; `zone` is for a rota that names none.

        Turns are counted on the wall's clock, so a hand-over at nine stays at nine when the clocks change. Before the first turn it is the first's.

        >>> rota = Rota.model_validate({"name": "a", "people": ["ann", "bo"], "from": "2026-03-23T08:00:00Z", "timezone": "Europe/Berlin"})
        >>> nine = 1774857600000  # a week later at eight by UTC, at ten in Berlin, where it is summer by now
        >>> rota.on_duty(nine - 3_600_001, "UTC"), rota.on_duty(nine - 3_600_000, "UTC"), rota.on_duty(nine, "UTC", after=1)
        ('ann', 'bo', 'ann')
        """
        wall = ZoneInfo(self.timezone or zone)
        passed = _at(now_ms, wall) - _at(self.from_ms, wall)
        turns = max(passed // timedelta(milliseconds=self.every_ms), 0)
        return self.people[(turns + after) % len(self.people)]


def _at(ms: int, wall: ZoneInfo) -> datetime:
    """What the clock on the wall shows."""
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(wall).replace(tzinfo=None)
