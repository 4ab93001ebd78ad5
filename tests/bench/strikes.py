"""What is done to the workers and their broker while they work: an act every few seconds, drawn by a seed."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

from tests.bench.crew import Crew
from tests.kafka.broker import Broker

SESSION_S: Final = 3.0
PAUSES_S: Final = (1.0, 4.0)  # between two acts
BROKER_AWAY_S: Final = (0.0, 6.0)
ACTS: Final = {"kill": 6, "double_kill": 2, "sleep": 4, "restart": 4, "broker": 1}  # how often, against each other


class Strikes:
    """`done` counts the acts by name."""

    def __init__(self, crew: Crew, broker: Broker, chance: random.Random) -> None:
        self.done: Counter[str] = Counter()
        self._crew, self._broker, self._chance = crew, broker, chance

    async def strike(self) -> None:
        """For ever, one act at a time; each kind comes once before any comes twice, the longest last."""
        acts: dict[str, Callable[[], Awaitable[None]]] = {
            "kill": self._kill,
            "double_kill": self._double_kill,
            "sleep": self._sleep,
            "restart": self._restart,
            "broker": self._away,
        }
        first = [name for name in acts if name != "broker"]
        self._chance.shuffle(first)
        first.insert(0, "broker")
        while True:
            await asyncio.sleep(self._chance.uniform(*PAUSES_S))
            name = first.pop() if first else self._chance.choices(list(ACTS), list(ACTS.values()))[0]
            self.done[name] += 1
            await acts[name]()

    async def _kill(self) -> None:
        self._chance.choice(self._crew.hands).kill()

    async def _double_kill(self) -> None:
        """Two at once, or one again while it starts."""
        if len(self._crew.hands) > 1 and self._chance.random() < 0.5:
            for hand in self._chance.sample(self._crew.hands, 2):
                hand.kill()
            return
        hand = self._chance.choice(self._crew.hands)
        hand.kill()
        await asyncio.sleep(self._chance.uniform(0.6, 3.0))
        hand.kill()

    async def _sleep(self) -> None:
        """Past its session, so that others have its partitions when it wakes."""
        hand = self._chance.choice(self._crew.hands)
        hand.pause()
        try:
            await asyncio.sleep(SESSION_S * self._chance.uniform(1.1, 2.5))
        finally:
            hand.go_on()

    async def _restart(self) -> None:
        await self._chance.choice(self._crew.hands).stop()

    async def _away(self) -> None:
        """The broker dies and comes back; producer and workers wait for it."""
        self._broker.kill()
        try:
            await asyncio.sleep(self._chance.uniform(*BROKER_AWAY_S))
        finally:
            self._broker.start()
            await asyncio.to_thread(self._broker.wait)
