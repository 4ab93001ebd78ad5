"""What fills the places of a receiver's templates: an order's fields as texts, each escaped by the medium it goes into."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from msgspec.structs import replace

from service.facts import Order
from service.messages.links import evidence_url
from service.policy.templates import filled, places
from service.records import rfc3339


class UnfitError(Exception):
    """An order does not fit a template; its text says which field and why, for the person who looks."""


def values_of(order: Order, public_url: str) -> dict[str, str]:
    """Every field that a template may name; what an order has not is empty."""
    return {
        "action": order.action,
        "kind": order.scope.kind,
        "name": order.scope.name,
        "tenant": order.tenant,
        "order": order.id,
        "incident": order.incident,
        "reason": order.reason,
        "sequence": str(order.sequence),
        "expires_at": rfc3339(order.expires_ms),
        "executions": ",".join(order.executions or ()),
        "by": order.by,
        "approved_by": order.approved_by,
        "tier": order.tier,
        "evidence_url": evidence_url(public_url, order.incident),
    }


def ended(order: Order) -> Order:
    """The order that ends another one, under an id of its own."""
    return replace(order, id=f"{order.id}-end", action="resume")


def sent(order: Order) -> str:
    """Under what name it is remembered that an order left."""
    return f"order\0{order.id}"


def url_of(template: str, values: Mapping[str, str]) -> str:
    """An address; each value stays inside the part it stands in. Raises UnfitError for one that would change the path.

    >>> url_of("https://flags.example/agents/{name}", {"name": "a/../b?c"})
    'https://flags.example/agents/a%2F..%2Fb%3Fc'
    """
    for field in places(template):
        if values[field] in ("", ".", ".."):
            raise UnfitError(f"{field} is {values[field]!r}, which cannot stand in an address")
    return filled(template, values, lambda value: quote(value, safe=""))


def json_of(template: Any, values: Mapping[str, str]) -> Any:
    """A JSON value whose texts are filled; JSON itself escapes what is in them.

    >>> json_of({"flags": ["{name}", 1]}, {"name": 'a"b'})
    {'flags': ['a"b', 1]}
    """
    match template:
        case str():
            return filled(template, values)
        case dict():
            return {key: json_of(value, values) for key, value in template.items()}
        case list() | tuple():
            return [json_of(value, values) for value in template]
        case other:
            return other


def argument_of(template: str, values: Mapping[str, str]) -> str:
    """One argument of a program. Raises UnfitError where a value would make an option of it, or end it early.

    >>> argument_of("--agent={name}", {"name": "-x"})
    '--agent=-x'
    """
    argument = filled(template, values)
    if "\0" in argument:
        raise UnfitError("a field holds the character NUL, which no program can be given")
    if argument.startswith("-") and not template.startswith("-"):
        raise UnfitError("a field begins with a hyphen, so the program would take it for an option")
    return argument
