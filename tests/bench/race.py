"""Workers on a backlog, from the first lease to the envelope that says all of it was heard."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from time import monotonic, time
from typing import Final

from service.facts import Envelope, decode_journal
from service.log.kafka import Cluster, KafkaLog
from service.log.ports import JOURNAL
from tests.bench.crew import Crew, Hand
from tests.bench.rivals import Run

LOOK_S: Final = 0.1
ENDS_WITHIN_S: Final = 300.0
TICKS: Final = os.sysconf("SC_CLK_TCK")


async def raced(cluster: Cluster, workers: int, records: int, folder: Path) -> Run:
    """So many workers at once; they are stopped in the end. The broker and this process share the machine's cores with them."""
    options = ["--brokers", cluster.settings.brokers]
    crew = Crew([f"worker-{n + 1}" for n in range(workers)], folder, options, {"SPENDWARDEN_KAFKA_TOPIC_PREFIX": cluster.settings.topic_prefix})
    crew.start()
    try:
        await leased(crew)
        began_s, spent_s = time(), sum(map(cpu_s, crew.hands))
        ended_s = await heard(KafkaLog(cluster), crew, records)
        run = Run(records, ended_s - began_s, sum(map(cpu_s, crew.hands)) - spent_s)
        await crew.stop()
    finally:
        crew.kill()
    return run


async def leased(crew: Crew) -> None:
    """Until one of them has partitions for the first time."""
    while not any(hand.said("leased") for hand in crew.hands):
        _running(crew)
        await asyncio.sleep(0.02)


async def heard(log: KafkaLog, crew: Crew, records: int) -> float:
    """When the journal said last that something of the backlog was heard; Unix seconds by the broker's clock, which is this machine's."""
    counts, offset, ends_s = dict[int, int](), 0, monotonic() + ENDS_WITHIN_S
    while True:
        for row in await log.read(JOURNAL, 0, offset, 1_000):
            offset, item = row.offset + 1, decode_journal(row.value)
            if isinstance(item, Envelope) and item.mark_ms:
                counts[item.partition] = max(item.counts.records, counts.get(item.partition, 0))
                if sum(counts.values()) >= records:
                    return row.arrival_ms / 1000
        _running(crew)
        assert monotonic() < ends_s, f"not all was heard: {sum(counts.values()):,} of {records:,}"
        await asyncio.sleep(LOOK_S)


def _running(crew: Crew) -> None:
    for hand in crew.hands:
        assert hand.exit_code is None, hand.output.read_text()[-3_000:]


def cpu_s(hand: Hand) -> float:
    """What the process has used so far, all threads."""
    user, system = Path(f"/proc/{hand.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / TICKS
