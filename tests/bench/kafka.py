"""One worker with everything on against three stream engines that only do a windowed sum, from a backlog on one real Kafka; then 1, 2, 3 workers.

Rounds are interleaved and the median is told. The rivals are fetched by `pip` into virtual environments in the user's cache folder.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

from service.log.kafka import Cluster
from service.settings import KafkaSettings
from tests.bench import rivals
from tests.bench.backlog import PARTITIONS, laid, laid_as_json
from tests.bench.figures import Figure, at_least
from tests.bench.race import raced
from tests.bench.rivals import PINNED, Run
from tests.bench.traffic import DENSE, cached
from tests.kafka.broker import Broker, UnavailableError

GOAL_PER_S: Final = 50_000
OURS: Final = "spendwarden"
JSON_TOPIC: Final = "rivals"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--records", type=int, default=600_000, help="of the dense traffic")
    parser.add_argument("--rounds", type=int, default=3, help="of each, interleaved; the median counts")
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2, 3], help="how many on one backlog, one after the other; none: only the rivals")
    parser.add_argument("--alone", action="store_true", help="without the rivals")
    parser.add_argument("--keep", type=Path, help="an empty folder to leave what the workers say in")


def run(asked: argparse.Namespace) -> list[Figure]:
    path = cached("dense", DENSE, asked.records)
    with tempfile.TemporaryDirectory(prefix="spendwarden-kafka-") as made, brokers(Path(made)) as broker:
        return _contest(asked, broker, path, asked.keep or Path(made))


@contextmanager
def brokers(folder: Path) -> Iterator[Broker]:
    """One real Kafka for a bench; ends the program with a line that says why where there can be none."""
    (folder / "broker").mkdir(parents=True)
    try:
        broker = Broker(folder / "broker")
    except UnavailableError as why:
        sys.exit(f"no Apache Kafka on this machine: {why}; it needs java (17) and mvn, and the first time the network")
    try:
        broker.wait()
        yield broker
    finally:
        broker.kill()


@contextmanager
def cluster_of(broker: Broker, prefix: str) -> Iterator[Cluster]:
    """Its topics under that prefix."""
    cluster = Cluster(KafkaSettings(brokers=broker.address(), topic_prefix=prefix))
    try:
        yield cluster
    finally:
        cluster.close()


def _contest(asked: argparse.Namespace, broker: Broker, path: Path, folder: Path) -> list[Figure]:
    names = [] if asked.alone else list(PINNED)
    runs, absent = defaultdict[str, list[Run]](list), dict[str, str]()
    if names:
        with cluster_of(broker, "") as cluster:
            asyncio.run(laid_as_json(cluster, path, JSON_TOPIC))
    for number in range(asked.rounds):
        runs[OURS].append(_ours(broker, path, asked.records, 1, folder / f"round-{number}"))
        _tell(OURS, runs[OURS][-1])
        for name in [name for name in names if name not in absent]:
            try:
                runs[name].append(rivals.run(name, broker.address(), JSON_TOPIC, asked.records, PARTITIONS))
                _tell(name, runs[name][-1])
            except rivals.UnavailableError as why:
                absent[name] = str(why)
                print(f"{name}: {why}", file=sys.stderr)
    many = {count: _ours(broker, path, asked.records, count, folder / f"crew-{count}") for count in asked.workers}
    pace = {name: _pace(runs[name]) if name not in absent else None for name in (OURS, *names)}
    if asked.json and names:
        print(json.dumps({name: each and round(each) for name, each in pace.items()}))
    return [*_against(runs, absent, names), *_crews(many)]


def _ours(broker: Broker, path: Path, records: int, workers: int, folder: Path) -> Run:
    with cluster_of(broker, f"{folder.name}.") as cluster:
        asyncio.run(laid(cluster, path))
        return asyncio.run(raced(cluster, workers, records, folder))


def _tell(name: str, run: Run) -> None:
    print(f"{name}: {run.records:,} records, {run.per_s:,.0f}/s, {run.per_cpu_s:,.0f} per CPU second", file=sys.stderr, flush=True)


def _pace(runs: list[Run]) -> float:
    return median(run.per_s for run in runs)


def _against(runs: dict[str, list[Run]], absent: dict[str, str], names: list[str]) -> list[Figure]:
    ours = runs[OURS]
    figures = [
        at_least("one worker, everything on, per CPU second", median(run.per_cpu_s for run in ours), "records/s", GOAL_PER_S),
        Figure("one worker, everything on, by the clock", _pace(ours), "records/s"),
    ]
    for name in names:
        if name in absent:
            figures.append(Figure(f"{name}: not measured, {absent[name]}"[:120], float("nan"), "records/s"))
            continue
        figures += [
            Figure(f"{name}, windowed sum, by the clock", _pace(runs[name]), "records/s", "< the worker's", _pace(runs[name]) < _pace(ours)),
            Figure(f"{name}, windowed sum, per CPU second", median(run.per_cpu_s for run in runs[name]), "records/s"),
        ]
    return figures


def _crews(many: dict[int, Run]) -> list[Figure]:
    one = many[min(many)].per_s if many else 0.0
    return [
        figure
        for count, run in many.items()
        for figure in (
            Figure(f"{count} workers on one backlog, by the clock", run.per_s, "records/s"),
            Figure(f"{count} workers: as fast as the first of these", run.per_s / one, "times"),
            Figure(f"{count} workers: per CPU second of them all", run.per_cpu_s, "records/s"),
        )
    ]
