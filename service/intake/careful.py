"""The slow way of reading one record of our own form: all types, and for each fault the field and the fix.

What is forgiven: `null` counts as absent, an integral float as a whole number, a byte order mark, the last of two equal keys, a
currency in small letters, an `attempt` of 0 (some producers send it where they do not count) as absent.
What is unknown is kept out and counted.
"""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from service.intake.faults import FIELDS, MAPPINGS, WHOLE, Fault, first_fault, spoken
from service.intake.refusals import Reason, Refusal, Unknown, told_id
from service.records import Change, Outcome, Record, Usage

TIME_END_S: Final = 253_402_300_800  # the year 10000, beyond which no date can be written
TYPES: Final[dict[str, type[Usage | Outcome | Change]]] = {"usage": Usage, "outcome": Outcome, "change": Change}


def read_carefully(raw: bytes, where: str, unknown: Unknown | None) -> Record | Refusal:
    """One record out of any bytes, or its refusal."""
    try:
        told = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return Refusal(reason=Reason.NOT_JSON, detail=_syntax(error), where=where, raw=raw)
    if not isinstance(told, dict):
        return Refusal(reason=Reason.NOT_AN_OBJECT, detail=f"A record is one JSON object, not {spoken(told)}.", where=where, raw=raw)
    return read_mapping(told, raw, where, unknown)


def read_mapping(told: dict[str, Any], raw: bytes, where: str, unknown: Unknown | None) -> Record | Refusal:
    """One record out of names and values, or its refusal; foreign formats are checked by the same rules as our own."""
    name = told.get("type")
    kind: type[Usage | Outcome | Change] | None = Usage if name is None else TYPES.get(name) if isinstance(name, str) else None
    if kind is None:
        return _refusal((Reason.UNKNOWN_TYPE, "type", f"`type` is one of {', '.join(TYPES)}; absent means usage."), told, raw, where)
    fields = FIELDS[kind]
    if unknown is not None:
        for field in told.keys() - fields.keys() - {"type"}:
            unknown.add(field)
    values = {field: _forgiven(field, told[field]) for field in fields if told.get(field) is not None}
    if not values.get("tenant", ""):
        values.pop("tenant", None)
    fault = first_fault(values, kind)
    return _refusal(fault, told, raw, where) if fault else msgspec.convert(values, kind)


def _forgiven(field: str, value: Any) -> Any:
    """A whole number that some serialiser wrote as 3.0 is meant as 3; a label that is null is none; currency codes are capitals."""
    if field in WHOLE and isinstance(value, float) and value.is_integer():
        return int(value)
    if field == "currency" and isinstance(value, str):
        return value.upper()
    if field in MAPPINGS and isinstance(value, dict):
        return {name: text for name, text in value.items() if text is not None}
    return value


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
