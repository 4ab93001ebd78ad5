"""Workers as processes on a real broker: under fire, stopped, restarted, and started on what they cannot work on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.facts import encode
from service.log.kafka import Cluster, KafkaLog, KafkaSnapshots, make, topics
from service.log.kafka.topics import WARDEN_LEASE
from service.log.ports import STREAM
from service.log.snapshot import Writer
from service.meter.fold import VERSION
from service.records import Usage
from tests.bench.crew import Hand
from tests.bench.fire import Plan
from tests.bench.soak import soaked
from tests.kafka.broker import Broker

PARTITIONS = 2
SESSION_S = 3.0
PATIENCE_S = 40.0
SOON_S = 4.0

pytestmark = pytest.mark.slow


class Workers:
    """Workers on topics of one's own, each with its words."""

    def __init__(self, broker: Broker, prefix: str, folder: Path) -> None:
        self.hands: list[Hand] = []
        self._folder = folder
        self._options = ["--brokers", broker.address(), "--partitions", str(PARTITIONS), "--session-s", str(SESSION_S)]
        self.env = {"SPENDWARDEN_KAFKA_TOPIC_PREFIX": prefix, "SPENDWARDEN_KAFKA_REQUEST_TIMEOUT_MS": "5000"}

    def begun(self, name: str, *options: str) -> Hand:
        hand = Hand(name, self._folder, [*self._options, *options], self.env)
        self.hands.append(hand)
        hand.start()
        return hand

    async def until(self, what: Callable[[], object]) -> float:
        """Seconds that it took."""
        began_s = time.monotonic()
        while not what():
            assert time.monotonic() - began_s < PATIENCE_S, "\n".join(hand.words() for hand in self.hands)
            await asyncio.sleep(0.02)
        return time.monotonic() - began_s

    async def ended(self, hand: Hand) -> str:
        """What a process that must end by itself says, with exit code 1."""
        await self.until(lambda: hand.exit_code is not None)
        assert hand.exit_code == 1, hand.words()
        assert "Traceback" not in hand.words()
        return hand.words()


@pytest.fixture
def workers(broker: Broker, prefix: str, tmp_path: Path) -> Iterator[Workers]:
    made = Workers(broker, prefix, tmp_path)
    yield made
    for hand in made.hands:
        hand.kill()


@pytest.fixture
async def cluster(broker: Broker, connect: Callable[..., Cluster]) -> Cluster:
    """The topics are there."""
    found = connect(broker)
    await make(found, topics(found.settings.topic_prefix, PARTITIONS, 1), 1)
    return found


def test_nothing_is_lost_or_repeated_under_fire(tmp_path: Path) -> None:
    figures = {figure.name: figure for figure in soaked(tmp_path, Plan(records=3_000, seconds=16, workers=2, seed=4))}
    assert [name for name, figure in figures.items() if figure.must and not figure.met] == []
    assert figures["events at the receiver"].value > 0
    assert figures["repeats heard"].value > 300
    assert sum(figure.value for name, figure in figures.items() if name.startswith("strikes")) >= 4


async def test_a_stop_hands_over_at_once(cluster: Cluster, workers: Workers) -> None:
    first, second = workers.begun("first"), workers.begun("second")
    await workers.until(lambda: first.holds and second.holds and first.holds | second.holds == set(range(PARTITIONS)) and not first.holds & second.holds)
    assert await first.stop() == 0
    assert first.stops_s[0] < SOON_S
    assert await workers.until(lambda: second.holds == set(range(PARTITIONS))) < 2.0, "not only after the session"


async def test_a_static_worker_that_is_killed_and_restarted_keeps_its_partitions(cluster: Cluster, workers: Workers) -> None:
    first, second = (workers.begun(name, "--static", "--session-s", "20") for name in ("first", "second"))
    await workers.until(lambda: len(first.holds) == len(second.holds) == 1 and first.holds != second.holds)
    held, heard, again = first.holds, second.said("leased"), first.said("leased")
    first.kill()
    first.start()
    await workers.until(lambda: first.said("leased") > again)
    assert first.holds == held
    assert second.said("leased") == heard, "the other one was disturbed"


async def test_two_static_workers_of_one_id_are_told_so(cluster: Cluster, workers: Workers) -> None:
    first = workers.begun("same", "--static")
    await workers.until(lambda: first.holds)
    second = workers.begun("same", "--static")
    await workers.until(lambda: first.exit_code is not None or second.exit_code is not None)
    ended = first if first.exit_code is not None else second
    assert "another worker is started as --static under the same --id same" in await workers.ended(ended)


async def test_missing_topics_are_named(broker: Broker, connect: Callable[..., Cluster], workers: Workers, prefix: str) -> None:
    cluster = connect(broker)
    all_topics = topics(prefix, PARTITIONS, 1)
    await make(cluster, [topic for topic in all_topics if topic.name != prefix + WARDEN_LEASE], 1)
    said = await workers.ended(workers.begun("first"))
    assert f"{prefix}{WARDEN_LEASE}: is missing" in said
    assert f"spendwarden topics --brokers {broker.address()}" in said


async def test_a_snapshot_of_a_newer_program_ends_an_older_one(cluster: Cluster, workers: Workers) -> None:
    writer = Writer("meter-1", KafkaSnapshots(cluster), epoch=1, nonce=7)
    await KafkaLog(cluster).append(STREAM, 1, [encode(Usage(id="a", time=time.time(), agent="indexer", cost_usd="1"))])
    await writer.write(VERSION + 1, 1, {"meter.": b"what an older program cannot know"})
    said = await workers.ended(workers.begun("first"))
    assert f"meter-1: its snapshot has version {VERSION + 1}, this program reads up to {VERSION}; start the newer program" in said
