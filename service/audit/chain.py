"""How a chain of the audit is made: each entry is a text, the text's SHA-256, and within the text the digest of the entry before.

The text is JSON with sorted keys and no spaces, so whoever has an exported line can take `digest` out and hash the rest again with any
tool. It is kept as it was hashed and never written anew, because what a later version would say more about an order must not break what was
entered before. There is a chain for each tenant, and one of the policies in each partition of the journal, under the empty tenant: a
policy holds for all tenants, and thousands of them must not make one row of the outbox larger than a log takes.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

import msgspec
from msgspec import Struct

from service.facts import Audited, Control, Order, OrderState, PolicySet
from service.money import usd
from service.records import rfc3339

POLICIES: Final = ""  # the tenant of the policies' chain; no record is without one
_NAMES: Final[dict[type[Struct], str]] = {Control: "control", Order: "order", OrderState: "order_state", PolicySet: "policy"}
_LEFT_OUT: Final = frozenset({"tenant", "time_ms", "body"})  # the entry has them; a policy's text may hold addresses, its digest says which it was
_encode: Final = msgspec.json.Encoder(order="sorted").encode


class Chain(Struct):
    """How far a chain has come: its last entry's number, counted from 1, and digest."""

    sequence: int = 0
    head: str = ""


def add(chain: Chain, time_ms: int, tenant: str, journal: int, policy: int, said: Control | Order | OrderState | PolicySet, outcome: str = "") -> Audited:
    """The next entry of a chain. `policy`: the version in force; `outcome`, of a control, is `done` or why it was refused.

    >>> chain = Chain()
    >>> entry = add(chain, 0, "acme", 0, 7, Control("ctl-1", "acme", "note", "maria"), "done")
    >>> print(entry.body)
    {"before":"","journal":0,"outcome":"done","policy":7,"said":{"action":"note","by":"maria","id":"ctl-1"},"sequence":1,"tenant":"acme","time":"1970-01-01T00:00:00.000Z","what":"control"}
    >>> chain.sequence, chain.head == entry.digest == digest_of(entry.body)
    (1, True)
    """
    told = {
        "before": chain.head,
        "journal": journal,
        "policy": policy,
        "said": _fields(said),
        "sequence": chain.sequence + 1,
        "tenant": tenant,
        "time": rfc3339(time_ms),
        "what": _NAMES[type(said)],
    } | ({"outcome": outcome} if outcome else {})
    body = canonical(told)
    chain.sequence, chain.head = chain.sequence + 1, digest_of(body)
    return Audited(time_ms, tenant, journal, chain.sequence, body, chain.head)


def canonical(told: dict[str, Any]) -> str:
    """The one text of an entry: sorted keys, no spaces, only whole numbers.

    >>> canonical({"b": 1, "a": {"d": "ä", "c": 2}})
    '{"a":{"c":2,"d":"ä"},"b":1}'
    """
    return _encode(told).decode()


def digest_of(body: str) -> str:
    """SHA-256 of the text, in hexadecimal."""
    return sha256(body.encode()).hexdigest()


def _fields(said: Struct) -> dict[str, Any]:
    """All that has a value, by the names of the API: times as RFC 3339, money as decimal text; a field that comes later is entered by itself."""
    return dict(_pair(name, value) for name in said.__struct_fields__ if name not in _LEFT_OUT and (value := getattr(said, name)) not in (None, "", []))


def _pair(name: str, value: Any) -> tuple[str, Any]:
    if name.endswith("_ms"):
        return name.removesuffix("_ms"), rfc3339(max(0, value))
    if name.endswith("_nanos"):
        return f"{name.removesuffix('_nanos')}_usd", usd(value)
    return name, _plain(value)


def _plain(value: Any) -> Any:
    """A scope by its two names; a fraction as text, which every reader writes back as it was."""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Struct):
        return _fields(value)
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return value._asdict()
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
