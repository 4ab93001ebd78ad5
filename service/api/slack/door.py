"""Slack's requests: nobody without the signature comes in, and each is answered within three seconds, the work after that where it takes longer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.background import BackgroundTask

from service.api.bodies import read_body
from service.api.ports import Chat, Service
from service.api.problems import Problem, responses
from service.api.reading import Behind
from service.api.slack.asking import spend
from service.api.slack.deciding import Refused
from service.api.slack.doing import act
from service.api.slack.reading import Press, payload_of, presses_of
from service.messages.slack.views import REASON

BODY_BYTES_MAX: Final = 1024 * 1024
ANSWER_S: Final = 2.0  # Slack waits three
router: Final = APIRouter(prefix="/slack", tags=["slack"], responses=responses(401, 404, 413))
T = TypeVar("T")


@router.post("/actions", include_in_schema=True)
async def actions(request: Request, service: Behind) -> Response:
    """Presses of buttons, and modals that were sent off: acknowledged at once, done right after."""
    chat, form = await _verified(request)
    presses = presses_of(payload_of(form), again="x-slack-retry-num" in request.headers)
    if len(presses) == 1 and presses[0].asked is not None and not presses[0].trigger:
        return await _submitted(service, chat, presses[0])

    async def work() -> None:
        for press in presses:
            await act(service, chat, press)

    return Response(status_code=200, background=BackgroundTask(work))


@router.post("/commands", include_in_schema=True)
async def commands(request: Request, service: Behind) -> Response:
    """`/spend SCOPE`, answered to the one who asks."""
    chat, form = await _verified(request)
    answer, later = await _soon(spend(service, form.get("text", "")))
    if answer is not None:
        return JSONResponse(answer)

    async def after() -> None:
        if later is not None and form.get("response_url"):
            await chat.answer(form["response_url"], await later)

    return JSONResponse({"response_type": "ephemeral", "text": "Looking it up…"}, background=BackgroundTask(after))


async def _submitted(service: Service, chat: Chat, press: Press) -> Response:
    """A modal shows at once why something is not done; what takes longer goes on."""
    decision, later = await _soon(act(service, chat, press))
    if isinstance(decision, Refused):
        return JSONResponse({"response_action": "errors", "errors": {REASON: decision.words}})

    async def after() -> None:
        if later is not None:
            await later

    return Response(status_code=200, background=BackgroundTask(after))


async def _verified(request: Request) -> tuple[Chat, Mapping[str, str]]:
    """The workspace that signed the request, and its form."""
    chats = request.app.state.chats()
    if not chats:
        raise Problem(404, "Not found", "No Slack receiver of the policy names a signing_secret.", "Name it under the receiver, as env:NAME or file:PATH.")
    body = await read_body(request, BODY_BYTES_MAX)
    stamp, signature = request.headers.get("x-slack-request-timestamp", ""), request.headers.get("x-slack-signature", "")
    for chat in chats:
        if chat.signed(body, stamp, signature):
            return chat, dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    fix = "Let Slack call this address itself; is the signing secret that of the app, and is this machine's clock right?"
    raise Problem(401, "Unauthorized", "The request bears no signature of Slack's that is valid now.", fix, "X-Slack-Signature")


async def _soon(work: Coroutine[Any, Any, T]) -> tuple[T | None, asyncio.Task[T] | None]:
    """What comes of it, if it comes in time; else the task that goes on with it."""
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait({task}, timeout=ANSWER_S)
    return (task.result(), None) if done else (None, task)
