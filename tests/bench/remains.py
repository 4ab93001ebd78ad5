"""What a service on Kafka has left behind, taken out of its topics, and the questions that only it raises."""

from __future__ import annotations

import asyncio
from pathlib import Path

from service.facts import Notice, Order, Receipt, decode_journal
from service.log import snapshot
from service.log.blocking import complete
from service.log.kafka import Cluster, KafkaLog, KafkaSnapshots
from service.log.memory import MemoryLog
from service.log.ports import CONTROLS, JOURNAL, OUTBOX, STREAM
from service.replay.journal import Repetition
from service.replay.outbox import decided
from service.settings import KafkaSettings
from service.warden.fold import fold
from service.warden.snapshot import dump, load
from tests.bench import aftermath
from tests.bench.aftermath import ALL, command, differences, never
from tests.bench.fire import PARTITIONS, Fire
from tests.kafka.broker import Addressed

READ_ROWS = 5_000


def taken_out(broker: Addressed) -> tuple[MemoryLog, snapshot.Newest]:
    """Stream, journal, outbox and the newest policy as they lie there, and the warden's last snapshot."""
    cluster = Cluster(KafkaSettings(brokers=broker.address()))
    try:
        return asyncio.run(_logs(KafkaLog(cluster))), asyncio.run(snapshot.newest("warden-0", KafkaSnapshots(cluster)))
    finally:
        cluster.close()


async def _logs(log: KafkaLog) -> MemoryLog:
    found = MemoryLog(never)
    for topic, partitions in ((STREAM, PARTITIONS), (JOURNAL, 1), (OUTBOX, 1)):
        for partition in range(partitions):
            await _copy(log, found, topic, partition, 0)
    await _copy(log, found, CONTROLS, 0, (await log.span(CONTROLS, 0))[1] - 1)  # it is compacted: only the newest row is sure to be there
    return found


async def _copy(log: KafkaLog, found: MemoryLog, topic: str, partition: int, offset: int) -> None:
    found.begin(topic, partition, offset)
    end = (await log.span(topic, partition))[1]
    while offset < end:
        rows = await log.read(topic, partition, offset, READ_ROWS)
        for row in rows:
            found.place(topic, partition, row)
        offset = rows[-1].offset + 1


def totals_wrong(log: MemoryLog, kept: snapshot.Newest, repetition: Repetition, fire: Fire) -> list[str]:
    """Nothing lost, nothing repeated: in the journal's own replay, in the state that workers handed on to each other, in the meters' counts."""
    assert kept.parts is not None, "the warden has never saved"
    handed_on = load(kept.parts)
    fold(handed_on, ((row.offset, row.arrival_ms, decode_journal(row.value)) for row in complete(log.read(JOURNAL, 0, kept.offset, ALL))))
    found, right = dump(handed_on), dump(repetition.wardens[0])
    wrong = differences("journal's replay", repetition.spend_by("agent"), fire.truth)
    wrong += [
        f"the warden that was handed on differs from the journal's replay in {part}" for part in found.keys() | right if found.get(part) != right.get(part)
    ]
    counts = repetition.counts()
    accepted = sum(each.accepted for each in counts)
    wrong += [] if accepted == fire.records else [f"{fire.records:,} records were sent, {accepted:,} are counted once"]
    for name in ("conflicts", "unpriced", "repeats_forgotten", "unchecked"):
        found = sum(getattr(each, name) for each in counts)
        wrong += [f"{name} = {found}"] if found else []
    return wrong


def transcript_wrong(folder: Path, broker: Addressed) -> list[str]:
    """What the live wardens said, each decision once, must be what the replay of their journal says, byte for byte."""
    journal, brokers = folder / "journal.jsonl.gz", ("--brokers", broker.address())
    command("export", "--what", "journal", "--out", str(journal), *brokers)
    return aftermath.transcript_wrong(journal, *brokers)


async def _decisions(log: MemoryLog) -> list[Order | Notice]:
    return [item async for decisions in decided(log) for item in decisions if isinstance(item, Order | Notice)]


def untold(log: MemoryLog, fire: Fire) -> tuple[list[str], int]:
    """Orders and notices that neither arrived nor ended in a receipt that says why; how many ended so."""
    receipts = {item.id: item.state for row in complete(log.read(JOURNAL, 0, 0, ALL)) if isinstance(item := decode_journal(row.value), Receipt)}
    missing = [item for item in complete(_decisions(log)) if item.id not in fire.told and not (isinstance(item, Order) and item.mode == "observe")]
    ended = [item for item in missing if receipts.get(item.id) in {"expired", "failed"}]
    return [f"{item.id} of {item.time_ms} never arrived, receipt: {receipts.get(item.id)}" for item in missing if item not in ended], len(ended)
