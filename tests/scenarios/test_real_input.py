"""Real traces, and a generated world built on some, replayed as files: nothing refused, exact totals with a fifth of it heard twice.

The data lies beside the project and is no part of it; where it is absent these tests are skipped and say so.
"""

from __future__ import annotations

import csv
import gzip
import json
import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from service.facts import PolicySet
from service.intake import Unknown
from service.policy import dump, load
from service.replay.engine import Engine
from service.replay.files import arrivals
from service.replay.run import Line, Tallies, finish, replay, summary_line

SHARED: Final = Path(__file__).resolve().parents[3] / "shared"
PRICED: Final = "prices: {overrides: [{model: traced, input: 2.5, cache_read: 0.25, output: 10.0}]}\n"

pytestmark = pytest.mark.skipif(not (SHARED / "data").is_dir(), reason=f"{SHARED}/data is absent: NO REAL INPUT WAS REPLAYED")


class Replayed(NamedTuple):
    """The transcript and its summary."""

    lines: list[Line]
    summary: Line

    def told(self) -> list[tuple[str, str, str, float]]:
        """Every budget line a notice told (incident, budget, member, percentage), in that order; the policies here have one receiver."""
        notices = [line for line in self.lines if line["type"] == "notice" and "budget" in line]
        return [(n["incident"], n["budget"], n["scope"]["name"], float(threshold)) for n in notices for threshold in n["thresholds"]]


def replayed(path: Path, policy: str) -> Replayed:
    chosen = load(policy)
    engine, seen = Engine(PolicySet(1, chosen.digest, dump(chosen))), Tallies()
    lines = [line for said in replay(engine, arrivals([str(path)], "spendwarden", Unknown(), lambda _: None), seen) for line in said]
    lines += finish(engine, seen)
    return Replayed(lines, summary_line(engine, seen, 1.0))


def written(path: Path, records: list[dict[str, Any]], chance: random.Random) -> int:
    """The records by time, a fifth of them once more within the next hundred lines; how many lines are repetitions."""
    records.sort(key=lambda record: record["time"])
    lines: list[str] = []
    for record in records:
        lines.append(json.dumps(record))
        if chance.random() < 0.2:
            lines.append(chance.choice(lines[-100:]))
    with gzip.open(path, "wt") as out:
        out.write("\n".join(lines))
    return len(lines) - len(records)


def pico(record: dict[str, Any]) -> int:
    return int(record["input_tokens"] * 2_500_000 + record.get("cache_read_tokens", 0) * 250_000 + record["output_tokens"] * 10_000_000)


def rows(name: str) -> Iterator[dict[str, str]]:
    with gzip.open(SHARED / "data" / name, "rt") as file:
        yield from csv.DictReader(file)


def executions() -> list[dict[str, Any]]:
    return [
        {
            "id": f"{row['execution_id']}-{row['step']}",
            "time": int(row["timestamp_us"]) / 1e6,
            "agent": row["agent"],
            "workflow": row["agent"],
            "execution_id": row["execution_id"],
            "model": "traced",
            "input_tokens": int(row["input_tokens"]) - int(row["cached_input_tokens"]),
            "cache_read_tokens": int(row["cached_input_tokens"]),
            "output_tokens": int(row["output_tokens"]),
        }
        for row in rows("agent-executions.csv.gz")
    ]


def azure(name: str) -> list[dict[str, Any]]:
    return [
        {
            "id": f"{name}-{number}",
            "time": datetime.fromisoformat(row["TIMESTAMP"][:26]).replace(tzinfo=UTC).timestamp(),
            "agent": name,
            "model": "traced",
            "input_tokens": int(row["ContextTokens"]),
            "output_tokens": int(row["GeneratedTokens"]),
        }
        for number, row in enumerate(rows(f"azure-llm-2023-{name}.csv.gz"))
    ]


@pytest.mark.parametrize("name", ["executions", "conv", "code"])
def test_a_real_trace_is_replayed_without_a_refusal_and_to_the_nano_dollar(tmp_path: Path, name: str) -> None:
    records = executions() if name == "executions" else azure(name)
    truth: defaultdict[str, int] = defaultdict(int)
    for record in records:
        truth[record["agent"]] += pico(record) // 1000
    repeats = written(tmp_path / "trace.jsonl.gz", records, random.Random(name))
    summary = replayed(tmp_path / "trace.jsonl.gz", PRICED).summary
    assert (summary["refused"], summary["unpriced"], summary["duplicates"]) == (0, 0, repeats)
    assert repeats > len(records) / 10
    assert summary["accepted"] == len(records)
    assert {agent: int(Decimal(usd) * 10**9) for agent, usd in summary["by"]["agent"].items()} == truth
    assert int(Decimal(summary["spend_usd"]) * 10**9) == sum(truth.values())


@pytest.mark.slow
def test_a_generated_world_is_replayed_exactly_and_every_budget_line_is_told_once(tmp_path: Path) -> None:
    folder = SHARED / "spendworld"
    made = [sys.executable, "world.py", "--data", str(SHARED / "data"), "--seed", "5", "--quick", "--duplicates", "0.2", "--out", str(tmp_path)]
    subprocess.run(made, cwd=folder, check=True, capture_output=True)
    truth = json.loads((tmp_path / "truth.json").read_text())
    run = replayed(tmp_path / "events.jsonl.gz", (tmp_path / "policy.yaml").read_text())
    exact = truth["exact"]
    assert (run.summary["refused"], run.summary["duplicates"], run.summary["unpriced"]) == (0, exact["duplicates"], exact["unpriced"])
    assert Decimal(run.summary["spend_usd"]) == Decimal(exact["spend_usd"])
    told = run.told()
    due = {(line["budget"], line["scope"]["name"], float(line["threshold"])) for line in truth["budget_crossings"]}
    assert {line[1:] for line in told} == due
    assert len(set(told)) == len(told), "a line is told once"
    by_incident = {incident: [line[3] for line in told if line[0] == incident] for incident, *_ in told}
    assert all(lines == sorted(lines) for lines in by_incident.values()), "and in order"
