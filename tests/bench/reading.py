"""A worker that holds all partitions and a large state is killed and started again: how long until it reads each of them again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from time import time
from typing import Final

from service.engine.runner import SAVE_EVERY_MS
from service.facts import Envelope, decode_journal, encode
from service.intake.partition import partition_of, root_of
from service.log.kafka import KafkaLog
from service.log.ports import JOURNAL, STREAM
from service.records import Usage
from tests.bench.backlog import PARTITIONS, Piece, ready, ruled
from tests.bench.crew import Crew
from tests.bench.figures import Figure, below, quantile
from tests.bench.kafka import cluster_of
from tests.bench.race import heard
from tests.kafka.broker import Broker

SCOPES: Final = 10_000
SESSION_S: Final = 10.0  # a worker's own default
KILLS: Final = 3
AFTER_S: Final = 2.0
STATIC_GOAL_S: Final = 3
FEED_EVERY_S: Final = 0.05
WRITTEN_MS: Final = 50  # what a killed worker had sent may be stamped a little later
LOOK_S: Final = 0.02
ROWS_AT_ONCE: Final = 2_000


async def killed(broker: Broker, folder: Path, ids: int) -> list[Figure]:
    """Both kinds of workers, one after the other, on the same state."""
    prefix, figures = "killed.", list[Figure]()
    with cluster_of(broker, prefix) as cluster:
        log = KafkaLog(cluster)
        await ready(cluster)
        await ruled(log)
        for piece in _large(ids):
            await log.append_many(STREAM, piece)
        feeding = asyncio.create_task(_feed(log))
        for kind, options in (("plain", []), ("--static", ["--static"])):
            crew = Crew(["worker-1"], folder / f"killed-{kind}", ["--brokers", broker.address(), *options], {"SPENDWARDEN_KAFKA_TOPIC_PREFIX": prefix})
            crew.start()
            try:
                await heard(log, crew, ids)
                took_s = [await _again(log, crew) for _ in range(KILLS)]
                await crew.stop()
            finally:
                crew.kill()
            name = f"{kind} worker of {SCOPES:,} scopes, {ids:,} ids: killed -> reading again"
            goal_s = STATIC_GOAL_S if options else SESSION_S + AFTER_S
            figures += [below(f"{name}, p50 of {KILLS}", quantile(took_s, 0.5), "s", goal_s), below(f"{name}, max", max(took_s), "s", goal_s)]
        feeding.cancel()
    return figures


async def _again(log: KafkaLog, crew: Crew) -> float:
    """Killed at a moment when all was saved once, started again at once; seconds until each partition has said something new."""
    await asyncio.sleep(SAVE_EVERY_MS * 1.3 / 1000)
    offset = (await log.span(JOURNAL, 0))[1]
    (hand,) = crew.hands
    hand.kill()
    killed_ms = time() * 1000
    hand.start()
    first = dict[int, int]()
    while len(first) < PARTITIONS:
        assert hand.exit_code is None or time() * 1000 - killed_ms < WRITTEN_MS, hand.output.read_text()[-3_000:]
        for row in await log.read(JOURNAL, 0, offset, ROWS_AT_ONCE):
            offset, item = row.offset + 1, decode_journal(row.value)
            if isinstance(item, Envelope) and row.arrival_ms > killed_ms + WRITTEN_MS:
                first.setdefault(item.partition, row.arrival_ms)
        await asyncio.sleep(LOOK_S)
    return (max(first.values()) - killed_ms) / 1000


def _large(ids: int) -> Iterator[Piece]:
    """So many records, each of its own id, of SCOPES agents that all spend in the same few minutes."""
    for begin in range(0, ids, ROWS_AT_ONCE):
        piece, now_s = Piece(), round(time(), 3)
        for number in range(begin, min(ids, begin + ROWS_AT_ONCE)):
            _put(piece, Usage(id=f"id-{number:08d}", time=now_s, agent=f"agent-{number % SCOPES}", use_case="case-1", cost_usd="0.001"))
        yield piece


async def _feed(log: KafkaLog) -> None:
    """Twenty records a second for each partition, so that each has something to say."""
    number = 0
    while True:
        piece = Piece()
        while len(piece) < PARTITIONS:
            number += 1
            _put(piece, Usage(id=f"fed-{number}", time=round(time(), 3), agent=f"agent-{number % SCOPES}", use_case="case-1", cost_usd="0.001"))
        await log.append_many(STREAM, piece)
        await asyncio.sleep(FEED_EVERY_S)


def _put(piece: Piece, record: Usage) -> None:
    piece.setdefault(partition_of(record.tenant, root_of(record), PARTITIONS), []).append(encode(record))
