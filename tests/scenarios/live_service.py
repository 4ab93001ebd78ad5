"""The embedded service with its threads, its real clock and its door, all in the test's own process."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import httpx
from rich.console import Console

from service.bootstrap.embedded import Running, embedded
from service.policy import load

HERE = "http://127.0.0.1"
PATIENCE_S = 20


class Live:
    """A running service and its door. What was answered with 202 is `acknowledged`: as many dollars must come to stand in the books."""

    def __init__(self, running: Running, door: httpx.AsyncClient) -> None:
        self.running, self.door = running, door
        self.sent = self.acknowledged = 0
        self.last = httpx.Response(100)

    async def send(self, records: int) -> httpx.Response:
        """So many records of a dollar each, all new."""
        first, self.sent = self.sent, self.sent + records
        lines = [
            {"id": str(first + n), "time": time.time(), "agent": f"agent-{n % 300}", "execution_id": f"run-{n % 7}", "cost_usd": 1} for n in range(records)
        ]
        self.last = await self.door.post("/v1/records", json=lines)
        self.acknowledged += records if self.last.status_code == 202 else 0
        return self.last

    async def taken(self, records: int) -> None:
        """The same; they must be taken."""
        assert (await self.send(records)).status_code == 202, self.last.text

    async def takes(self) -> bool:
        """Whether a record is taken."""
        return (await self.send(1)).status_code == 202

    async def refuses(self, records: int) -> bool:
        """Whether so many are not."""
        return (await self.send(records)).status_code != 202

    async def is_ready(self) -> bool:
        """Whether every condition is met."""
        return (await self.door.get("/readyz")).status_code == 200

    async def is_unready(self) -> bool:
        """The opposite."""
        return not await self.is_ready()

    async def is_booked(self) -> bool:
        """Whether the books hold what was acknowledged; never more."""
        answer = (await self.door.get("/v1/spend")).json()
        assert answer["records"] <= self.acknowledged
        return bool(Decimal(answer["spend_usd"]) == answer["records"] == self.acknowledged)


@asynccontextmanager
async def live(data: Path, policy: str = "") -> AsyncIterator[Live]:
    """Begun and ready; ended as by a signal."""
    running = embedded(data, load(policy), HERE, partitions=2, insecure_loopback=True, console=Console(file=io.StringIO()))
    transport = httpx.ASGITransport(app=running.app, client=("127.0.0.1", 1))
    async with running.alive(), httpx.AsyncClient(transport=transport, base_url=HERE, timeout=PATIENCE_S) as door:
        service = Live(running, door)
        await until(service.is_ready)
        yield service


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Waits until it holds, a test's patience at most."""
    async with asyncio.timeout(PATIENCE_S):
        while not await holds():  # noqa: ASYNC110 -- what is waited for happens in threads and behind the door
            await asyncio.sleep(0.02)
