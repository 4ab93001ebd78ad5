"""Slack's Web API over the wire that every courier shares.

Not slack-sdk's own client: that one speaks aiohttp only, so the suite that every courier must pass (answers that hang, drip or never end,
lines that break) could not run over it, and it reads bodies without a limit. Signatures are checked by slack-sdk.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from service.couriers.answers import wait_s
from service.couriers.port import Delivered, GaveUp, Parts, Receiver, RetryLater
from service.couriers.slack.errors import Means, meaning, outcome_of_error
from service.couriers.wire import Answer, Wire

BODY_BYTES_MAX: Final = 4 * 1024 * 1024  # a page of a channel's history
DEFAULT_URL: Final = "https://slack.com/api"
_TOKEN: Final = re.compile(r"[\w.-]+", re.ASCII)
_FORMS: Final = frozenset({"conversations.history", "conversations.replies", "conversations.list", "files.getUploadURLExternal"})  # which take no JSON


@dataclass(frozen=True, slots=True)
class Said:
    """What Slack answered, and meant well."""

    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Failed:
    """What came of a call that did not go well; `unclear` where it may have had its effect all the same."""

    outcome: RetryLater | GaveUp
    code: str = ""
    unclear: bool = False

    @property
    def means(self) -> Means:
        """What to do about it."""
        return meaning(self.code) if self.code else Means.LATER if isinstance(self.outcome, RetryLater) else Means.NEVER


UNREADABLE: Final = Failed(RetryLater(None, "Slack's answer cannot be read"), unclear=True)


class Web:
    """Calls of one workspace with one bot token. Raises ValueError where the address or the token is of no use."""

    def __init__(self, receiver: Receiver, parts: Parts) -> None:
        token = receiver.secrets.get("token", "")
        if not _TOKEN.fullmatch(token):
            raise ValueError("its token is missing, or none of Slack's: it looks like xoxb-...")
        self._wire = Wire(receiver.options.get("base_url") or DEFAULT_URL, parts, (*receiver.secrets.values(), token), body_bytes_max=BODY_BYTES_MAX)
        self._auth = {"authorization": f"Bearer {token}"}
        self._clock = parts.clock

    async def call(self, method: str, **arguments: Any) -> Said | Failed:
        """One method of the Web API; what is None is left out."""
        given = {name: value for name, value in arguments.items() if value is not None}
        if method in _FORMS:
            kind, content = "application/x-www-form-urlencoded", urlencode({name: _form(value) for name, value in given.items()}).encode()
        else:
            kind, content = "application/json; charset=utf-8", json.dumps(given, separators=(",", ":"), ensure_ascii=False).encode()
        url = self._wire.url.copy_with(path=f"{self._wire.url.path.rstrip('/')}/{method}")
        answer = await self._wire.ask("POST", url, content=content, headers={**self._auth, "content-type": kind})
        return self._read(answer, str(given.get("channel", "")))

    async def send(self, url: str, content: bytes, kind: str) -> Said | Failed:
        """To an address that Slack gave out for this once, without the token."""
        answer = await self._wire.ask("POST", url, content=content, headers={"content-type": kind})
        outcome = self._wire.outcome(answer)
        return Said({}) if isinstance(outcome, Delivered) else Failed(outcome, unclear=True)

    async def close(self) -> None:
        """Closes the connections."""
        await self._wire.close()

    def _read(self, answer: Answer | RetryLater, where: str) -> Said | Failed:
        if isinstance(answer, RetryLater):
            return Failed(answer, unclear=True)
        outcome = self._wire.outcome(answer)
        if isinstance(outcome, RetryLater) and answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            return Failed(replace(outcome, alone=outcome.after_s is not None), "ratelimited")  # Slack counts by channel: the others need not wait
        if not isinstance(outcome, Delivered):
            return Failed(outcome, unclear=isinstance(outcome, RetryLater))
        body = answer.json()
        if not isinstance(body.get("ok"), bool):
            return UNREADABLE
        if body["ok"]:
            return Said(body)
        code = body.get("error")
        known = code if isinstance(code, str) and code else "no_error_code"
        outcome = outcome_of_error(known, wait_s(answer.retry_after, self._clock()), where)
        return Failed(outcome, known, unclear=meaning(known) is Means.LATER and isinstance(outcome, RetryLater) and outcome.after_s is None)


def text_of(body: Mapping[str, Any], name: str) -> str:
    """A text of an answer; empty where it is none."""
    value = body.get(name)
    return value if isinstance(value, str) else ""


def _form(value: Any) -> str:
    return "true" if value is True else "false" if value is False else str(value)
