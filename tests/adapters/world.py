"""Couriers of orders beside a receiver that keeps state, loses answers when it is told to, and a memory that outlives the courier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
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
