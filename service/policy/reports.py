"""Reports that are told by the calendar: what a day brought, what a week cost whom."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BeforeValidator, Field, WithJsonSchema

from service.policy.limits import Entry
from service.policy.values import Name

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def _clock(value: object) -> str:
    if not isinstance(value, str) or not _CLOCK.fullmatch(value):
        raise ValueError('must be a time of day in quotation marks, such as "08:00"')
    return value


Clock: TypeAlias = Annotated[str, BeforeValidator(_clock), WithJsonSchema({"type": "string", "pattern": _CLOCK.pattern})]


class Report(Entry):
    """A `digest` tells of the day before, each day; a `showback` of the last calendar week, on `day`. By the policy's time zone.

    `by` is what spend is split by. `per`: one for everybody, or one for each owner, in the owner's own channel; a showback is per owner if nothing is said.
    """

    kind: Literal["digest", "showback"]
    at: Clock = "08:00"
    day: Literal[DAYS] = "monday"  # type: ignore[valid-type]
    to: Annotated[tuple[Name, ...], Field(min_length=1)]
    by: Literal["agent", "use_case", "business_unit", "workflow"] = "agent"
    per: Literal["owner", "all"] | None = None

    @property
    def per_owner(self) -> bool:
        """Whether each owner gets its own."""
        return self.per == "owner" or (self.per is None and self.kind == "showback")

    @property
    def minutes(self) -> int:
        """The time of day, as minutes since midnight."""
        hours, minutes = self.at.split(":")
        return int(hours) * 60 + int(minutes)
