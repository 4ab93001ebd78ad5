"""The fake Slack behind a real address, for a service that runs in earnest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests import served as anything
from tests.slack.server import FakeSlack


@asynccontextmanager
async def served(slack: FakeSlack, port: int = 0) -> AsyncIterator[str]:
    """Gives the address for `base_url`."""
    async with anything.served(lambda request: slack.answer(request.url.path, dict(request.headers), request.content), port) as slack.place:
        yield f"{slack.place}/api"
