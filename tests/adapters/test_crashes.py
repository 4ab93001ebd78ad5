"""A crash at every single point of an adapter's work: before and after each request and each thing remembered, the order is given again,
and in the end everything is as it was before the first of them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.couriers.port import Delivered, MemoryHere, Parts, Receiver
from service.couriers.registry import courier_of
from service.facts import Order
from tests.adapters.test_kubernetes import Cluster
from tests.adapters.test_litellm import KEY, Proxy
from tests.adapters.world import order
from tests.samples import NIGHT_MS


class CrashError(BaseException):
    """The process is gone."""


@dataclass
class Fate:
    """Lets so many points pass, then the process is gone, once."""

    points: int
    passed: int = 0

    def point(self) -> None:
        self.passed += 1
        if self.passed == self.points:
            raise CrashError


@dataclass
class Line(httpx.AsyncBaseTransport):
    answer: Callable[[httpx.Request], httpx.Response]
    fate: Fate

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.fate.point()
        response = self.answer(request)
        self.fate.point()
        return response


@dataclass
class Mortal:
    fate: Fate
    kept_here: MemoryHere = field(default_factory=MemoryHere)

    async def kept(self, about: str) -> bytes | None:
        self.fate.point()
        return await self.kept_here.kept(about)

    async def keep(self, about: str, value: bytes) -> None:
        self.fate.point()
        await self.kept_here.keep(about, value)
        self.fate.point()


async def play(receiver: Receiver, answer: Callable[[httpx.Request], httpx.Response], orders: Sequence[Order], points: int) -> int:
    """Gives each order until it is delivered; how many points were passed."""
    fate = Fate(points)
    memory = Mortal(fate)
    for item in orders:
        outcome: Any = None
        while not isinstance(outcome, Delivered):
            courier = courier_of(receiver, Parts(public_url="", clock=lambda: NIGHT_MS, memory=lambda _: memory, transport=Line(answer, fate)))
            try:
                outcome = await courier.deliver(item)
            except CrashError:
                continue
            finally:
                await courier.close()
        assert outcome.state == "accepted"
    return fate.passed


STORIES = [
    ("pause", "resume"),
    ("pause", "pause", "resume"),
    ("pause", "throttle", "resume"),
    ("throttle", "pause", "resume"),
    ("pause", "resume", "pause", "resume"),
]


@pytest.mark.parametrize("story", STORIES, ids=" ".join)
async def test_a_key_ends_as_it_began_whenever_the_process_dies(story: tuple[str, ...]) -> None:
    receiver = Receiver(name="p", kind="litellm", url="https://p.example", secrets={"token": "sk-master"}, options={"throttle": {"rpm_limit": 5}})
    for points in count(1):
        proxy = Proxy()
        before = copy.deepcopy(proxy.keys)
        passed = await play(receiver, proxy.answer, [order(action, "api_key", KEY) for action in story[:-1]], points)
        assert (proxy.keys[KEY]["blocked"], proxy.keys[KEY]["rpm_limit"]) == ((True, None) if story[-2] == "pause" else (False, 5)), points
        proxy = Proxy()
        passed = await play(receiver, proxy.answer, [order(action, "api_key", KEY) for action in story], points)
        assert proxy.keys == before, points
        if passed < points:
            assert points > 10
            return


@pytest.mark.parametrize("story", [story for story in STORIES if "throttle" not in story], ids=" ".join)
async def test_a_deployment_ends_as_it_began_whenever_the_process_dies(story: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "token").write_text("one")
    options = {"namespace": "agents", "deployment": "{name}", "token_file": str(tmp_path / "token")}
    receiver = Receiver(name="c", kind="kubernetes", url="https://c.example", options=options)
    for points in count(1):
        cluster = Cluster()
        await play(receiver, cluster.answer, [order(action) for action in story[:-1]], points)
        assert cluster.replicas["indexer"] == 0, points
        cluster = Cluster()
        passed = await play(receiver, cluster.answer, [order(action) for action in story], points)
        assert cluster.replicas == {"indexer": 3, "shared": 2}, points
        if passed < points:
            assert points > 10
            return
