"""What Slack says, by either way (its requests, or a socket that we opened), and what it gets within three seconds."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

from service.api.ports import Chat, Service
from service.api.slack.asking import spend
from service.api.slack.deciding import Refused
from service.api.slack.doing import act
from service.api.slack.planning import is_plan, plan
from service.api.slack.reading import presses_of, text
from service.messages.slack.text import whispered
from service.messages.slack.views import REASON

ANSWER_S: Final = 2.0  # Slack waits three
_MENTION: Final = re.compile(r"<@\w+>")
T = TypeVar("T")


class Heard(NamedTuple):
    """The answer's body, None for an empty one, and what is to be done after it."""

    body: dict[str, Any] | None = None
    after: Callable[[], Awaitable[None]] | None = None


async def pressed(service: Service, chat: Chat, payload: Any, *, again: bool) -> Heard:
    """Buttons are worked on after the answer; a modal shows at once why something is not done."""
    presses = presses_of(payload, again=again)
    if len(presses) == 1 and presses[0].asked is not None and not presses[0].trigger:
        decision, later = await _soon(act(service, chat, presses[0]))
        if isinstance(decision, Refused):
            return Heard({"response_action": "errors", "errors": {REASON: _unmarked(decision.words)}})
        return Heard(None, None if later is None else partial(_ended, later))

    async def work() -> None:
        for press in presses:
            await act(service, chat, press)

    return Heard(None, work)


def _unmarked(words: str) -> str:
    """As a modal shows an error: without mark-up, so nobody can be named by a mention."""
    return html.unescape(_MENTION.sub("somebody", words)).replace("`", "")


async def asked(service: Service, chat: Chat, form: Mapping[str, Any]) -> Heard:
    """`/spend SCOPE`, to the one who asks; `/spend plan ...`, to all."""
    words = text(form, "text")
    answer, later = await _soon(plan(service, chat.tenant, form) if is_plan(words) else spend(service, chat.tenant, words))
    if answer is not None or later is None:
        return Heard(answer)

    async def after() -> None:
        if url := text(form, "response_url"):
            await chat.answer(url, await later)

    return Heard(whispered("Looking it up…"), after)


async def _soon(work: Coroutine[Any, Any, T]) -> tuple[T | None, asyncio.Task[T] | None]:
    """What comes of it, if it comes in time; else the task that goes on with it."""
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait({task}, timeout=ANSWER_S)
    return (task.result(), None) if done else (None, task)


async def _ended(task: asyncio.Task[Any]) -> None:
    await task
