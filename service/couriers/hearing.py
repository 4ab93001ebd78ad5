"""What people do at a receiver's own place comes back as controls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import structlog

from service.couriers.port import Hears
from service.facts import Control, Receipt
from service.log.ports import LogError

HEAR_EVERY_S: Final = 60.0
Tell: TypeAlias = Callable[[Receipt | Control], Awaitable[None]]


def is_ending() -> bool:
    """Whether this task was told to end, though what it awaited has swallowed that: libraries for mail and HTTP make an error of it now and then."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def hear(courier: Hears, tell: Tell, sleep: Callable[[float], Awaitable[None]]) -> None:
    """Asks a courier until it is told to end, and appends what it heard. A fault of its own is logged by its type alone, for its text may hold anything."""
    while True:
        try:
            for control in await courier.heard():
                await tell(control)
        except LogError:
            raise
        except Exception as fault:  # noqa: BLE001 -- the next time may go well; nothing is lost, since it is asked again
            structlog.get_logger("couriers").warning("hearing_failed", fault=type(fault).__name__)
        if is_ending():
            return
        await sleep(HEAR_EVERY_S)
