"""The live service killed with SIGKILL at random moments while it is fed over HTTP: nothing lost, nothing repeated, the same decisions."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from service.folder import LOGS
from service.log.sqlite import SqliteLog
from tests.bench import aftermath
from tests.bench.figures import Figure, exactly, quantile
from tests.bench.siege import besiege


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="an empty folder to leave everything in")


def run(asked: argparse.Namespace) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="spendwarden-kill-") as made:
        return killed(asked.keep or Path(made), asked.kills, asked.seed)


def killed(folder: Path, kills: int, seed: int) -> list[Figure]:
    """One siege and its aftermath; what is wrong goes to standard error, its number into the figures."""
    live, siege = asyncio.run(besiege(folder, kills, seed))
    counts = aftermath.settle(live.data)
    log = SqliteLog(live.data / LOGS, aftermath.never)
    repetition = aftermath.repeated(log)
    asked = {
        "totals, books and counts that differ from the truth": aftermath.totals_wrong(live.data, siege, counts)
        + aftermath.differences("journal's replay", repetition.spend_by("agent"), siege.truth),
        "bytes of the transcript that its journal's replay prints otherwise": aftermath.transcript_wrong(live.data, "--data", str(live.data)),
        "findings, incidents and lines unlike an undisturbed run's": aftermath.decisions_wrong(log, repetition.wardens[0].reach_ms),
        "orders said twice, changed, or that nobody decided": aftermath.orders_wrong(log, siege),
    }
    undelivered = aftermath.orders_undelivered(log, siege)
    log.close()
    for name, wrong in asked.items():
        for each in wrong[:5]:
            print(f"{name}: {each}", file=sys.stderr)
    return [
        Figure("kills", siege.kills, "", f"= {kills}", siege.kills == kills, must=True),
        Figure("kills of a service that was ready", siege.kills_ready, ""),
        Figure("from the start to ready, p50", quantile(siege.ready_s, 0.5), "s"),
        Figure("from the start to ready, max", max(siege.ready_s, default=0.0), "s"),
        Figure("batches", siege.batches, ""),
        Figure("batches sent again", siege.sent_again, "times"),
        Figure("records acknowledged", siege.records, ""),
        Figure("repeats heard", counts["duplicates"], ""),
        Figure("events at the receiver", len(siege.told), ""),
        Figure("events it heard twice under one id", sum(n - 1 for n in siege.told.values()), ""),
        Figure("orders that never came (overtaken, or waiting at the end)", undelivered, ""),
        *[exactly(name, len(wrong)) for name, wrong in asked.items()],
    ]
