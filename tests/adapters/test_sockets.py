"""Real receivers on this machine that stall, trickle, break off after they took it, or talk nonsense: each is bounded, and tried again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

import pytest

from service.couriers.port import Delivered, GaveUp, Outcome, Parts, Receiver, RetryLater
from service.couriers.webhook import WebhookCourier
from tests.core.hooks import NOW_MS, OLD, ORDER
from tests.listening import listening

Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter


@asynccontextmanager
async def serving(answer: Callable[[Writer], Awaitable[None]]) -> AsyncIterator[str]:
    """A server that takes the whole request, then does as it likes."""

    async def serve(reader: Reader, writer: Writer) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        await reader.readexactly(int(head.partition("content-length: ")[2].split()[0]))
        await answer(writer)

    async with listening(serve) as port:
        yield f"http://127.0.0.1:{port}/hooks"


async def sent(answer: Callable[[Writer], Awaitable[None]]) -> Outcome:
    async with serving(answer) as url:
        courier = WebhookCourier(
            Receiver(name="o", kind="webhook", url=url, secret=OLD, takes="all"), Parts(public_url="", clock=lambda: NOW_MS, answer_s=1, body_s=0.3)
        )
        outcome = await asyncio.wait_for(courier.deliver(ORDER), 20)
        await courier.close()
        return outcome


def says(*parts: bytes) -> Callable[[Writer], Awaitable[None]]:
    async def answer(writer: Writer) -> None:
        writer.write(b"".join(parts))
        await writer.drain()

    return answer


def trickles(head: bytes, drop: bytes) -> Callable[[Writer], Awaitable[None]]:
    async def answer(writer: Writer) -> None:
        writer.write(head)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(0.01)

    return answer


async def stalls(writer: Writer) -> None:
    await asyncio.sleep(30)


async def breaks_off(writer: Writer) -> None:
    writer.transport.abort()


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (stalls, RetryLater(None, "no answer within 1 s")),
        (breaks_off, RetryLater(None, "no connection (RemoteProtocolError)")),
        (says(), RetryLater(None, "no connection (RemoteProtocolError)")),
        (says(b"\x00\xff nonsense\r\n\r\n"), RetryLater(None, "no connection (RemoteProtocolError)")),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", b'{"state": "acc'), Delivered()),
        (says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), Delivered()),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n", b'{"state": "accepted"}'), Delivered("accepted")),
        (says(b"HTTP/1.1 429 Slow down\r\nRetry-After: 12\r\nContent-Length: 0\r\n\r\n"), RetryLater(12.0, "429 Too Many Requests")),
        (says(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"), RetryLater(None, "500 Internal Server Error")),
        (says(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"), GaveUp("302 Found (redirects are not followed)")),
        (trickles(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), RetryLater(None, "no answer within 1 s")),
        (trickles(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b" "), Delivered()),
        (trickles(b"HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nContent-Length: 99999\r\n\r\n", b" "), RetryLater(3.0, "503 Service Unavailable")),
    ],
)
async def test_whatever_a_receiver_does_is_bounded_and_has_a_name(answer: Callable[[Writer], Awaitable[None]], outcome: Outcome) -> None:
    assert await sent(answer) == outcome
