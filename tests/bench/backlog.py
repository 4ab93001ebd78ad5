"""A backlog in the topics of a worker that has not begun yet: the policy first, then records as they come at the traffic's own rate."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from time import monotonic, time
from typing import Final, TypeAlias

import msgspec

from service.engine.published import publish
from service.facts import encode
from service.intake import Refusal
from service.intake.native import parse
from service.intake.partition import partition_of, root_of
from service.log.kafka import Cluster, KafkaLog, make, topics
from service.log.kafka.topics import Topic
from service.log.ports import JOURNAL, STREAM
from service.policy import load
from tests.bench.traffic import DENSE, POLICY, START_S

PARTITIONS: Final = 12
PIECE: Final = 2_000

Piece: TypeAlias = dict[int, list[bytes]]


async def laid(cluster: Cluster, path: Path) -> None:
    """Makes the topics under the cluster's prefix and fills the stream with the records of a file of `traffic`."""
    log = KafkaLog(cluster)
    await ready(cluster)
    await ruled(log)
    pieces = list(_pieces(path, time() - START_S))
    began_s = monotonic()
    for number, piece in enumerate(pieces):
        await asyncio.sleep(began_s + number * PIECE * DENSE.gap_s - monotonic())
        await log.append_many(STREAM, piece)


async def ready(cluster: Cluster) -> None:
    """The service's topics under the cluster's prefix."""
    await make(cluster, topics(cluster.settings.topic_prefix, PARTITIONS, 1), 1)


async def ruled(log: KafkaLog, text: str = POLICY) -> None:
    """Publishes a policy, and copies it into stream and journal as an owner would: what lies before it is metered by none."""
    newest = encode(await publish(log, load(text), round(time() * 1000)))
    await log.append_many(STREAM, {partition: [newest] for partition in range(PARTITIONS)})
    await log.append(JOURNAL, 0, [newest])


def _pieces(path: Path, later_s: float) -> Iterator[Piece]:
    """By partition, each record's time moved to the present; the parsing was done by whoever wrote into a real stream."""
    with path.open("rb") as lines:
        while raws := list(islice(lines, PIECE)):
            piece: Piece = defaultdict(list)
            for raw in raws:
                record = parse(raw)
                assert not isinstance(record, Refusal), record
                assert isinstance(record.time, float)
                moved = msgspec.structs.replace(record, time=round(record.time + later_s, 4))
                piece[partition_of(moved.tenant, root_of(moved), PARTITIONS)].append(encode(moved))
            yield piece


async def laid_as_json(cluster: Cluster, path: Path, name: str) -> None:
    """The same records as they are in the file, in a topic of as many partitions, keyed by agent: what the rivals' sums are kept by."""
    await make(cluster, [Topic(name, PARTITIONS, {})], 1)
    with path.open("rb") as lines:
        while raws := [raw.rstrip() for raw in islice(lines, PIECE)]:
            await cluster.append(name, _keyed(raws))


def _keyed(raws: Sequence[bytes]) -> dict[int, list[tuple[bytes | None, bytes | None]]]:
    batches = defaultdict[int, list[tuple[bytes | None, bytes | None]]](list)
    for raw in raws:
        agent = msgspec.json.decode(raw).get("agent", "")
        batches[partition_of("", agent, PARTITIONS)].append((agent.encode(), raw))
    return batches
