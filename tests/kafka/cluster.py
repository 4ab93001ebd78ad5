"""Three brokers that are one Kafka: copies of every row on each, of which a test kills one, or two."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tests.kafka.broker import OPEN, START_WITHIN_S, Broker, seats
from tests.kafka.fixtures import begun

NODES: Final = 3
COPIED: Final = {  # as operators set up three brokers: what is acknowledged lies on two of them at least
    "offsets.topic.replication.factor": str(NODES),
    "transaction.state.log.replication.factor": str(NODES),
    "default.replication.factor": str(NODES),
    "min.insync.replicas": "2",
}


class Brokers:
    """All nodes of one cluster, each with a folder of its own in `folder`; each is a controller too, so two of them must live."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for node in range(1, NODES + 1):
            (folder / str(node)).mkdir()
        with ThreadPoolExecutor(NODES) as at_once:
            self.nodes = list(at_once.map(lambda seat: Broker(folder / str(seat.node), settings=COPIED, seat=seat), seats(NODES)))

    def address(self, listener: str = OPEN) -> str:
        """All of them, with commas between."""
        return ",".join(node.address(listener) for node in self.nodes)

    def start(self) -> None:
        """All of them; a node that runs must not be among them."""
        for node in self.nodes:
            node.start()

    def wait(self) -> None:
        """Returns when each of them knows all of them."""
        for node in self.nodes:
            node.wait()
        ends = time.monotonic() + START_WITHIN_S
        while not all(asyncio.run(_knows_all(node.address())) for node in self.nodes):
            assert time.monotonic() < ends, [node.log() for node in self.nodes]
            assert all(node.lives() for node in self.nodes), [node.log() for node in self.nodes]
            time.sleep(0.1)

    def kill(self) -> None:
        """All of them."""
        for node in self.nodes:
            node.kill()

    async def leading_most(self) -> Broker:
        """The node that leads most partitions, as the cluster sees it."""
        leads = Counter(partition["leader"] for topic in await self.topics() for partition in topic["partitions"])
        return max(self.nodes, key=lambda node: leads[node.node])

    async def topics(self) -> list[dict[str, Any]]:
        """Every topic with its partitions, their leaders, copies and who is in sync."""
        return list((await _described(self.address()))["topics"])


async def _knows_all(address: str) -> bool:
    try:
        return len((await _described(address))["brokers"]) == NODES
    except KafkaError:  # it has not begun to answer
        return False


async def _described(address: str) -> dict[str, Any]:
    """What one of these brokers has heard."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        return {"topics": await admin.describe_topics(), **await admin.describe_cluster()}
    finally:
        await admin.close()


@pytest.fixture(scope="module")
def brokers() -> Iterator[Brokers]:
    """Three for the tests of one file; who kills some starts them again."""
    yield from begun(Brokers)
