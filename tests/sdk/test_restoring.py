"""Asking the service what is paused: all pages, a token that shows nowhere, and a service that is away or talks nonsense."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from service.sdk import RestoreError, Restoring, Switch, restore, restoring
from tests.adapters.world import served

TOKEN = "sw_correct-horse-battery"


def item(name: str) -> dict[str, object]:
    return {"scope": {"kind": "agent", "name": name}, "tenant": "default", "order": f"ord-{name}", "sequence": 1, "expires_at": "2999-01-01T00:00:00Z"}


PAGES = {"": {"items": [item("a")], "next_cursor": "2"}, "2": {"items": [item("b")], "next_cursor": None}}


@dataclass
class Door:
    """The service, as far as it is asked what is paused; `body` instead of its pages."""

    url: str = ""
    body: bytes | None = None
    authorizations: list[str | None] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.authorizations.append(request.headers.get("authorization"))
        if self.body is not None:
            return httpx.Response(200, content=self.body)
        return httpx.Response(200, json=PAGES[request.url.params.get("cursor", "")])


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    with served(door.answer) as door.url:
        yield door


def test_every_page_is_taken_up(door: Door) -> None:
    switch = Switch()
    assert restore(switch, door.url + "/", TOKEN) == 2
    assert not switch.may_go_on(agent="a")
    assert not switch.may_go_on(agent="b")
    assert door.authorizations == [f"Bearer {TOKEN}"] * 2


@pytest.mark.parametrize("body", [b"nonsense", b"[]", b'{"items": 1}', b'{"items": [1]}', b"", b"[" * 100_000])
def test_a_service_that_talks_nonsense_is_said_to(door: Door, body: bytes) -> None:
    door.body = body
    with pytest.raises(RestoreError, match="does not say what is paused") as failed:
        restore(Switch(), door.url, TOKEN)
    assert TOKEN not in str(failed.value)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "file:///etc/passwd", "spend.example"])
def test_a_service_that_is_away_is_said_to(address: str) -> None:
    with pytest.raises(RestoreError) as failed:
        restore(Switch(), address, TOKEN)
    assert TOKEN not in str(failed.value)


@pytest.mark.parametrize("answer", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab"])
def test_an_answer_that_is_no_http_is_said_to_be_none(answer: bytes) -> None:
    def serve() -> None:
        line, _ = listening.accept()
        with line:
            line.recv(65_536)
            line.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=serve)
        serving.start()
        with pytest.raises(RestoreError, match="does not say what is paused"):
            restore(Switch(), f"http://127.0.0.1:{listening.getsockname()[1]}", TOKEN)
        serving.join(20)


def until(holds: Callable[[], bool]) -> None:
    while not holds():
        threading.Event().wait(0.001)


def test_a_thread_goes_on_asking_through_failures(door: Door) -> None:
    switch = Switch()
    door.body = b"nonsense"
    with Restoring(switch, door.url, TOKEN, every_s=0.001) as asking:
        until(lambda: asking.failures > 1)
        door.body = None
        until(lambda: not switch.may_go_on(agent="b"))
        until(lambda: not asking.failures)


async def test_a_task_goes_on_asking_through_failures(door: Door) -> None:
    switch = Switch()
    door.body = b"nonsense"
    asking = asyncio.create_task(restoring(switch, door.url, TOKEN, every_s=0.001))
    await asyncio.to_thread(until, lambda: bool(door.authorizations))
    door.body = None
    await asyncio.to_thread(until, lambda: not switch.may_go_on(agent="b"))
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
