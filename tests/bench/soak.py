"""Workers on a real Kafka struck every few seconds while they are fed: nothing lost, nothing repeated, the same decisions."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from service.replay.journal import Repetition
from tests.bench import aftermath, remains
from tests.bench.figures import Figure, exactly, quantile
from tests.bench.fire import Fire, Plan, under_fire
from tests.kafka.broker import Addressed, Broker, UnavailableError


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--records", type=int, default=1_000_000, help="distinct ones; a quarter as many are sent again")
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="an empty folder to leave everything in")


def run(asked: argparse.Namespace) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="spendwarden-soak-") as made:
        return soaked(asked.keep or Path(made), Plan(asked.records, asked.minutes * 60, asked.workers, asked.seed))


def soaked(folder: Path, plan: Plan) -> list[Figure]:
    """One fire and what remains of it; what is wrong goes to standard error, its number into the figures."""
    (folder / "broker").mkdir(parents=True)
    try:
        broker = Broker(folder / "broker")
    except UnavailableError as why:
        sys.exit(f"no Apache Kafka on this machine: {why}; it needs java (17) and mvn, and the first time the network")
    try:
        broker.wait()
        fire = asyncio.run(under_fire(folder, broker, plan))
        return judged(folder, broker, fire)
    finally:
        broker.kill()


def judged(folder: Path, broker: Addressed, fire: Fire) -> list[Figure]:
    """What its topics say."""
    log, kept = remains.taken_out(broker)
    repetition = aftermath.repeated(log)
    missing, ended = remains.untold(log, fire)
    asked = {
        "totals and counts that differ from the truth": remains.totals_wrong(log, kept, repetition, fire),
        "transcripts that the journal's replay prints otherwise": remains.transcript_wrong(folder, broker),
        "findings, incidents and lines unlike an undisturbed run's": aftermath.decisions_wrong(log, repetition.wardens[0].reach_ms),
        "orders said twice, changed, or that nobody decided": aftermath.orders_wrong(log, fire),
        "orders and notices that never came": missing,
    }
    for name, wrong in asked.items():
        for each in wrong[:5]:
            print(f"{name}: {each}", file=sys.stderr)
    return [
        *_told(fire, repetition),
        Figure("orders and notices overtaken, expired or given up", ended, ""),
        *[exactly(name, len(wrong)) for name, wrong in asked.items()],
    ]


def _told(fire: Fire, repetition: Repetition) -> list[Figure]:
    return [
        Figure("records sent", fire.records, ""),
        Figure("of them sent again on purpose", fire.repeated, ""),
        Figure("repeats heard", sum(counts.duplicates for counts in repetition.counts()), ""),
        Figure("batches appended again", fire.sent_again, "times"),
        *[Figure(f"strikes: {name}", count, "") for name, count in sorted(fire.strikes.items())],
        *[Figure(f"processes that ended with {code}", count, "") for code, count in sorted(fire.ends.items())],
        Figure("from SIGTERM to the end of the process, p50", quantile(fire.stops_s, 0.5), "s"),
        Figure("from SIGTERM to the end of the process, max", max(fire.stops_s, default=0.0), "s"),
        Figure("decisions behind the clock, p50", quantile(fire.behind_s, 0.5), "s"),
        Figure("decisions behind the clock, max", max(fire.behind_s, default=0.0), "s"),
        Figure("events at the receiver", len(fire.told), ""),
        Figure("events it heard twice under one id", sum(n - 1 for n in fire.told.values()), ""),
    ]
