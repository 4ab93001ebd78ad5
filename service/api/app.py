"""The HTTP door as one application; what lies behind it is given."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI

from service.api import acting, health, problems, reading, schema, taking
from service.api.access import Access
from service.api.door import Door
from service.api.ports import Chat, Service
from service.api.slack import door as slack
from service.api.tokens import Tokens
from service.intake import Unknown

TITLE: Final = "Spendwarden"
VERSION: Final = "0.1.0"
DESCRIPTION: Final = "Watches what AI agents spend, call by call, and stops the runaway ones."


def create_app(service: Service, tokens: Tokens | None = None, *, insecure_loopback: bool = False, chats: Callable[[], Sequence[Chat]] = tuple) -> FastAPI:
    """The application; `chats` are who may press buttons from outside; without `tokens` nobody comes in but, if it is asked for, callers on this very machine.

    `app.state.door.waiting_records` and `app.state.unknown.counts` are there for the metrics.
    """
    door = Door(service.accept)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await door.close()

    # The pages that FastAPI offers load scripts from elsewhere; the document itself is at /openapi.json.
    app = FastAPI(title=TITLE, version=VERSION, description=DESCRIPTION, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.service, app.state.door, app.state.unknown = service, door, Unknown()
    app.state.chats = chats
    app.state.access = Access(tokens, service.now_ms, insecure_loopback=insecure_loopback)
    problems.install(app)
    for part in (taking, reading, acting, slack, health):
        app.include_router(part.router)
    app.openapi = lambda: schema.document(app)  # type: ignore[method-assign]
    return app
