"""A stand-in for another service behind a real address, for a service of ours that runs in earnest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx

from tests.listening import listening


@asynccontextmanager
async def served(reply: Callable[[httpx.Request], httpx.Response], port: int = 0) -> AsyncIterator[str]:
    """Its address on this machine, by default at any port that is free; one connection is one request."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told = reply(await _request(reader))
        fields = {**told.headers, "content-length": str(len(told.content)), "connection": "close"}
        head = "\r\n".join([f"HTTP/1.1 {told.status_code} Told", *(f"{name}: {value}" for name, value in fields.items())])
        writer.write(f"{head}\r\n\r\n".encode() + told.content)
        await writer.drain()

    async with listening(answer, port) as given:
        yield f"http://127.0.0.1:{given}"


async def _request(reader: asyncio.StreamReader) -> httpx.Request:
    first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = httpx.Headers([(name, value) for name, _, value in (line.partition(": ") for line in rest if line)])
    method, path, _ = first.split(" ")
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return httpx.Request(method, f"http://served.test{path}", headers=headers, content=body)
