"""What is wrong with a record's values: the first fault, with its field and the fix in a sentence.

Law of this file: every sentence says what to send instead.
"""

from __future__ import annotations

import math
import re
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeAlias, get_args

import msgspec

from service.intake.refusals import Reason
from service.money import USD_MAX, nanos_of
from service.records import ID_MAX, LABELS_MAX, TEXT_MAX, TIME_LAST_MS, Change, Outcome, Usage, instant

TOKENS: Final = frozenset({"input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens"})
WHOLE: Final = TOKENS | {"attempt"}
NUMBERS: Final = WHOLE | {"quantity", "duration_ms"}
MAPPINGS: Final = ("labels", "scope")
FIELDS: Final[dict[type[Usage | Outcome | Change], dict[str, Any]]] = {
    kind: {f.encode_name: f.type for f in msgspec.structs.fields(kind)} for kind in (Usage, Outcome, Change)
}
_AMOUNTS: Final = ("cost_usd", "cost", "value_usd")
_TRUTHS: Final = ("batch", "success")
_REQUIRED: Final[dict[type[Usage | Outcome | Change], tuple[str, ...]]] = {
    Usage: ("id", "time"),
    Outcome: ("id", "time", "execution_id"),
    Change: ("id", "time", "what"),
}
_NEEDED: Final = {
    "execution_id": "`execution_id` is required; name the run that the outcome is about.",
    "what": "`what` is required; it is one of deploy, prompt, config, price, launch.",
}
_CURRENCY: Final = re.compile("[A-Z]{3}")

Fault: TypeAlias = tuple[Reason, str, str]  # reason, field, what to do


def first_fault(values: dict[str, Any], kind: type[Usage | Outcome | Change]) -> Fault | None:
    """What is wrong with the values of one record, or None.

    >>> first_fault({"id": "a", "time": 1.0, "currency": "euros"}, Usage)[2]
    '`currency` must be a code of three letters (ISO 4217) such as EUR; without one `cost` is in dollars.'
    """
    for field in _REQUIRED[kind]:
        if values.get(field, "") == "":
            return Reason.MISSING, field, _NEEDED.get(field, f"`{field}` is required; give every record one.")
    for field, value in values.items():
        fault = _fault(field, value, FIELDS[kind][field])
        if fault:
            return fault
        if field == "currency" and not is_currency(value):
            return Reason.UNKNOWN_VALUE, field, "`currency` must be a code of three letters (ISO 4217) such as EUR; without one `cost` is in dollars."
    return None


def is_currency(code: str) -> bool:
    """Whether an amount may be in it: three capital letters, or none, which means dollars.

    >>> is_currency("EUR"), is_currency(""), is_currency("eur"), is_currency("EUROS")
    (True, True, False, False)
    """
    return not code or _CURRENCY.fullmatch(code) is not None


def spoken(value: Any) -> str:
    """What kind of thing a value of JSON is, in words."""
    names = {dict: "an object", list: "an array", str: "text", bool: "true or false", int: "a number", float: "a number", type(None): "null"}
    return names.get(type(value), "something else")


def _fault(field: str, value: Any, form: Any) -> Fault | None:
    """What is wrong with one field, or None; `form` is the field's annotated type."""
    if isinstance(value, float) and not math.isfinite(value):
        return Reason.NOT_FINITE, field, f"`{field}` must be a finite number; NaN and Infinity mean nothing here."
    if field == "time":
        return _time_fault(value)
    if field in _AMOUNTS:
        return _amount_fault(field, value)
    if not _is_encodable(value):
        return Reason.NOT_JSON, field, f"`{field}` holds half of a surrogate pair; send valid UTF-8."
    try:
        msgspec.convert(value, form)
    except ValueError:
        return _form_fault(field, value, form)
    return None


def _time_fault(value: Any) -> Fault | None:
    field = "time"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return Reason.UNREADABLE_TIME, field, f"`time` is RFC 3339 text or a number of Unix seconds, not {spoken(value)}."
    try:
        time = msgspec.convert(value, FIELDS[Usage][field])
    except (ValueError, OverflowError):
        return Reason.UNREADABLE_TIME, field, "`time` must be RFC 3339 with an offset, as 2026-11-24T08:00:00Z, or a number of Unix seconds."
    if _in_range(time):
        return None
    hint = "divide milliseconds by 1000" if not isinstance(value, str) and value > 0 else "it begins with 1970"
    return Reason.UNREADABLE_TIME, field, f"`time` is out of range; {hint}."


def _in_range(time: datetime | float) -> bool:
    """Asked of the number first: what is beyond all dates may be beyond a float too, once it is in milliseconds."""
    return (isinstance(time, datetime) or 0 <= time <= TIME_LAST_MS / 1000) and 0 <= instant(time) <= TIME_LAST_MS


def _amount_fault(field: str, value: Any) -> Fault | None:
    if isinstance(value, str) and len(value) > TEXT_MAX:
        return Reason.TOO_LONG, field, f"`{field}` has {len(value)} characters; {TEXT_MAX} are the most."
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return Reason.WRONG_TYPE, field, f"`{field}` must be a number or decimal text such as 0.0125, not {spoken(value)}."
    try:
        nanos_of(value)
    except ValueError:
        return _amount_reason(field, value)
    return None


def _amount_reason(field: str, value: str | float) -> Fault:
    try:
        exact = Decimal(value)
    except InvalidOperation:
        return Reason.NOT_A_NUMBER, field, f"`{field}` is not a number; send a number or decimal text such as 0.0125."
    if not exact.is_finite():
        return Reason.NOT_FINITE, field, f"`{field}` must be a finite number; leave it out where the cost is not known."
    return Reason.OUT_OF_RANGE, field, f"`{field}` must lie between -{USD_MAX} and {USD_MAX}; check its unit."


def _form_fault(field: str, value: Any, form: Any) -> Fault:
    """Names the fault of a value that its type refused."""
    if field in NUMBERS and isinstance(value, int | float) and not isinstance(value, bool):
        return _number_fault(field, value)
    if field in MAPPINGS and isinstance(value, dict):
        return _mapping_fault(field, value)
    if _is_choice(form):
        return Reason.UNKNOWN_VALUE if isinstance(value, str) else Reason.WRONG_TYPE, field, f"`{field}` is one of {', '.join(get_args(form))}."
    limit = ID_MAX if field == "id" else TEXT_MAX
    if _is_text(field) and isinstance(value, str) and len(value) > limit:
        return Reason.TOO_LONG, field, f"`{field}` has {len(value)} characters; {limit} are the most, so send a shorter name or a hash."
    return Reason.WRONG_TYPE, field, f"`{field}` must be {_wanted(field, value)}."


def _is_text(field: str) -> bool:
    return field not in NUMBERS and field not in _TRUTHS and field not in MAPPINGS


def _wanted(field: str, value: Any) -> str:
    """What to send instead of a value of the wrong kind."""
    if field in MAPPINGS:
        return f"an object of text to text, not {spoken(value)}"
    if field in _TRUTHS:
        return "true or false, without quotes"
    if field in NUMBERS:
        number = "a whole number" if field in WHOLE else "a number"
        return f"{number}, not text; send it without quotes" if isinstance(value, str) else f"{number}, not {spoken(value)}"
    return f"text, not {spoken(value)}; put it in quotes"


def _number_fault(field: str, value: float) -> Fault:
    if value < 0:
        return Reason.NEGATIVE, field, f"`{field}` must not be negative; {_instead(field)}."
    if isinstance(value, float) and field in WHOLE:
        return Reason.WRONG_TYPE, field, f"`{field}` must be a whole number; send it without a fraction."
    return Reason.OUT_OF_RANGE, field, f"`{field}` is larger than any record can be; send one record for each operation."


def _instead(field: str) -> str:
    if field in TOKENS:
        return "a credit goes into `cost_usd`"
    return "the first try is 1" if field == "attempt" else "leave it out where it is not known"


def _mapping_fault(field: str, value: dict[str, Any]) -> Fault:
    if field == "labels" and len(value) > LABELS_MAX:
        return Reason.TOO_MANY, field, f"`labels` has {len(value)} entries; {LABELS_MAX} are the most."
    for name, text in value.items():
        if not isinstance(text, str):
            return Reason.WRONG_TYPE, f"{field}.{name[:TEXT_MAX]}", f"Every value of `{field}` is text, not {spoken(text)}."
    return Reason.TOO_LONG, field, f"Names and values of `{field}` have at most {TEXT_MAX} characters."


def _is_encodable(value: Any) -> bool:
    try:
        if isinstance(value, str):
            value.encode()
        elif isinstance(value, dict):
            for name, text in value.items():
                f"{name}{text}".encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_choice(form: Any) -> bool:
    return bool(get_args(form)) and all(isinstance(choice, str) for choice in get_args(form))
