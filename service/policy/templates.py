"""Texts with places for an order's fields, such as `deployments/{name}`; what fills a place is escaped by whoever knows the medium."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, Field, JsonValue

from service.policy.mistakes import meant

FIELDS: Final = (
    *("action", "kind", "name", "tenant", "order", "incident", "reason", "sequence", "expires_at", "executions"),
    *("by", "approved_by", "tier", "evidence_url"),
)
_PLACE: Final = re.compile(r"\{([a-z_]+)\}")  # other braces are only braces
_URL: Final = re.compile(r"https?://[^\s/{}?#]+(/\S*)?")


def filled(text: str, values: Mapping[str, str], escape: Callable[[str], str] = str) -> str:
    """The text with each place filled.

    >>> filled("{kind}/{name}", {"kind": "agent", "name": "a/b"}, lambda value: value.replace("/", "%2F"))
    'agent/a%2Fb'
    """
    return _PLACE.sub(lambda found: escape(values[found[1]]), text)


def places(text: str) -> list[str]:
    """The fields that a text has places for.

    >>> places("agents-{tenant}/{name}")
    ['tenant', 'name']
    """
    return _PLACE.findall(text)


def _template(text: str) -> str:
    for field in places(text):
        if field not in FIELDS:
            raise ValueError(f"{{{field}}} is no field of an order; there are {', '.join(FIELDS)}{meant(field, FIELDS)}")
    return text


def _url_template(text: str) -> str:
    if not _URL.fullmatch(_template(text)):
        raise ValueError("must be an address such as https://flags.example/agents/{name}; its host cannot have places")
    return text


def _json_template(value: Any) -> Any:
    match value:
        case str():
            _template(value)
        case dict():
            for each in value.values():
                _json_template(each)
        case list():
            for each in value:
                _json_template(each)
        case _:
            pass  # a number, true, false or null has no places
    return value


Template: TypeAlias = Annotated[str, Field(min_length=1, max_length=2048), AfterValidator(_template)]
UrlTemplate: TypeAlias = Annotated[str, Field(max_length=2048), AfterValidator(_url_template)]
JsonTemplate: TypeAlias = Annotated[JsonValue, AfterValidator(_json_template)]
