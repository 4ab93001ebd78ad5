"""An ASGI middleware: orders arrive at one path of your own application (FastAPI, Starlette, Django, Quart), everything else passes by."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final, TypeAlias

from service.clock import now_ms
from service.sdk.switch import Switch
from service.sdk.verify import UnverifiedError, keys_of, verify

BODY_BYTES_MAX: Final = 1024 * 1024

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]
Heard: TypeAlias = Callable[[dict[str, Any], dict[str, str]], object]


class OrderReceiver:
    """Proves what arrives at `path`, has the switch obey it, and answers `{"state": "accepted" | "refused", "reason": ...}`.

    `secrets` as they stand in the policy's reference, several while one is being replaced; raises ValueError where none is of use.
    `heard` is told each proved event with its answer, to write it into a log, or to act on a notice. `app` None: there is nothing else.
    """

    def __init__(
        self,
        app: App | None,
        *,
        switch: Switch,
        secrets: str | Sequence[str],
        path: str = "/hooks/spend",
        clock: Callable[[], int] = now_ms,
        heard: Heard | None = None,
    ) -> None:
        keys_of(secrets)  # else the first order would be the first to say so
        self._app, self._switch, self._secrets, self._path, self._clock, self._heard = app, switch, secrets, path, clock, heard

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http" and scope["path"] == self._path:
            status, answer = await self._answer(scope, receive)
            await _respond(send, status, answer)
        elif self._app is not None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await _respond(send, 404, {"reason": f"orders are taken at {self._path}"})

    async def _answer(self, scope: Message, receive: Receive) -> tuple[int, dict[str, str]]:
        if scope["method"] != "POST":
            return 405, {"reason": "orders are sent by POST"}
        body = await _body(receive)
        if body is None:
            return 413, {"reason": f"more than {BODY_BYTES_MAX} bytes"}
        try:
            event = verify({name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}, body, self._secrets, self._clock())
        except UnverifiedError as why:
            return 401, {"reason": str(why)}
        answer = self._switch.obey(event)
        if self._heard is not None:
            self._heard(event, answer)
        return 200, answer


async def _body(receive: Receive) -> bytes | None:
    """The whole body, None where it is too long."""
    kept = bytearray()
    while True:
        message = await receive()
        kept += message.get("body", b"")
        if len(kept) > BODY_BYTES_MAX:
            return None
        if message["type"] != "http.request" or not message.get("more_body", False):
            return bytes(kept)


async def _respond(send: Send, status: int, answer: dict[str, str]) -> None:
    body = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
