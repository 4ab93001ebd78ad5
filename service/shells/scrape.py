"""A worker's page of metrics for Prometheus, on a port of its own: `spendwarden worker --metrics HOST:PORT`.

A page is put together in the worker's main loop and waited for from the page's own threads, not for long: where the worker stands
still only the process shows itself, and the watchdog does the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import Metric

from service.engine.asked import States, soon
from service.shells.telemetry import Shift, of_owners, of_worker
from service.shells.worker import Worker

KNOWN_S: Final = 2.0  # what is not known by then is left out
PAGE_S: Final = 6.0  # so long a page waits for the main loop


@dataclass
class Page:
    """`clock` is Unix milliseconds."""

    worker: Worker
    clock: Callable[[], int]

    async def metrics(self) -> list[Metric]:
        """In the main loop: everything that is known in KNOWN_S."""
        engine, worker = self.worker.engine, self.worker
        lag, held = await asyncio.gather(soon(engine.lag(), KNOWN_S), soon(asyncio.wrap_future(engine.ask(self._of_owners)), KNOWN_S))
        owned = {lease: len(partitions) for lease, partitions in worker.leased._asdict().items()}
        shift = Shift(owned, worker.republisher.passed, worker.couriers())
        return [*of_worker(engine.heard, lag, shift, self.clock()), *(held or ())]

    def _of_owners(self, states: States) -> list[Metric]:
        saved_ms = [owner.saved_ms for owner in self.worker.engine.held.all()]
        return list(of_owners(list(states.meters.values()), saved_ms, self.clock()))


@dataclass(eq=False)
class _Waiting:
    """The page for the threads that serve it; a prometheus_client collector."""

    page: Page
    loop: asyncio.AbstractEventLoop

    def collect(self) -> Iterable[Metric]:
        """Nothing where the main loop does not answer."""
        asked = asyncio.run_coroutine_threadsafe(self.page.metrics(), self.loop)
        try:
            return asked.result(PAGE_S)
        except TimeoutError:
            asked.cancel()
            return []


@asynccontextmanager
async def shown(page: Page, host: str, port: int) -> AsyncIterator[None]:
    """Serves the page, under every path, and what the process itself uses. Raises OSError where the port is taken."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Waiting(page, asyncio.get_running_loop()))
    server, thread = start_http_server(port, host, registry)
    try:
        yield
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        await asyncio.to_thread(thread.join)
