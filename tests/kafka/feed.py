"""Producers of a service on Kafka that never give up, and how far it has come with what they send."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import islice
from time import time
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaProducer

from service.log.kafka import KafkaLog
from service.log.ports import LogError
from tests.bench.fire import Fire, Watch
from tests.bench.siege import records, stamped
from tests.kafka.served import Served, until

POSTING: Final = 4  # so that something is under way on many partitions whenever a broker dies
BATCH: Final = 3
PACE_S: Final = 0.05
QUIET_S: Final = 2.0


class Feed:
    """One writes to a topic with a client of its own, others post; each repeats a batch until it is acknowledged. `fire` is told the truth."""

    def __init__(self, fire: Fire, service: Served, log: KafkaLog) -> None:
        self.refused: list[dict[str, Any]] = []
        self._fire, self._service, self._watch = fire, service, Watch(log)
        self._over = False

    @asynccontextmanager
    async def flowing(self, topic: str) -> AsyncIterator[None]:
        """For as long as the block lasts; behind it all that was sent is acknowledged."""
        sending = asyncio.gather(self._produce(topic), *[self._post(f"door-{number}") for number in range(POSTING)])
        try:
            yield
            self._over = True
            await sending
        finally:
            sending.cancel()

    async def counted(self, more: int) -> None:
        """Returns when so many records more than were sent until now are decided upon; fails when a process ends meanwhile."""
        wanted = self._fire.records + more

        async def are_counted() -> bool:
            await self._looked()
            return sum(self._watch.accepted.values()) >= wanted

        await until(are_counted)

    async def reached(self, mark_ms: float) -> None:
        """Returns when every partition was heard up to there; 1: when there are a meter and a policy for each, and records may come."""

        async def has_come() -> bool:
            await self._looked()
            return self._watch.reach_ms >= mark_ms

        await until(has_come)

    async def settled(self) -> None:
        """Returns when all is decided that can be, and the receiver hears nothing new."""

        async def is_quiet() -> bool:
            heard = sum(self._fire.told.values())
            await asyncio.sleep(QUIET_S)
            return heard == sum(self._fire.told.values())

        await self.reached(time() * 1000 + 2_000)
        await until(is_quiet)

    async def _looked(self) -> None:
        await self._service.is_ready()
        with suppress(LogError):
            await self._watch.look()

    async def _produce(self, topic: str) -> None:
        client = AIOKafkaProducer(bootstrap_servers=self._service.brokers, acks="all", enable_idempotence=True)
        await client.start()
        try:
            async for batch in self._batches("topic"):
                await asyncio.gather(*[await client.send(topic, line) for line in batch])
        finally:
            await client.stop()

    async def _post(self, name: str) -> None:
        async for batch in self._batches(name):
            while (answer := await self._service.door.post("/v1/records", content=b"\n".join(batch))).status_code != 202:
                self.refused.append(answer.json())
                await asyncio.sleep(PACE_S)

    async def _batches(self, name: str) -> AsyncIterator[list[bytes]]:
        source = records(random.Random(name), name)
        while not self._over:
            yield [msgspec.json.encode(stamped(record, self._fire)) for record in islice(source, BATCH)]
            await asyncio.sleep(PACE_S)
