"""The slow way of reading one record of our own form: all types, and for each fault the field and the fix.

What is forgiven: `null` counts as absent, an integral float as a whole number, a byte order mark, the last of two equal keys.
What is unknown is kept out and counted.
"""

from __future__ import annotations

import json
import math
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeAlias, get_args

import msgspec

from service.intake.refusals import Reason, Refusal, Unknown, told_id
from service.money import USD_MAX, nanos_of
from service.records import ID_MAX, LABELS_MAX, TEXT_MAX, Change, Outcome, Record, Usage, instant

TIME_END_S: Final = 253_402_300_800  # the year 10000, beyond which no date can be written
TYPES: Final[dict[str, type[Usage | Outcome | Change]]] = {"usage": Usage, "outcome": Outcome, "change": Change}
_AMOUNTS: Final = ("cost_usd", "cost", "value_usd")
_WHOLE: Final = frozenset({"input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens", "attempt"})
_MAPPINGS: Final = ("labels", "scope")
_REQUIRED: Final = ("id", "time")
_FIELDS: Final = {kind: {f.encode_name: f.type for f in msgspec.structs.fields(kind)} for kind in TYPES.values()}

Fault: TypeAlias = tuple[Reason, str, str]  # reason, field, what to do


def read_carefully(raw: bytes, where: str, unknown: Unknown | None) -> Record | Refusal:
    """One record out of any bytes, or its refusal."""
    try:
        told = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return Refusal(reason=Reason.NOT_JSON, detail=_syntax(error), where=where, raw=raw)
    if not isinstance(told, dict):
        return Refusal(reason=Reason.NOT_AN_OBJECT, detail=f"A record is one JSON object, not {_spoken(told)}.", where=where, raw=raw)
    return read_mapping(told, raw, where, unknown)


def read_mapping(told: dict[str, Any], raw: bytes, where: str, unknown: Unknown | None) -> Record | Refusal:
    """One record out of names and values, or its refusal; foreign formats are checked by the same rules as our own."""
    name = told.get("type")
    kind: type[Usage | Outcome | Change] | None = Usage if name is None else TYPES.get(name) if isinstance(name, str) else None
    if kind is None:
        return _refusal((Reason.UNKNOWN_TYPE, "type", f"`type` is one of {', '.join(TYPES)}; absent means usage."), told, raw, where)
    fields = _FIELDS[kind]
    if unknown is not None:
        for field in told.keys() - fields.keys() - {"type"}:
            unknown.add(field)
    values = {field: _forgiven(field, told[field]) for field in fields if told.get(field) is not None}
    if not values.get("tenant", ""):
        values.pop("tenant", None)
    fault = _first_fault(values, fields)
    return _refusal(fault, told, raw, where) if fault else msgspec.convert(values, kind)


def _first_fault(values: dict[str, Any], fields: dict[str, Any]) -> Fault | None:
    for field in _REQUIRED:
        if values.get(field, "") == "":
            return Reason.MISSING, field, f"`{field}` is required; give every record one."
    for field, value in values.items():
        fault = _fault(field, value, fields[field])
        if fault:
            return fault
    return None


def _fault(field: str, value: Any, form: Any) -> Fault | None:
    """What is wrong with one field, or None; `form` is the field's annotated type."""
    if isinstance(value, float) and not math.isfinite(value):
        return Reason.NOT_FINITE, field, f"`{field}` must be a finite number; NaN and Infinity mean nothing here."
    if field == "time":
        return _time_fault(value)
    if field in _AMOUNTS and not isinstance(value, bool):
        return _amount_fault(field, value)
    if not _is_encodable(value):
        return Reason.NOT_JSON, field, f"`{field}` holds half of a surrogate pair; send valid UTF-8."
    try:
        msgspec.convert(value, form)
    except ValueError as error:
        return _form_fault(field, value, form, error)
    return None


def _time_fault(value: Any) -> Fault | None:
    field = "time"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return Reason.UNREADABLE_TIME, field, f"`time` is RFC 3339 text or a number of Unix seconds, not {_spoken(value)}."
    try:
        time = msgspec.convert(value, _FIELDS[Usage][field])
    except (ValueError, OverflowError):
        return Reason.UNREADABLE_TIME, field, "`time` must be RFC 3339 with an offset, as 2026-11-24T08:00:00Z, or a number of Unix seconds."
    if 0 <= instant(time) < TIME_END_S * 1000:
        return None
    hint = "divide milliseconds by 1000" if not isinstance(value, str) and value > 0 else "it begins with 1970"
    return Reason.UNREADABLE_TIME, field, f"`time` is out of range; {hint}."


def _amount_fault(field: str, value: Any) -> Fault | None:
    if isinstance(value, str) and len(value) > TEXT_MAX:
        return Reason.TOO_LONG, field, f"`{field}` has {len(value)} characters; {TEXT_MAX} are the most."
    if not isinstance(value, str | int | float):
        return Reason.WRONG_TYPE, field, f"`{field}` is a number or decimal text, not {_spoken(value)}."
    try:
        nanos_of(value)
    except ValueError:
        return _amount_reason(value), field, f"`{field}` must be a finite decimal number between -{USD_MAX} and {USD_MAX}."
    return None


def _amount_reason(value: str | float) -> Reason:
    try:
        exact = Decimal(value)
    except InvalidOperation:
        return Reason.NOT_A_NUMBER
    return Reason.OUT_OF_RANGE if exact.is_finite() else Reason.NOT_FINITE


def _form_fault(field: str, value: Any, form: Any, error: ValueError) -> Fault:
    """Names the fault of a value that its type refused."""
    match value:
        case bool() | None:
            return Reason.WRONG_TYPE, field, f"`{field}`: {_sentence(error)}."
        case int() | float() if field in _WHOLE or field in ("quantity", "duration_ms"):
            return _number_fault(field, value)
        case str() if _is_choice(form):
            return Reason.UNKNOWN_VALUE, field, f"`{field}` is one of {', '.join(get_args(form))}."
        case str() if len(value) > (limit := ID_MAX if field == "id" else TEXT_MAX):
            return Reason.TOO_LONG, field, f"`{field}` has {len(value)} characters; {limit} are the most, so send a shorter name or a hash."
        case dict() if field in _MAPPINGS:
            return _mapping_fault(field, value)
        case _:
            return Reason.WRONG_TYPE, field, f"`{field}`: {_sentence(error)}."


def _number_fault(field: str, value: float) -> Fault:
    if value < 0:
        return Reason.NEGATIVE, field, f"`{field}` must not be negative; a credit goes into `cost_usd`."
    if isinstance(value, float) and field in _WHOLE:
        return Reason.WRONG_TYPE, field, f"`{field}` must be a whole number."
    return Reason.OUT_OF_RANGE, field, f"`{field}` is larger than any record can be; send one record for each operation."


def _mapping_fault(field: str, value: dict[str, Any]) -> Fault:
    if field == "labels" and len(value) > LABELS_MAX:
        return Reason.TOO_MANY, field, f"`labels` has {len(value)} entries; {LABELS_MAX} are the most."
    for name, text in value.items():
        if not isinstance(text, str):
            return Reason.WRONG_TYPE, f"{field}.{name[:TEXT_MAX]}", f"Every value of `{field}` is text, not {_spoken(text)}."
    return Reason.TOO_LONG, field, f"Names and values of `{field}` have at most {TEXT_MAX} characters."


def _forgiven(field: str, value: Any) -> Any:
    """A whole number that some serialiser wrote as 3.0 is meant as 3; a label that is null is none."""
    if field in _WHOLE and isinstance(value, float) and value.is_integer():
        return int(value)
    if field in _MAPPINGS and isinstance(value, dict):
        return {name: text for name, text in value.items() if text is not None}
    return value


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


def _refusal(fault: Fault, told: dict[str, Any], raw: bytes, where: str) -> Refusal:
    reason, field, detail = fault
    return Refusal(reason=reason, field=told_id(field), id=told_id(told.get("id")), detail=detail, where=where, raw=raw)


def _syntax(error: Exception) -> str:
    match error:
        case UnicodeDecodeError():
            return f"The bytes are not UTF-8 at byte {error.start}; encode the record as UTF-8."
        case json.JSONDecodeError():
            return f"Not JSON: {error.msg} at character {error.pos}; a record is one complete JSON object."
        case RecursionError():
            return "Not a record: nested too deeply."
        case _:
            return "Not JSON: a number has too many digits."


def _sentence(error: ValueError) -> str:
    return str(error).replace("`", "")


def _spoken(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "text", bool: "true or false", int: "a number", float: "a number", type(None): "null"}
    return names.get(type(value), "something else")
