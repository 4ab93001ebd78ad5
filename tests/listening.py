"""A server on this machine, for what stands in for others: whoever is still connected at its end is cut off, so none outlives its loop."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeAlias

Answer: TypeAlias = Callable[[StreamReader, StreamWriter], Coroutine[Any, Any, None]]


@asynccontextmanager
async def listening(answer: Answer, port: int = 0) -> AsyncIterator[int]:
    """Its port, by default any that is free. A connection is closed once it is answered; that its client breaks off is no error."""
    met: dict[asyncio.Task[None], StreamWriter] = {}

    async def answered(reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(EOFError, OSError):
            await answer(reader, writer)

    def meet(reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(answered(reader, writer))
        met[task] = writer
        task.add_done_callback(lambda done: met.pop(done).close())

    server = await asyncio.start_server(meet, "127.0.0.1", port)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in met:
            task.cancel()
        await asyncio.gather(*met, return_exceptions=True)
        await server.wait_closed()
