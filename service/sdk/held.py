"""An order as a receiver holds it, and how it is read from what an event or a list says of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

Scope: TypeAlias = tuple[str, str]  # kind, name


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An order that holds: `action` is pause, throttle or degrade (then `tier` says to what); `until_ms` is Unix milliseconds."""

    tenant: str
    scope: Scope
    action: str
    order: str
    sequence: int
    until_ms: int
    tier: str = ""


def held_of(data: Any) -> Held:
    """The order that an event's data names. Raises LookupError, TypeError, ValueError or AttributeError where it cannot be read.

    >>> held_of({"scope": {"kind": "agent", "name": "indexer"}, "tenant": "default", "action": "pause", "id": "ord-1", "sequence": 3,
    ...          "expires_at": "1970-01-01T00:00:01Z"}).until_ms
    1000
    """
    scope = (str(data["scope"]["kind"]), str(data["scope"]["name"]))
    end = datetime.fromisoformat(data["expires_at"])
    if end.tzinfo is None:
        raise ValueError("expires_at has no offset")
    sequence = data["sequence"]
    if not isinstance(sequence, int) or isinstance(sequence, bool):
        raise TypeError("sequence is no whole number")
    tenant, action = str(data["tenant"]), str(data["action"])
    until_ms = int(end.timestamp() * 1000)
    return Held(tenant=tenant, scope=scope, action=action, order=str(data["id"]), sequence=sequence, until_ms=until_ms, tier=str(data.get("tier") or ""))
