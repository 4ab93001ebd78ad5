"""The small values a policy is written in: money, prices, durations, instants, percentages, references to secrets.

Law of this file: a value is parsed once, into whole numbers (nano-dollars, pico-dollars, milliseconds), and written back as a
text that parses to the same number. Every type refuses `true` where a number is asked for.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Context, Decimal, InvalidOperation
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Any, Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, PlainValidator, Strict, ValidationInfo, WithJsonSchema

from service.money import USD_MAX, nanos_of, usd
from service.records import rfc3339

PICO_PER_USD: Final = 10**12
MTOK: Final = 10**6  # prices are written per million tokens
_UNIT_MS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000}
_DURATION: Final = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_SECRET: Final = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:\S.*")
DIGITS_MAX: Final = 64  # of a number that is written as text
_EXACT: Final = Context(prec=200)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def refuse_bool(value: object) -> object:
    """Python takes `true` for 1; a person does not. Raises ValueError."""
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004 -- to pydantic a TypeError is a crash, a ValueError a mistake
    return value


def duration_ms(text: object) -> int:
    """A duration as whole milliseconds; raises ValueError with what it must be.

    >>> duration_ms("24h"), duration_ms("1h30m"), duration_ms("7d")
    (86400000, 5400000, 604800000)
    """
    match = _DURATION.fullmatch(text) if isinstance(text, str) and text else None
    total = sum(int(n or 0) * unit for n, unit in zip(match.groups(), _UNIT_MS.values(), strict=True)) if match else 0
    if not 0 < total <= 400 * _UNIT_MS["d"]:
        raise ValueError("must be a duration such as 30m, 24h or 7d, at most 400d")
    return total


def duration_text(ms: int) -> str:
    """The shortest text of a duration; sub-second parts do not exist in a policy.

    >>> duration_text(5_400_000), duration_text(86_400_000)
    ('1h30m', '1d')
    """
    parts = []
    for unit, size in _UNIT_MS.items():
        n, ms = divmod(ms, size)
        parts += [f"{n}{unit}"] if n else []
    return "".join(parts)


def _usd_nanos(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be an amount of dollars such as 12000 or 0.25")  # noqa: TRY004
    return nanos_of(value)


def _expected(value: object) -> int | None:
    if value is None or value == "learned":
        return None
    if isinstance(value, str) and not value[:1].isdigit():
        raise ValueError("must be learned, or an amount of dollars above 0")
    return _above_zero(_usd_nanos(value))


def _above_zero(number: int) -> int:
    if number <= 0:
        raise ValueError("must be above 0")
    return number


def _decimal(value: object, what: str) -> Decimal:
    """A number or decimal text, exactly; a float by its shortest text."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or len(text := repr(value) if isinstance(value, float) else str(value)) > DIGITS_MAX:
        raise ValueError(what)
    try:
        exact = Decimal(text)
    except InvalidOperation:
        raise ValueError(what) from None
    if not exact.is_finite() or abs(exact.adjusted()) > DIGITS_MAX:
        raise ValueError(what)
    return exact


def _whole_pico(value: object, pico_per_one: int, places: int) -> int:
    """A price as whole pico-dollars of whatever it is the price of."""
    exact = _decimal(value, "must be a price in dollars such as 3 or 0.0375")
    if not 0 <= exact <= USD_MAX:
        raise ValueError(f"must be between 0 and {USD_MAX}")
    pico, rest = _EXACT.divmod(_EXACT.multiply(exact, Decimal(pico_per_one)), Decimal(1))
    if rest:
        raise ValueError(f"must have at most {places} decimal places, since prices are whole pico-dollars")
    return int(pico)


def token_pico(usd_per_mtok: object) -> int:
    """Dollars per million tokens as whole pico-dollars per token; raises ValueError.

    >>> token_pico(0.0375), token_pico(3), token_pico("15.0")
    (37500, 3000000, 15000000)
    """
    return _whole_pico(usd_per_mtok, PICO_PER_USD // MTOK, 6)


def unit_pico(usd_per_unit: object) -> int:
    """Dollars per unit (a query, a second) as whole pico-dollars per unit; raises ValueError.

    >>> unit_pico(0.0004)
    400000000
    """
    return _whole_pico(usd_per_unit, PICO_PER_USD, 12)


def decimal_text(whole: int, per_one: int) -> str:
    """`whole / per_one` as decimal text; `per_one` has no prime factor but 2 and 5, so the text is exact.

    >>> decimal_text(37_500, 1_000_000)
    '0.0375'
    """
    return f"{_EXACT.divide(Decimal(whole), Decimal(per_one)):f}"


def ratio(value: object) -> tuple[int, int]:
    """A positive factor as an exact fraction; raises ValueError.

    >>> ratio(0.5), ratio("1.08")
    ((1, 2), (27, 25))
    """
    exact = _decimal(value, "must be a number")
    if not 0 < exact <= 10**9:
        raise ValueError(f"must be above 0 and at most {10**9}")
    return exact.as_integer_ratio()


def _ratio_text(fraction: tuple[int, int]) -> str:
    return decimal_text(*fraction)


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The zone of that name; raises ValueError for one that nobody knows."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # a folder's name gives an OSError
        raise ValueError("is no time zone; write one such as UTC or Europe/Berlin") from None


def _zone_name(name: str) -> str:
    zone(name)
    return name


def instant_ms(value: object, where: tzinfo = UTC) -> int:
    """A date, a date with time, or Unix seconds as milliseconds; `where` is the zone of what names none. Raises ValueError.

    >>> instant_ms("2026-11-28T20:00:00Z"), instant_ms(date(1970, 1, 2)), instant_ms(1.5)
    (1795896000000, 86400000, 1500)
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e11:
        return int(value * 1000)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        raise ValueError("must be a date such as 2026-11-01, or with a time such as 2026-11-28T20:00:00Z")  # noqa: TRY004
    aware = value if value.tzinfo else value.replace(tzinfo=where)
    return (aware - _EPOCH) // timedelta(milliseconds=1)


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


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+\S*", text):
        raise ValueError("must be an address such as https://spend.example")
    return text.rstrip("/")


_AMOUNT: Final[dict[str, Any]] = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}]}
_POSITIVE: Final[dict[str, Any]] = {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}]}
_AS_USD: Final = PlainSerializer(usd, return_type=str)

Name: TypeAlias = Annotated[str, BeforeValidator(_name), Field(min_length=1, max_length=256)]
Url: TypeAlias = Annotated[str, Field(max_length=2048), AfterValidator(_url)]
Zone: TypeAlias = Annotated[str, AfterValidator(_zone_name)]
Whole: TypeAlias = Annotated[int, Strict(), Field(ge=1, le=10**15)]
Count: TypeAlias = Annotated[int, Strict(), Field(ge=0, le=10**9)]
Number: TypeAlias = Annotated[float, BeforeValidator(refuse_bool), Strict(), Field(gt=0, allow_inf_nan=False)]
Percent: TypeAlias = Annotated[
    float, BeforeValidator(refuse_bool), Strict(), Field(gt=0, le=1000, allow_inf_nan=False), PlainSerializer(_percent_text, return_type=float | int)
]
Percents: TypeAlias = Annotated[tuple[Percent, ...], Field(max_length=50), AfterValidator(_rising)]
UsdAboveZero: TypeAlias = Annotated[int, PlainValidator(_usd_nanos), AfterValidator(_above_zero), _AS_USD, WithJsonSchema(_POSITIVE)]
Usd: TypeAlias = Annotated[int, PlainValidator(_usd_nanos), AfterValidator(lambda n: n if n >= 0 else _above_zero(n)), _AS_USD, WithJsonSchema(_AMOUNT)]
Expected: TypeAlias = Annotated[
    int | None,
    PlainValidator(_expected),
    PlainSerializer(lambda nanos: "learned" if nanos is None else usd(nanos), return_type=str),
    WithJsonSchema({"anyOf": [{"const": "learned"}, *_POSITIVE["anyOf"]]}),
]
TokenPrice: TypeAlias = Annotated[
    int, PlainValidator(token_pico), PlainSerializer(lambda pico: decimal_text(pico, PICO_PER_USD // MTOK), return_type=str), WithJsonSchema(_AMOUNT)
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
