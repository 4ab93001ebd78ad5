"""Produced into Kafka -> order accepted by a receiver: runs that cross their cap, hidden in ordinary load, one worker that does all of it.

Records go into the producers' topic, whatever partition a client's batch happens to get; the clock starts when the client is handed
the batch. Intake, meter, warden and couriers are the one worker's, which shares the machine with the broker and with this producer.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from time import perf_counter, time
from typing import Final

import msgspec

from service.log.kafka import Cluster, KafkaLog
from service.log.kafka.topics import IN
from tests.bench.backlog import PARTITIONS, ready, ruled
from tests.bench.crew import Crew
from tests.bench.figures import Figure, below, quantile
from tests.bench.kafka import brokers, cluster_of
from tests.bench.latency import LIVE_POLICY, RUNAWAY, RUNAWAY_EVERY_S, WARM_S, Watch, runaway
from tests.bench.live import receiver
from tests.bench.race import leased
from tests.bench.reading import killed
from tests.bench.stages import heard_of, stages_of
from tests.bench.traffic import DENSE, lines
from tests.kafka.broker import Broker

RATES: Final = (200, 2_000, 20_000)
GOAL_MS: Final = 500
GOAL_AT: Final = 2_000
BATCH_S: Final = 0.01

Batch = tuple[str, list[bytes]]  # with the name of a run that crosses its cap in it, or none


def run(asked: argparse.Namespace) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="spendwarden-latency-") as made, brokers(Path(made)) as broker:
        rates = () if asked.only == "killed" else asked.rates or RATES
        figures = [figure for rate in rates for figure in asyncio.run(_rate(broker, Path(made), rate, asked.seconds))]
        if asked.ids and asked.only != "rates":
            figures += asyncio.run(killed(broker, Path(made), asked.ids))
        return figures


async def _rate(broker: Broker, folder: Path, rate: int, seconds: float) -> list[Figure]:
    watch, sent_ms = Watch(), dict[str, float]()
    with cluster_of(broker, f"at-{rate}.") as cluster:
        log = KafkaLog(cluster)
        async with receiver(watch.event) as port:
            await ready(cluster)
            await ruled(log, LIVE_POLICY.replace("PORT", str(port)))
            crew = Crew(["worker-1"], folder / f"at-{rate}", ["--brokers", broker.address()], {"SPENDWARDEN_KAFKA_TOPIC_PREFIX": f"at-{rate}."})
            crew.start()
            try:
                batches = list(_batches(rate, WARM_S + seconds))
                await leased(crew)
                await _produce(cluster, batches, watch, sent_ms)
                await watch.all_obeyed()
                await crew.stop()
            finally:
                crew.kill()
        heard = await heard_of(log, RUNAWAY)
        stages = {"producer -> stream": [heard[name] - at for name, at in sent_ms.items() if name in heard], **await stages_of(log, RUNAWAY)}
    return _figures(rate, watch, stages)


def _batches(rate: int, seconds: float) -> Iterator[Batch]:
    """Ten milliseconds of load each; a record's time is when it will be sent, a repeated one's that of the first time."""
    size = max(1, round(rate * BATCH_S))
    source, stamped, runaway_at, began_s = lines(DENSE), dict[bytes, bytes](), WARM_S, time()
    for number in range(int(seconds * rate / size)):
        due_s, name = number * size / rate, ""
        records = [stamped.setdefault(raw, _at(raw, began_s + due_s)) for raw in islice(source, size)]
        if due_s >= runaway_at:
            runaway_at += RUNAWAY_EVERY_S
            name = f"bench-{number}"
            records += [_at(raw, began_s + due_s) for raw in runaway(name, number)]
        yield name, records


def _at(raw: bytes, time_s: float) -> bytes:
    return msgspec.json.encode({**msgspec.json.decode(raw), "time": round(time_s, 3)})


async def _produce(cluster: Cluster, batches: list[Batch], watch: Watch, sent_ms: dict[str, float]) -> None:
    """Each when its time has come, whether or not the ones before are acknowledged."""
    chance, due_s = random.Random(1), perf_counter()
    async with asyncio.TaskGroup() as sends:
        for name, records in batches:
            await asyncio.sleep(max(0.0, due_s - perf_counter()))
            due_s += BATCH_S
            if name:
                watch.accepted[name], sent_ms[name] = perf_counter(), time() * 1000
            partition = chance.randrange(PARTITIONS)
            sends.create_task(_send(cluster, partition, records, watch))


async def _send(cluster: Cluster, partition: int, records: list[bytes], watch: Watch) -> None:
    started = perf_counter()
    await cluster.append(cluster.settings.topic_prefix + IN, {partition: [(None, raw) for raw in records]})
    watch.answers.append(perf_counter() - started)


def _figures(rate: int, watch: Watch, stages: dict[str, list[float]]) -> list[Figure]:
    took = [1000 * (watch.obeyed[name] - at) for name, at in watch.accepted.items() if name in watch.obeyed]
    label = f"{rate:,}/s"
    p99 = quantile(took, 0.99)
    figures = [
        Figure(
            f"{label}: pauses, of as many caps crossed", float(len(took)), f"of {len(watch.accepted)}", "all", len(took) == len(watch.accepted) > 0, must=True
        ),
        Figure(f"{label}: produced -> order accepted, p50", quantile(took, 0.5), "ms"),
        below(f"{label}: produced -> order accepted, p99", p99, "ms", GOAL_MS)
        if rate == GOAL_AT
        else Figure(f"{label}: produced -> order accepted, p99", p99, "ms"),
        Figure(f"{label}: produced -> order accepted, max", max(took, default=0.0), "ms"),
        Figure(f"{label}: the broker's own answer, p99", 1000 * quantile(watch.answers, 0.99), "ms"),
    ]
    for name, values in stages.items():
        figures += [Figure(f"{label}: of it {name}, p50", quantile(values, 0.5), "ms"), Figure(f"{label}: of it {name}, p99", quantile(values, 0.99), "ms")]
    return figures
