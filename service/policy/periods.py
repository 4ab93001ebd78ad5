"""How long a limit holds: a calendar period or a rolling window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from service.policy.mistakes import meant
from service.policy.times import duration_ms, duration_text

CALENDAR: Final = ("hour", "day", "week", "month")
ROLLING_MAX_MS: Final = 35 * 86_400_000  # no closed period decides for longer than that
_FORM: Final = "must be hour, day, week, month or {rolling: 24h}"


class Period(NamedTuple):
    """`unit` is a calendar period, or `rolling` with the window's length.

    >>> str(Period("month")), str(Period("rolling", 86_400_000))
    ('month', 'rolling 1d')
    """

    unit: Literal["hour", "day", "week", "month", "rolling"]
    rolling_ms: int = 0

    def __str__(self) -> str:
        return f"rolling {duration_text(self.rolling_ms)}" if self.rolling_ms else self.unit

    def plain(self) -> str | dict[str, str]:
        """As it is written in a policy."""
        return {"rolling": duration_text(self.rolling_ms)} if self.rolling_ms else self.unit


def period(value: object) -> Period:
    """A written period; raises ValueError with what it must be.

    >>> period("day"), period({"rolling": "24h"})
    (Period(unit='day', rolling_ms=0), Period(unit='rolling', rolling_ms=86400000))
    """
    match value:
        case Period():
            return value
        case "hour" | "day" | "week" | "month":
            return Period(value)
        case {"rolling": length, **more} if not more:
            rolling_ms = duration_ms(length)
            if rolling_ms % 60_000 or rolling_ms > ROLLING_MAX_MS:
                raise ValueError("must roll over whole minutes, at most 35d")
            return Period("rolling", rolling_ms)
        case _:
            raise ValueError(_FORM + (meant(value, CALENDAR) if isinstance(value, str) else ""))


@dataclass(frozen=True)
class _Form:
    """How pydantic reads and writes a period."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(period, serialization=core_schema.plain_serializer_function_ser_schema(lambda value: value.plain()))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        rolling = {"type": "object", "properties": {"rolling": {"type": "string"}}, "required": ["rolling"], "additionalProperties": False}
        return {"anyOf": [{"enum": list(CALENDAR)}, rolling]}


PeriodText: TypeAlias = Annotated[Period, _Form()]
