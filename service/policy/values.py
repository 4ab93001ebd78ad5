"""The types of the small values in a policy: money, prices, durations, instants, percentages, references to secrets.

Each is read once, into whole numbers, and written back as a text that reads as the same. None takes `true` for a number.
"""

from __future__ import annotations

import re
from datetime import UTC
from itertools import pairwise
from math import isfinite
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, PlainValidator, Strict, ValidationInfo, WithJsonSchema

from service.money import usd
from service.policy.amounts import PICO_PER_USD, PICO_PER_USD_PER_MTOK, above_zero, decimal_text, expected_nanos, ratio, token_pico, unit_pico, usd_nanos
from service.policy.times import duration_ms, duration_text, instant_ms, zone
from service.records import rfc3339

T = TypeVar("T")
_SECRET: Final = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:\S.*")


def refuse_bool(value: object) -> object:
    """Python takes `true` for 1; a person does not. Raises ValueError."""
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004 -- to pydantic a TypeError is a crash, a ValueError a mistake
    return value


def _ratio_text(fraction: tuple[int, int]) -> str:
    return decimal_text(*fraction)


def _zone_name(name: str) -> str:
    zone(name)
    return name


def _instant(value: object, info: ValidationInfo) -> int:
    where = info.context.get("zone", UTC) if info.context else UTC
    return instant_ms(value, where)


def _secret(value: object) -> str:
    if not isinstance(value, str) or not _SECRET.fullmatch(value):
        raise ValueError("put the secret into the environment or a file and name it here as env:NAME or file:PATH")
    return value


def _name(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _percent_text(value: float) -> float | int:
    return int(value) if value == int(value) else value


def _rising(values: tuple[float, ...]) -> tuple[float, ...]:
    if any(b <= a for a, b in pairwise(values)):
        raise ValueError("must rise from one to the next, each standing once")
    return values


def _not_negative(number: int) -> int:
    if number < 0:
        raise ValueError("must be at least 0")
    return number


def some(values: tuple[T, ...]) -> tuple[T, ...]:
    """A list that stands there holds something. Raises ValueError."""
    if not values:
        raise ValueError("must not be empty")
    return values


def _plain(value: object) -> bool | int | float | str:
    if isinstance(value, bool | int | str) or (isinstance(value, float) and isfinite(value)):
        return value
    raise ValueError("must be a number, true, false or a text")


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+\S*", text):
        raise ValueError("must be an address such as https://spend.example")
    return text.rstrip("/")


_AMOUNT: Final[dict[str, Any]] = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}]}
_POSITIVE: Final[dict[str, Any]] = {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}]}
_AS_USD: Final = PlainSerializer(usd, return_type=str)

Name: TypeAlias = Annotated[str, BeforeValidator(_name), Field(min_length=1, max_length=256)]
Plain: TypeAlias = Annotated[bool | int | float | str, PlainValidator(_plain), WithJsonSchema({"type": ["boolean", "number", "string"]})]
Url: TypeAlias = Annotated[str, Field(max_length=2048), AfterValidator(_url)]
Zone: TypeAlias = Annotated[str, AfterValidator(_zone_name)]
Whole: TypeAlias = Annotated[int, Strict(), Field(ge=1, le=10**15)]
Count: TypeAlias = Annotated[int, Strict(), Field(ge=0, le=10**9)]
Number: TypeAlias = Annotated[float, BeforeValidator(refuse_bool), Strict(), Field(gt=0, allow_inf_nan=False)]
Percent: TypeAlias = Annotated[
    float, BeforeValidator(refuse_bool), Strict(), Field(gt=0, le=1000, allow_inf_nan=False), PlainSerializer(_percent_text, return_type=float | int)
]
Percents: TypeAlias = Annotated[tuple[Percent, ...], Field(max_length=50), AfterValidator(_rising)]
UsdAboveZero: TypeAlias = Annotated[int, PlainValidator(usd_nanos), AfterValidator(above_zero), _AS_USD, WithJsonSchema(_POSITIVE)]
Usd: TypeAlias = Annotated[int, PlainValidator(usd_nanos), AfterValidator(_not_negative), _AS_USD, WithJsonSchema(_AMOUNT)]
Expected: TypeAlias = Annotated[
    int | None,
    PlainValidator(expected_nanos),
    PlainSerializer(lambda nanos: "learned" if nanos is None else usd(nanos), return_type=str),
    WithJsonSchema({"anyOf": [{"const": "learned"}, *_POSITIVE["anyOf"]]}),
]
TokenPrice: TypeAlias = Annotated[
    int, PlainValidator(token_pico), PlainSerializer(lambda pico: decimal_text(pico, PICO_PER_USD_PER_MTOK), return_type=str), WithJsonSchema(_AMOUNT)
]
UnitPrice: TypeAlias = Annotated[
    int, PlainValidator(unit_pico), PlainSerializer(lambda pico: decimal_text(pico, PICO_PER_USD), return_type=str), WithJsonSchema(_AMOUNT)
]
Ratio: TypeAlias = Annotated[tuple[int, int], PlainValidator(ratio), PlainSerializer(_ratio_text, return_type=str), WithJsonSchema(_POSITIVE)]
Duration: TypeAlias = Annotated[
    int, PlainValidator(duration_ms), PlainSerializer(duration_text, return_type=str), WithJsonSchema({"type": "string", "pattern": r"^([0-9]+[dhms])+$"})
]
Instant: TypeAlias = Annotated[
    int,
    PlainValidator(_instant),
    PlainSerializer(rfc3339, return_type=str),
    WithJsonSchema({"anyOf": [{"type": "string", "description": "a date, or a date with time and offset"}, {"type": "number", "description": "Unix seconds"}]}),
]
SecretReference: TypeAlias = Annotated[str, PlainValidator(_secret), WithJsonSchema({"type": "string", "pattern": r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$"})]
Action: TypeAlias = Literal["none", "ticket", "order", "pause", "throttle", "degrade"]
