"""Carries out what a press leads to: asks the books, decides, writes the journal, and answers the one who pressed."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from starlette.concurrency import run_in_threadpool

from service.api.ports import Chat, Service
from service.api.slack.deciding import Asks, Decision, Does, Opens, Refused, decide
from service.api.slack.reading import Press
from service.facts import Incident
from service.log.ports import LogError
from service.messages.slack.presses import Pressed
from service.messages.slack.text import whispered

PAUSES_S: Final = (0.1, 0.3, 1.0)
UNWRITTEN: Final = "Not done: the service cannot write at the moment. Press again in a minute."


async def act(service: Service, chat: Chat, press: Press) -> Decision | None:
    """Does it; what was decided. Pressed twice, or by two people, it is done once, and who was late is told who was first."""
    try:
        decision = decide(press, await _known(service, press.about), service.policy, service.now_ms())
        if isinstance(decision, Does):
            await service.tell(decision.control)
    except LogError:
        decision = Refused(UNWRITTEN)
    if decision is not None:
        await _answer(chat, press, decision)
    return decision


async def _answer(chat: Chat, press: Press, decision: Decision) -> None:
    words = decision.words if isinstance(decision, Refused | Does) else ""
    if isinstance(decision, Opens) and not await chat.open(press.trigger, decision.view):
        words = "The question did not open in time. Press again."
    if isinstance(decision, Asks):
        await _send(chat, press, {**decision.said, "response_type": "in_channel", "thread_ts": press.thread})
    if isinstance(decision, Does) and decision.instead is not None:
        await _send(chat, press, {**decision.instead, "replace_original": True})
    if words and not press.again:
        await _send(chat, press, whispered(words))


async def _send(chat: Chat, press: Press, said: dict[str, Any]) -> None:
    if press.url:
        await chat.answer(press.url, {"replace_original": False, **said})


async def _known(service: Service, about: Pressed) -> Incident | None:
    """The incident as it stands; who pressed saw it at a revision that the books may learn of a little later."""
    for pause_s in (0.0, *PAUSES_S):
        await asyncio.sleep(pause_s)
        story = await run_in_threadpool(service.books.incident, about.incident, None)
        if story is not None and story.steps[-1].revision >= about.revision:
            break
    return None if story is None else story.steps[-1]
