"""What the suite of couriers works with: a courier on a bench, the wire that a test answers, and what has to be known of each kind."""

from __future__ import annotations

import html
import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from service.couriers.port import Courier, Receiver
from tests.mail import mail_server, text_of

FOLDER = Path(tempfile.mkdtemp(prefix="spendwarden-conformance-"))
SAID = FOLDER / "said"  # what the program was told

Reply = Callable[[httpx.Request], httpx.Response]


@dataclass
class Wire(httpx.AsyncBaseTransport):
    """The other side: answers each request by `reply` and keeps what it was sent."""

    reply: Reply
    requests: list[httpx.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        return self.reply(request)


@dataclass
class Bench:
    """A courier under test and what leaves it."""

    case: Case
    courier: Courier
    wire: Wire
    screen: io.StringIO

    def sent(self) -> str:
        told = SAID.read_text() if SAID.exists() else ""
        paths = [request.url.path for request in self.wire.requests] if self.case.refuses else []
        mails = [f"{mail['Subject']} {text_of(mail)}" for mail in mail_server().mails]
        return self.screen.getvalue() + "".join([*mails, *paths, *(request.content.decode() for request in self.wire.requests)]) + told

    def read(self) -> str:
        """What is sent, as its reader sees it."""
        return html.unescape(self.sent()) if self.case.entities else self.sent()


@dataclass(frozen=True)
class Case:
    """What the suite has to know of a kind: its receiver, whether it speaks HTTP, what a good answer is and how an item is told from others.

    `said` is what a good answer to an order says; `name` finds the exact name in what is sent for programs, None where people read it.
    """

    receiver: Receiver
    wired: bool
    good: Callable[[], Reply] = lambda: lambda _: httpx.Response(200)
    identities: Callable[[Bench], list[str]] = lambda bench: []
    once: bool = False  # it remembers what it told, so the same item twice is one message, and an answer that cannot be read is no success
    entities: bool = False  # what could mention somebody is written as an entity
    said: str = "delivered"
    name: Callable[[Bench], str] | None = None
    refuses: bool = False  # no wicked name can be one of its own, so an order with one is refused before anything is sent
    reads: bool = False  # it acts on what it is answered, so rubbish is no answer
    keyless: bool = False  # it needs no secret, though it may have one
    secret_travels: bool = False  # inside the body, as its interface wants it
