"""What stands in a query or body as text: scopes, times, steps. Each raises a Problem that names its field."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable
from datetime import datetime
from difflib import get_close_matches
from typing import Final

from service.api.problems import Problem
from service.books import CELL_KINDS, MEMBER_KINDS, STEP_MINUTES, Span
from service.facts import MINUTE_MS, TOTAL, Scope
from service.intake.careful import TIME_END_S
from service.records import TEXT_MAX, instant

STATES: Final = (*("open", "acknowledged", "snoozed", "resolved"), *("requested", "delivered", "accepted", "effective", "refused", "expired", "failed"))
LABEL: Final = "label."
UNFIT: Final = "must not hold NUL or half a surrogate pair"
_UNFIT: Final = re.compile(r"[\x00\ud800-\udfff]")
KINDS: Final = (*CELL_KINDS, *MEMBER_KINDS)


def fit(text: str) -> bool:
    r"""Whether a text from outside can be kept: PostgreSQL's has no NUL, UTF-8 no half of a pair; what else cannot be printed is shown as its escape.

    >>> fit("a\nb"), fit("a\0b"), fit("\ud800")
    (True, False, False)
    """
    return _UNFIT.search(text) is None


def scope_of(text: str, field: str = "scope") -> Scope:
    """A scope as queries write it.

    >>> scope_of("use_case:kyc"), scope_of("total"), scope_of("label.team:a:b")
    (Scope(kind='use_case', name='kyc'), Scope(kind='total', name='total'), Scope(kind='label.team', name='a:b'))
    """
    if text in ("total", "total:total"):
        return TOTAL
    kind, colon, name = text.partition(":")
    if not colon or not name or len(name) > TEXT_MAX or not fit(name):
        raise _wrong(field, f"{text[:80]!r} is no scope.", "Write kind:name, for example use_case:kyc, or total.")
    return Scope(kind_of(kind, field), name)


def state_of(text: str) -> str:
    """The state of an incident or an order; empty where all are asked for."""
    if text and text not in STATES:
        raise _wrong("state", f"{text[:32]!r} is no state.", f"Use one of {', '.join(STATES)}.")
    return text


def only_known(given: Iterable[str], known: Collection[str]) -> None:
    """No parameter that would be passed over in silence: whoever writes `form` for `from` must not read the wrong total."""
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise _wrong(
                name[:80],
                f"{name[:80]!r} is no parameter of this question.",
                f"Write `{near[0]}`, if that is meant." if near else f"Use {', '.join(sorted(known))}.",
            )


def kind_of(text: str, field: str) -> str:
    """The kind of a scope; `label.NAME` counts as one."""
    if text in KINDS or (text.startswith(LABEL) and len(text) > len(LABEL) and len(text) <= TEXT_MAX and fit(text)):
        return text
    raise _wrong(field, f"{text[:80]!r} is no kind of scope.", f"Use one of {', '.join(KINDS)}, label.NAME.")


def instant_of(text: str, field: str) -> int:
    """A time as Unix milliseconds, from RFC 3339 with an offset or a number of Unix seconds.

    >>> instant_of("1970-01-01T00:01:00Z", "from"), instant_of("60", "from")
    (60000, 60000)
    """
    ms = _instant(text)
    if ms is None or not 0 <= ms < TIME_END_S * 1000:
        raise _wrong(field, f"{text[:80]!r} is no time.", "Write RFC 3339 with an offset, as 2026-11-24T08:00:00Z (a + in a query is %2B), or Unix seconds.")
    return ms


def _instant(text: str) -> int | None:
    try:
        seconds = float(text)
        return round(seconds * 1000) if math.isfinite(seconds * 1000) else None
    except ValueError:
        pass
    try:
        time = datetime.fromisoformat(text)
        return instant(time) if time.tzinfo else None
    except (ValueError, OverflowError):
        return None


def span_of(since: str, until: str) -> Span:
    """The minutes that `from` and `to` touch; spend is kept by the minute."""
    since_ms = instant_of(since, "from") if since else None
    until_ms = instant_of(until, "to") if until else None
    if since_ms is not None and until_ms is not None and until_ms < since_ms:
        raise _wrong("to", "`to` lies before `from`.", "Exchange them.")
    return Span(None if since_ms is None else since_ms // MINUTE_MS, None if until_ms is None else -(-until_ms // MINUTE_MS))


def step_of(text: str) -> int:
    """The minutes of a window; 0 where no series is asked for."""
    if text and text not in STEP_MINUTES:
        raise _wrong("step", f"{text[:80]!r} is no step.", f"Use one of {', '.join(STEP_MINUTES)}.")
    return STEP_MINUTES.get(text, 0)


def _wrong(field: str, detail: str, fix: str) -> Problem:
    return Problem(422, "Invalid request", detail, fix, field)
