"""Slack's requests: nobody without the signature comes in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.background import BackgroundTask

from service.api.bodies import read_body
from service.api.ports import Chat
from service.api.problems import Problem, responses
from service.api.reading import Behind
from service.api.slack.hearing import Heard, asked, pressed
from service.api.slack.reading import payload_of

BODY_BYTES_MAX: Final = 1024 * 1024
router: Final = APIRouter(prefix="/slack", tags=["slack"], responses=responses(401, 404, 413))


@router.post("/actions")
async def actions(request: Request, service: Behind) -> Response:
    """Presses of buttons, and modals that were sent off: acknowledged at once, done right after."""
    chat, form = await _verified(request)
    return _response(await pressed(service, chat, payload_of(form), again="x-slack-retry-num" in request.headers))


@router.post("/commands")
async def commands(request: Request, service: Behind) -> Response:
    """`/spend SCOPE`, answered to the one who asks."""
    chat, form = await _verified(request)
    return _response(await asked(service, chat, form))


def _response(heard: Heard) -> Response:
    after = BackgroundTask(heard.after) if heard.after is not None else None
    return Response(status_code=200, background=after) if heard.body is None else JSONResponse(heard.body, background=after)


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
