"""What a receiver's HTTP answer means, and how long to wait when it asks for that. Pure; nothing of an answer is believed to be short or clean."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final, Literal

from service.couriers.port import Delivered, GaveUp, Outcome, RetryLater
from service.phrases import shown

REASON_MAX: Final = 200
RETRY_AFTER_MAX_S: Final = 3600.0
_WHY: Final = ("reason", "detail", "title", "error", "message")
_ANSWERS: Final[Mapping[str, Literal["accepted", "refused"]]] = {"accepted": "accepted", "refused": "refused"}


def outcome_of(status: int, retry_after: str | None, body: bytes, now_ms: int, *, redact: Callable[[str], str]) -> Outcome:
    """2xx is delivered (or answered by its body), 429 and 5xx come again later, anything else never works as it is.

    >>> outcome_of(503, "7", b"", 0, redact=str)
    RetryLater(after_s=7.0, reason='503 Service Unavailable', alone=False)
    """
    told = told_in(body)
    why = shown(redact(_text(told, *_WHY) or _text(_inner(told), *_WHY)), REASON_MAX)
    if 200 <= status < 300:
        state = _ANSWERS.get(_text(told, "state"))
        return Delivered(state, why) if state is not None else Delivered()
    words = f"{spoken(status)}: {why}" if why else spoken(status)
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= 500:
        return RetryLater(wait_s(retry_after, now_ms), words)
    return GaveUp(f"{words} (redirects are not followed)" if 300 <= status < 400 else words)


def wait_s(retry_after: str | None, now_ms: int) -> float | None:
    """Seconds that a `Retry-After` asks for, as a number or as an HTTP date; at most an hour; None where it says nothing readable.

    >>> wait_s("120", 0), wait_s("Thu, 01 Jan 1970 00:00:30 GMT", 10_000), wait_s("soon", 0), wait_s("1e99", 0)
    (120.0, 20.0, None, None)
    """
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), RETRY_AFTER_MAX_S)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return min(max((at - datetime.fromtimestamp(now_ms / 1000, UTC)).total_seconds(), 0.0), RETRY_AFTER_MAX_S)


def told_in(body: bytes) -> dict[str, Any]:
    """The object that a body is; empty where it is none."""
    told = json_in(body)
    return told if isinstance(told, dict) else {}


def json_in(body: bytes) -> Any:
    """The JSON value that a body is; None where it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _inner(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """What some put around their reason: `{"error": {"message": ...}}` or `{"detail": {"error": ...}}`."""
    return next((inner for name in ("error", "detail") if isinstance(inner := told.get(name), dict)), {})


def _text(told: Mapping[str, Any], *names: str) -> str:
    """The first of these fields that is a text."""
    return next((value for name in names if isinstance(value := told.get(name), str)), "")


def spoken(status: int) -> str:
    """A status with its name, where it has one.

    >>> spoken(503), spoken(599)
    ('503 Service Unavailable', 'status 599')
    """
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"status {status}"
