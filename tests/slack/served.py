"""The fake Slack behind a real address, for a service that runs in earnest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from tests.slack.server import FakeSlack


@asynccontextmanager
async def served(slack: FakeSlack, port: int = 0) -> AsyncIterator[str]:
    """On a port of this machine, by default any that is free; gives the address for `base_url`."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        content, more = b"", True
        while more:
            part = await receive()
            content, more = content + part.get("body", b""), part.get("more_body", False)
        answer = slack.answer(scope["path"], {name.decode(): value.decode() for name, value in scope["headers"]}, content)
        await send({"type": "http.response.start", "status": answer.status_code, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": answer.content})

    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, lifespan="off"))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 -- uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        slack.place = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        yield f"{slack.place}/api"
    finally:
        server.should_exit = True
        await running
