"""Asking the service what is paused: all pages, a token that shows nowhere, and a service that is away or talks nonsense."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from service.sdk import RestoreError, Restoring, Switch, restore, restoring

TOKEN = "sw_correct-horse-battery"


def item(name: str) -> dict[str, object]:
    return {"scope": {"kind": "agent", "name": name}, "tenant": "default", "order": f"ord-{name}", "sequence": 1, "expires_at": "2999-01-01T00:00:00Z"}


PAGES = {"": {"items": [item("a")], "next_cursor": "2"}, "2": {"items": [item("b")], "next_cursor": None}}


class Door(ThreadingHTTPServer):
    body: bytes | None = None
    authorizations: list[str | None]


class Handler(BaseHTTPRequestHandler):
    server: Door

    def do_GET(self) -> None:
        self.server.authorizations.append(self.headers.get("authorization"))
        cursor = self.path.partition("cursor=")[2]
        body = self.server.body if self.server.body is not None else json.dumps(PAGES[cursor]).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Says nothing."""


@pytest.fixture
def door() -> Iterator[Door]:
    server = Door(("127.0.0.1", 0), Handler)
    server.authorizations = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def url(door: Door) -> str:
    return f"http://127.0.0.1:{door.server_address[1]}"


def test_every_page_is_taken_up(door: Door) -> None:
    switch = Switch()
    assert restore(switch, url(door) + "/", TOKEN) == 2
    assert not switch.may_go_on(agent="a")
    assert not switch.may_go_on(agent="b")
    assert door.authorizations == [f"Bearer {TOKEN}"] * 2


@pytest.mark.parametrize("body", [b"nonsense", b"[]", b'{"items": 1}', b'{"items": [1]}', b""])
def test_a_service_that_talks_nonsense_is_said_to(door: Door, body: bytes) -> None:
    door.body = body
    with pytest.raises(RestoreError, match="does not say what is paused") as failed:
        restore(Switch(), url(door), TOKEN)
    assert TOKEN not in str(failed.value)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "file:///etc/passwd", "spend.example"])
def test_a_service_that_is_away_is_said_to(address: str) -> None:
    with pytest.raises(RestoreError) as failed:
        restore(Switch(), address, TOKEN)
    assert TOKEN not in str(failed.value)


def until(holds: Callable[[], bool]) -> None:
    while not holds():
        threading.Event().wait(0.001)


def test_a_thread_goes_on_asking_through_failures(door: Door) -> None:
    switch = Switch()
    door.body = b"nonsense"
    with Restoring(switch, url(door), TOKEN, every_s=0.001) as asking:
        until(lambda: asking.failures > 1)
        door.body = None
        until(lambda: not switch.may_go_on(agent="b"))
        until(lambda: not asking.failures)


async def test_a_task_goes_on_asking_through_failures(door: Door) -> None:
    switch = Switch()
    door.body = b"nonsense"
    asking = asyncio.create_task(restoring(switch, url(door), TOKEN, every_s=0.001))
    await asyncio.to_thread(until, lambda: bool(door.authorizations))
    door.body = None
    await asyncio.to_thread(until, lambda: not switch.may_go_on(agent="b"))
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
