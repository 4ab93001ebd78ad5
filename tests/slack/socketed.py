"""Slack's side of socket mode: presses go over a connection that the service opened."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from aiohttp import WSMsgType, web

from tests.slack.server import FakeSlack

APP_TOKEN: Final = "xapp-1-correct-horse"


class Wire:
    """What came over the connections; `dropped` closes the newest one."""

    def __init__(self) -> None:
        self.open: list[web.WebSocketResponse] = []
        self.answers: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self._news = asyncio.Event()

    async def say(self, kind: str, payload: dict[str, Any], envelope: str) -> dict[str, Any]:
        """Says something, and gives what it was answered."""
        while not self.open or self.open[-1].closed:
            await self._wait()
        await self.open[-1].send_json({"type": kind, "envelope_id": envelope, "payload": payload, "accepts_response_payload": True})
        while envelope not in self.answers:
            await self._wait()
        return self.answers[envelope]

    async def drop(self) -> None:
        await self.open[-1].close()

    async def connected(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.open.append(socket)
        self._news.set()
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                told = json.loads(message.data)
                self.answers[told["envelope_id"]] = told
                self._news.set()
        return socket

    async def _wait(self) -> None:
        self._news.clear()
        await self._news.wait()


@asynccontextmanager
async def socketed(slack: FakeSlack) -> AsyncIterator[tuple[str, Wire]]:
    """A Slack on a port that speaks both ways; gives the address for `base_url`."""
    wire = Wire()

    async def call(request: web.Request) -> web.Response:
        if request.path.endswith("/apps.connections.open"):
            wire.asked.append(request.headers.get("authorization", ""))
            return web.json_response({"ok": True, "url": f"{slack.place.replace('http', 'ws')}/socket?ticket=secret-ticket"})
        answer = slack.answer(request.path, {name.lower(): value for name, value in request.headers.items()}, await request.read())
        return web.Response(status=answer.status_code, body=answer.content, content_type="application/json")

    app = web.Application()
    app.router.add_get("/socket", wire.connected)
    app.router.add_post("/{any:.*}", call)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    slack.place = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield f"{slack.place}/api", wire
    finally:
        await runner.cleanup()
