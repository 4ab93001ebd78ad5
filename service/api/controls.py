"""What a person may ask for, checked whole: which fields an action needs, and all that is missing in one answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from service.api.problems import Problem
from service.api.queries import UNFIT, fit, instant_of, scope_of
from service.facts import Control, ControlAction, Scope
from service.money import nanos_of
from service.records import ID_MAX, TEXT_MAX

REASON_MAX: Final = 2000
Read = TypeVar("Read")


def _fit(text: str) -> str:
    if not fit(text):
        raise ValueError(UNFIT)
    return text


def _scope(value: Any) -> Scope | None:
    """`{"kind", "name"}` as answers carry it, `{kind: name}` as policies, or `kind:name` as queries."""
    match value:
        case None | Scope():
            return value
        case {"kind": str(kind), "name": str(name), **more} if not more:
            text = f"{kind}:{name}"
        case dict() if len(value) == 1 and all(isinstance(part, str) for pair in value.items() for part in pair):
            text = ":".join(next(iter(value.items())))
        case str():
            text = value
        case _:
            raise ValueError('must be {"kind": "agent", "name": "indexer"}')
    return _or_value_error(scope_of, text)


def _instant(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError("must be RFC 3339 with an offset, or Unix seconds")
    return _or_value_error(instant_of, str(value), "time")


def _amount(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be a number or decimal text")  # noqa: TRY004 -- what pydantic makes a mistake of
    nanos = nanos_of(value)
    if nanos < 0:
        raise ValueError("must not be negative")
    return nanos


def _or_value_error(read: Callable[..., Read], *given: str) -> Read:
    try:
        return read(*given)
    except Problem as problem:
        raise ValueError(f"{problem.detail} {problem.fix}") from None


_TIME: Final = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "number", "minimum": 0}, {"type": "null"}]}
_AMOUNT: Final = {"anyOf": [{"type": "string"}, {"type": "number", "minimum": 0}, {"type": "null"}]}
_SCOPE: Final = {
    "anyOf": [
        {"type": "object", "properties": {"kind": {"type": "string"}, "name": {"type": "string"}}, "required": ["kind", "name"], "additionalProperties": False},
        {"type": "string", "description": "kind:name"},
        {"type": "null"},
    ]
}
Plain = AfterValidator(_fit)
Id: TypeAlias = Annotated[str, StringConstraints(max_length=ID_MAX), Plain]
Words: TypeAlias = Annotated[str, StringConstraints(max_length=TEXT_MAX), Plain]
Instant: TypeAlias = Annotated[int | None, BeforeValidator(_instant), WithJsonSchema(_TIME)]
Amount: TypeAlias = Annotated[int | None, BeforeValidator(_amount), WithJsonSchema(_AMOUNT)]
ScopeForm: TypeAlias = Annotated[Any, BeforeValidator(_scope), WithJsonSchema(_SCOPE)]


class ControlRequest(BaseModel):
    """A person's wish. `acknowledge`, `snooze`, `verdict` are about an incident; `pause`, `throttle`, `degrade`, `plan` about a scope."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"action": "acknowledge", "incident": "inc-2f9c", "by": "maria", "reason": "looking into it"},
                {"action": "pause", "scope": {"kind": "agent", "name": "indexer"}, "by": "maria", "reason": "loops", "until": "2026-11-24T10:00:00Z"},
                {"action": "resume", "order": "ord-77aa", "by": "maria", "reason": "fixed", "approved_by": "li"},
                {"action": "verdict", "incident": "inc-2f9c", "verdict": "expected", "by": "maria"},
                {
                    "action": "plan",
                    "scope": {"kind": "use_case", "name": "migration"},
                    "from": "2026-11-28T20:00:00Z",
                    "until": "2026-11-29T06:00:00Z",
                    "extra_usd": "800",
                    "by": "maria",
                },
            ]
        },
    )

    action: ControlAction
    by: Annotated[str, StringConstraints(min_length=1, max_length=TEXT_MAX), Plain]
    incident: Id = ""
    order: Id = ""
    scope: ScopeForm = None
    reason: Annotated[str, StringConstraints(max_length=REASON_MAX), Plain] = ""
    until: Instant = None
    approved_by: Words = ""
    verdict: Literal["", "real", "expected", "not_useful"] = ""
    from_: Instant = Field(None, alias="from")
    extra_usd: Amount = None
    tenant: Words = ""


class _Needs(NamedTuple):
    """What an action needs: one of `about`, and all of `fields`."""

    about: tuple[str, ...]
    fields: tuple[str, ...] = ()


NEEDS: Final[dict[ControlAction, _Needs]] = {
    "acknowledge": _Needs(("incident",)),
    "snooze": _Needs(("incident",), ("until",)),
    "verdict": _Needs(("incident",), ("verdict",)),
    "note": _Needs(("incident", "order", "scope"), ("reason",)),
    "pause": _Needs(("scope", "incident")),
    "throttle": _Needs(("scope", "incident")),
    "degrade": _Needs(("scope", "incident")),
    "resume": _Needs(("order", "scope", "incident")),
    "plan": _Needs(("scope",), ("from", "until")),
    "ticket": _Needs(("incident",)),
}


def mistakes(asked: ControlRequest) -> Iterator[tuple[str, str]]:
    """What the action lacks, as field and sentence."""
    given = {"incident": asked.incident, "order": asked.order, "scope": asked.scope}
    given |= {"until": asked.until, "from": asked.from_, "verdict": asked.verdict, "reason": asked.reason}
    about, fields = NEEDS[asked.action]
    if not any(given[field] for field in about):
        yield about[0], f"{asked.action} needs {' or '.join(about)}"
    for field in fields:
        if given[field] in ("", None):
            yield field, f"{asked.action} needs {field}"
    if asked.from_ is not None and asked.until is not None and asked.until <= asked.from_:
        yield "until", "must lie after from"


def control_of(asked: ControlRequest, id: str, tenant: str) -> Control:  # noqa: A002 -- the contract's name
    """The control that goes into the journal."""
    return Control(
        id=id,
        tenant=tenant,
        action=asked.action,
        by=asked.by,
        incident=asked.incident,
        order=asked.order,
        scope=asked.scope,
        reason=asked.reason,
        until_ms=asked.until,
        approved_by=asked.approved_by,
        verdict=asked.verdict,
        from_ms=asked.from_,
        extra_nanos=asked.extra_usd,
    )
