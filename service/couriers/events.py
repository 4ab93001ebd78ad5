"""What a webhook carries: a CloudEvents 1.0 object around the transcript's own fields. Pure."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from service.facts import Notice, Order, Scope, ident
from service.messages.build import of_notice
from service.messages.links import evidence_url
from service.messages.message import plain
from service.messages.transcript import notice_line, order_line, transcript_line
from service.records import rfc3339

_FORBIDDEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]")  # CloudEvents lets no control character into its own attributes
_ON_EVERY_ORDER: Final = ("incident", "executions", "evidence_url", "by", "approved_by", "tier")


def event_of(item: Order | Notice, public_url: str) -> dict[str, Any]:
    """The event; its `id` is the order's or the notice's, so the same item is always the same event."""
    match item:
        case Order():
            kind, scope, data = f"order.{item.action}", item.scope, _order(item, public_url)
        case Notice():
            kind, scope, data = "notice", item.about.scope, _notice(item, public_url)
    return _event(item.id, kind, subject(scope), item.time_ms, data, public_url)


def event_of_test(receiver: str, now_ms: int, public_url: str) -> dict[str, Any]:
    """A test of the way to a receiver: an event of its own type, which orders nothing and which each try sends anew."""
    test_id = ident("tst", receiver, now_ms)
    data = {"type": "test", "time": rfc3339(now_ms), "id": test_id, "text": "A test: nothing is ordered and nobody has to act."}
    return _event(test_id, "test", "test", now_ms, data, public_url)


def encoded(event: dict[str, Any]) -> bytes:
    """The event as the bytes that are signed and sent: ASCII, so that no step on the way can change them."""
    return json.dumps(event, allow_nan=False, separators=(",", ":")).encode("ascii")


def subject(scope: Scope) -> str:
    r"""The scope as the event's subject; `data.scope` holds the exact name.

    >>> subject(Scope("agent", "indexer")), subject(Scope("agent", "a\nb"))
    ('agent/indexer', 'agent/a%0Ab')
    """
    return _FORBIDDEN.sub(lambda found: f"%{ord(found[0]):02X}", f"{scope.kind}/{scope.name}")


def _event(event_id: str, kind: str, about: str, time_ms: int, data: dict[str, Any], public_url: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": public_url or "spendwarden",
        "type": f"spendwarden.{kind}",
        "subject": about,
        "time": rfc3339(time_ms),
        "datacontenttype": "application/json",
        "data": data,
    }


def _order(order: Order, public_url: str) -> dict[str, Any]:
    data = order_line(order) | {"evidence_url": evidence_url(public_url, order.incident)}
    return data | {name: data.get(name) or None for name in _ON_EVERY_ORDER}


def _notice(notice: Notice, public_url: str) -> dict[str, Any]:
    return notice_line(notice) | {
        "about": transcript_line(notice.about),
        "text": plain(of_notice(notice, public_url)),
        "evidence_url": evidence_url(public_url, notice.incident) if notice.report is None else "",
    }
