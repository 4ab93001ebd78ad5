"""What Jira does not do: one error, which carries the outcome for the dispatcher and whether it may have been done all the same.

It is an error and not a value because telling an issue takes several questions, each of which may end so; it never leaves the courier.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from service.couriers.answers import spoken
from service.couriers.jira.reading import mapping
from service.couriers.port import GaveUp, RetryLater
from service.phrases import shown

REASON_MAX: Final = 400
LOOK_AGAIN_S: Final = 5.0


class Unanswered(Exception):  # noqa: N818 -- what it says is no fault of ours
    """`outcome` for the dispatcher; `maybe_done` where Jira may have done it before it failed; `refused` are the fields it refuses, and why."""

    def __init__(self, outcome: RetryLater | GaveUp, *, status: int = 0, maybe_done: bool = False, refused: Mapping[str, str] | None = None) -> None:
        super().__init__(outcome)
        self.outcome, self.status, self.maybe_done = outcome, status, maybe_done
        self.refused: Mapping[str, str] = refused or {}


def refusal(status: int, after_s: float | None, told: Any, *, redact: Callable[[str], str]) -> Unanswered:
    """What an answer that is no 2xx means: 429 and 5xx come again later, anything else never works as it is.

    A 5xx may come after the deed was done, a 4xx does not.

    >>> no = refusal(400, None, {"errorMessages": [], "errors": {"priority": "cannot be set"}}, redact=str)
    >>> no.outcome, no.refused, no.maybe_done
    (GaveUp(reason='400 Bad Request: priority: cannot be set'), {'priority': 'cannot be set'}, False)
    """
    fields = _fields(told, redact)
    why = "; ".join([*_messages(told, redact), *(f"{name}: {text}" for name, text in fields.items())])
    words = f"{spoken(status)}: {shown(why, REASON_MAX)}" if why else spoken(status)
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= 500:
        return Unanswered(RetryLater(after_s, words), status=status, maybe_done=status >= 500)
    return Unanswered(GaveUp(f"{words}{_advice(status)}"), status=status, refused=fields)


def unclear(reason: str, after_s: float = LOOK_AGAIN_S) -> Unanswered:
    """It may have been done, and is looked for before it is tried again; nobody else waits for that."""
    return Unanswered(RetryLater(after_s, reason, alone=True), maybe_done=True)


async def granted(asked: Awaitable[Any]) -> bool:
    """Whether it was done; what is refused for good is not. Raises Unanswered for what may be done later."""
    try:
        await asked
    except Unanswered as no:
        if isinstance(no.outcome, GaveUp):
            return False
        raise
    return True


def _advice(status: int) -> str:
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return " (the user or the token is not valid any more)"
        case HTTPStatus.FORBIDDEN:
            return " (the user lacks a permission there)"
        case _ if 300 <= status < 400:
            return " (redirects are not followed)"
        case _:
            return ""


def _fields(told: Any, redact: Callable[[str], str]) -> dict[str, str]:
    return {shown(str(name)): shown(redact(str(text)), REASON_MAX) for name, text in mapping(mapping(told).get("errors")).items()}


def _messages(told: Any, redact: Callable[[str], str]) -> list[str]:
    said = mapping(told)
    messages = said.get("errorMessages")
    texts = messages if isinstance(messages, list) and messages else [said.get("message"), said.get("reason")]
    return [shown(redact(text), REASON_MAX) for text in texts if isinstance(text, str) and text]
