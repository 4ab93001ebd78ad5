"""The service on a real Kafka under fire: fed at a steady pace, its workers and broker struck every few seconds, until all is decided.

The truth is known to the nano-dollar: whatever could not be appended is appended again, and some records are sent again on purpose.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, time_ns
from typing import Final, NamedTuple

from service.facts import Envelope, decode_journal, encode
from service.intake.partition import partition_of, root_of
from service.log.kafka import Cluster, KafkaLog
from service.log.ports import JOURNAL, STREAM, LogError
from service.records import Record
from service.settings import KafkaSettings
from tests.bench.crew import Crew, spendwarden
from tests.bench.live import ROOT, receiver
from tests.bench.siege import POLICY, REPEATED_FROM, Siege, records, stamped
from tests.bench.strikes import SESSION_S, Strikes
from tests.kafka.broker import Broker

PARTITIONS: Final = 12
SOURCES: Final = 6
FEED_EVERY_S: Final = 0.05
REPEATS: Final = 0.25  # for each record that is new: a fifth of all that is sent
TELL_EVERY_S: Final = 10.0
ALL_DECIDED_WITHIN_S: Final = 300.0
QUIET_S: Final = 4.0
RETRY_S: Final = 0.2
LOOK_S: Final = 0.5


class Plan(NamedTuple):
    """How much of it: distinct records, over so many seconds, on so many workers."""

    records: int
    seconds: float
    workers: int = 3
    seed: int = 1


@dataclass
class Fire(Siege):
    """A siege of workers; `strikes` by name, `ends` of processes by exit code, `stops_s` how long each stop took."""

    repeated: int = 0
    strikes: dict[str, int] = field(default_factory=dict)
    ends: dict[int, int] = field(default_factory=dict)
    stops_s: list[float] = field(default_factory=list)
    behind_s: list[float] = field(default_factory=list)
    decided_s: float = 0.0


async def under_fire(folder: Path, broker: Broker, plan: Plan) -> Fire:
    """All of it; at the end everything sent was decided and every worker was stopped in peace."""
    fire, chance = Fire(), random.Random(plan.seed)
    async with receiver(fire.event) as port:
        policy = folder / "policy.yaml"
        policy.write_text(_policy(plan, port))
        await asyncio.to_thread(_topics, broker)
        options = ["--brokers", broker.address(), "--policy", str(policy), "--session-s", str(SESSION_S)]
        crew = Crew([f"worker-{n + 1}" for n in range(plan.workers)], folder, options)
        cluster = Cluster(KafkaSettings(brokers=broker.address()))
        crew.start()
        try:
            await _fight(KafkaLog(cluster), crew, Strikes(crew, broker, chance), fire, plan)
        finally:
            crew.kill()
            cluster.close()
    return fire


async def _fight(log: KafkaLog, crew: Crew, strikes: Strikes, fire: Fire, plan: Plan) -> None:
    watch = Watch(log)
    supervising, telling = asyncio.create_task(crew.supervise()), asyncio.create_task(_tell(watch, fire, strikes, crew))
    try:
        await _until(watch, 1)  # what lies in the stream before the first policy does is metered by none
        striking = asyncio.create_task(strikes.strike())
        try:
            await _feed(log, fire, plan, striking)
        finally:
            striking.cancel()
            await asyncio.gather(striking, return_exceptions=True)
        began_s = monotonic()
        await _decided(watch, fire, time_ns() // 1_000_000)
        fire.decided_s = monotonic() - began_s
    finally:
        for task in (telling, supervising):
            task.cancel()
        await asyncio.gather(telling, supervising, return_exceptions=True)
    await crew.stop()
    fire.strikes, fire.ends = dict(strikes.done), dict(crew.ends)
    fire.stops_s = [seconds for hand in crew.hands for seconds in hand.stops_s]


def _topics(broker: Broker) -> None:
    words = spendwarden("topics", "--brokers", broker.address(), "--partitions", str(PARTITIONS))
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)


def _policy(plan: Plan, port: int) -> str:
    """The siege's, with limits as large as what is fed and no pause rationed."""
    grown = max(1, plan.records // 20_000)
    policy = POLICY.replace("PORT", str(port)).replace("per_hour: 1000", "per_hour: 1000000")
    for limit in (40, 30, 500):
        policy = policy.replace(f"limit_usd: {limit},", f"limit_usd: {limit * grown},")
    return policy


async def _feed(log: KafkaLog, fire: Fire, plan: Plan, striking: asyncio.Task[None]) -> None:
    """Rows at a steady pace; what came late because nobody took it is made up for."""
    chance = random.Random(f"{plan.seed} feed")
    sources = [records(random.Random(f"{plan.seed} {n}"), f"f{n}") for n in range(SOURCES)]
    sent: list[Record] = []
    began_s = monotonic()
    while fire.records < plan.records:
        if striking.done():
            striking.result()
        due = min(plan.records, int(plan.records * (monotonic() - began_s) / plan.seconds))
        batch = [stamped(next(sources[n % SOURCES]), fire) for n in range(fire.records, min(due, fire.records + 5_000))]
        again = [chance.choice(sent) for _ in batch if sent and chance.random() < REPEATS]
        sent += batch
        del sent[:-REPEATED_FROM]
        if batch:
            fire.batches += 1
            fire.repeated += len(again)
            await _until_appended(log, [*batch, *again], fire)
        await asyncio.sleep(FEED_EVERY_S)


async def _until_appended(log: KafkaLog, rows: Iterable[Record], fire: Fire) -> None:
    batches = defaultdict[int, list[bytes]](list)
    for record in rows:
        batches[partition_of(record.tenant, root_of(record), PARTITIONS)].append(encode(record))
    while True:
        try:
            await log.append_many(STREAM, batches)
        except LogError:
            fire.sent_again += 1
            await asyncio.sleep(RETRY_S)
        else:
            return


class Watch:
    """How far the journal says that the meters have heard, and how many records they have counted once."""

    def __init__(self, log: KafkaLog) -> None:
        self.marks: dict[int, int] = {}
        self.accepted: dict[int, int] = {}
        self.rows = 0
        self._log, self._lock = log, asyncio.Lock()

    async def look(self) -> None:
        """Reads what is new."""
        async with self._lock:
            while rows := await self._log.read(JOURNAL, 0, self.rows, 1_000):
                self.rows = rows[-1].offset + 1
                for row in rows:
                    item = decode_journal(row.value)
                    if isinstance(item, Envelope) and item.mark_ms > self.marks.get(item.partition, 0):
                        self.marks[item.partition], self.accepted[item.partition] = item.mark_ms, item.counts.accepted

    @property
    def reach_ms(self) -> int:
        """The least mark of all partitions."""
        return min(self.marks.values()) if len(self.marks) == PARTITIONS else 0


async def _tell(watch: Watch, fire: Fire, strikes: Strikes, crew: Crew) -> None:
    """A line now and then."""
    began_s = monotonic()
    while True:
        await asyncio.sleep(TELL_EVERY_S)
        try:
            await watch.look()
        except LogError:
            continue
        behind_s = max(0.0, time_ns() / 1e9 - watch.reach_ms / 1e3) if watch.reach_ms else 0.0
        fire.behind_s.append(behind_s)
        done = ", ".join(f"{name} {count}" for name, count in sorted(strikes.done.items()))
        ends = ", ".join(f"{code}: {count}" for code, count in sorted(crew.ends.items()))
        print(
            f"{monotonic() - began_s:5.0f} s  sent {fire.records:,} + {fire.repeated:,} again, counted {sum(watch.accepted.values()):,}, "
            f"behind {behind_s:.1f} s, heard {sum(fire.told.values()):,} events; {done or 'nothing done yet'}; ended {ends or 'none'}",
            file=sys.stderr,
            flush=True,
        )


async def _until(watch: Watch, reach_ms: int) -> None:
    """Until all partitions have been heard so far."""
    ends_s = monotonic() + ALL_DECIDED_WITHIN_S
    while watch.reach_ms < reach_ms:
        assert monotonic() < ends_s, f"not all is heard: {sum(watch.accepted.values()):,} records counted, marks {watch.marks}, must be {reach_ms}"
        await asyncio.sleep(LOOK_S)
        await watch.look()


async def _decided(watch: Watch, fire: Fire, last_ms: int) -> None:
    """Until all that was sent is heard, and the receiver has heard nothing new for a while."""
    await _until(watch, last_ms + 2_000)
    heard = -1
    while heard != (told := sum(fire.told.values())):
        heard = told
        await asyncio.sleep(QUIET_S)
