"""What the commands that open a door share: its address, and its life until a signal."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import structlog
import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError

from service.cli.failures import USAGE, fail
from service.policy import Policy
from service.settings import Settings, told


class Door(Protocol):
    """A service put together, not yet begun."""

    app: FastAPI
    policy: Policy

    def alive(self) -> AbstractAsyncContextManager[Sequence[asyncio.Task[None]]]:
        """Its life, with what must not end before."""
        ...


def address(listen: str, option: str = "--listen") -> tuple[str, int]:
    """Host and port, which must be free: a clear word where they are not, before anything begins."""
    try:
        host, port = Settings(listen=listen).address
    except ValidationError as wrong:
        fail(told(wrong, listen=f"{option} (SPENDWARDEN_{option.strip('-').upper()}) {listen}"), USAGE)
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            pass
    except OSError as taken:
        fail(f"{option} {host}:{port}: {taken.strerror or taken}; choose another port, or stop what listens there")
    return host, port


async def serve(door: Door, host: str, port: int) -> None:
    """Runs everything until a signal; then folds what there is, saves and ends."""
    log = structlog.get_logger("run")
    server = uvicorn.Server(uvicorn.Config(door.app, host=host, port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=5))
    vars(server)["capture_signals"] = contextlib.nullcontext  # the order of the end is ours
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with door.alive() as living:
        web = asyncio.create_task(server.serve())
        waiting = asyncio.create_task(stop.wait())
        log.info("serving", url=f"http://{host}:{port}", policy=door.policy.digest[:12])
        done, _ = await asyncio.wait({web, waiting, *living}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await asyncio.gather(web, return_exceptions=True)
    for task in done - {waiting}:
        if task.exception() is not None:
            raise task.exception() from None  # type: ignore[misc]
