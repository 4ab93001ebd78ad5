"""Couriers of orders beside a receiver that keeps state, loses answers when it is told to, and a memory that outlives the courier."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from msgspec.structs import replace as but

from service.couriers.port import Courier, MemoryHere, Outcome, Parts, Receiver
from service.couriers.registry import courier_of
from service.facts import Order, Scope
from tests.samples import NIGHT_MS, ORDER


@dataclass
class Far(httpx.AsyncBaseTransport):
    """The other side: does what it is asked and, `deaf`, lets its answer get lost."""

    answer: Callable[[httpx.Request], httpx.Response]
    deaf: bool = False
    asked: list[str] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.asked.append(f"{request.method} {request.url.path}")
        response = self.answer(request)
        if self.deaf and request.method != "GET":
            raise httpx.ReadTimeout("lost")
        return response


@dataclass
class World:
    """One receiver, its far side, and what its courier remembers."""

    receiver: Receiver
    far: Far
    memory: MemoryHere = field(default_factory=MemoryHere)

    def courier(self) -> Courier:
        """A new one, as after a restart."""
        parts = Parts(public_url="https://spend.example", clock=lambda: NIGHT_MS, memory=lambda _: self.memory, transport=self.far)
        return courier_of(self.receiver, parts)

    async def deliver(self, item: Order) -> Outcome:
        courier = self.courier()
        try:
            return await courier.deliver(item)
        finally:
            await courier.close()


def order(action: str, kind: str = "agent", name: str = "indexer", **changes: Any) -> Order:
    return but(ORDER, action=action, scope=Scope(kind, name), id=f"ord-{action}", **changes)


@contextmanager
def served(answer: Callable[[httpx.Request], httpx.Response]) -> Iterator[str]:
    """The same far side behind a port of this machine; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            response = answer(httpx.Request(self.command, f"http://127.0.0.1{self.path}", headers=dict(self.headers), content=body))
            self.send_response(response.status_code)
            for name, value in {**response.headers, "content-length": str(len(response.content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(response.content)

        do_GET = do_POST = do_PATCH = do  # noqa: N815 -- the names that http.server asks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
