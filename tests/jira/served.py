"""The fake Jira behind a real address, for a service that runs in earnest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from tests.jira.fake import FakeJira


@asynccontextmanager
async def served(jira: FakeJira) -> AsyncIterator[str]:
    """Its address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, path, _ = first.split(" ")
        told = jira.reply(httpx.Request(method, f"http://jira.test{path}", headers=headers, content=body))
        head = f"HTTP/1.1 {told.status_code} Told\r\nContent-Length: {len(told.content)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + told.content)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
