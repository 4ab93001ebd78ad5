"""The demo's traffic for a service that runs elsewhere: what lies behind at speed, then real time, and now and then one agent runs away.

Whoever begins again sends the same records again under the same ids, so a service that has heard them counts nothing twice.
"""

from __future__ import annotations

import asyncio
from typing import Final

from service.demo.agents import RUNAWAY
from service.demo.client import Client, Feed
from service.demo.story import LOOP_S, SEED
from service.demo.traffic import repeated_call
from service.facts import HOUR_MS, MINUTE_MS

READY_S: Final = 120.0
RUNAWAY_CALLS: Final = 60  # then it ends by itself, since nobody need be there to stop it


async def feed(client: Client, hours: float, runaway_every_s: float, ended: asyncio.Event) -> int:
    """Until `ended`; returns how many cost records of the forty were sent. Raises DemoError where the service does not take them."""
    await client.wait_ready(READY_S)
    feed = Feed(client, SEED, int(client.clock() - hours * HOUR_MS) // MINUTE_MS * MINUTE_MS)
    await feed.catch_up()
    running = asyncio.create_task(_run_away(client, runaway_every_s))
    following = asyncio.create_task(feed.follow(ended))
    await asyncio.wait({running, following}, return_when=asyncio.FIRST_COMPLETED)
    for task in (running, following):
        if not task.done():
            task.cancel()
    failed = [wrong for wrong in await asyncio.gather(running, following, return_exceptions=True) if isinstance(wrong, Exception)]
    if failed:
        raise failed[0]
    return feed.usages


async def _run_away(client: Client, every_s: float) -> None:
    """The same call again and again, a dear one; without end."""
    while True:
        await client.sleep(every_s)
        execution = f"{RUNAWAY.name}-{client.clock() // 1000:x}"
        for number in range(RUNAWAY_CALLS):
            await client.send([repeated_call(execution, number, client.clock())])
            await client.sleep(LOOP_S)
