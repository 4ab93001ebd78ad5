"""Spend incidents on made-up companies over real load, replayed through the product and scored from the outside; see ../shared/spendworld/README.md."""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.bench.figures import Figure
from tests.bench.live import ROOT

SHARED: Final = ROOT.parent / "shared"
BENCH: Final = SHARED / "spendworld"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", default="1-8", help="worlds, as 1-8 or 3,5")
    parser.add_argument("--full", action="store_true", help="14 days of a million records instead of 7 of 130,000")
    parser.add_argument("--clean", action="store_true", help="nothing injected: what is told is false")
    parser.add_argument("--rate", type=float, help="false alerts accepted per scope and day, where not the policy's default")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "spendwarden-bench" / "worlds", help="where worlds are kept")


def json_lines(asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """What --json prints: the scorer's own line."""
    yield _scored(asked)


def run(asked: argparse.Namespace) -> list[Figure]:
    score = _scored(asked)
    overall = score["overall"]
    false = score["false_per_scope_day"]
    spread = score.get("false_per_scope_day_95", [false, false])
    return [
        _least("incidents found, all", overall["recall"], 0.90),
        _least("structural kinds, mean", score["macro_recall_structural"], 0.98),
        _least("statistical kinds, mean", score["macro_recall_statistical"], 0.82),
        _least("precision, each incident once", score["precision"], 0.75),
        _most(f"false alerts ({spread[0]:.3f} to {spread[1]:.3f})", false, 0.05, "per scope and day"),
        _most("money lost before the alert", overall["lost_before_alert"], 0.22, "of the excess"),
        Figure("time to detect, median", overall["ttd_median_min"], "min"),
        _least("driver named", overall["driver_top1"], 0.95),
        _least("dimension named", overall["dimension_top1"], 0.95),
        _most("wrong pauses", float(score["pauses"]["wrong"]), 0.0, f"of {score['pauses']['all']}"),
        _most("negatives violated", float(sum(n["violated"] for n in score["negatives"].values())), 0.0, ""),
        *(Figure(f"found: {kind}", row["recall"], f"of {row['incidents']}") for kind, row in score["by_kind"].items()),
    ]


def _least(name: str, value: float, goal: float) -> Figure:
    return Figure(name, value, "", f">= {goal:.2f}", value >= goal)


def _most(name: str, value: float, goal: float, unit: str) -> Figure:
    return Figure(name, value, unit, f"<= {goal:g}", value <= goal)


def _scored(asked: argparse.Namespace) -> dict[str, Any]:
    if not (BENCH / "suite.py").exists():
        sys.exit(f"the benchmark's generator is not here: {BENCH}; without ../shared there are no worlds")
    out = asked.out / "-".join(["full" if asked.full else "quick", *(["clean"] if asked.clean else []), str(asked.seeds).replace(",", "_")])
    words = [sys.executable, str(BENCH / "suite.py"), "--data", str(SHARED / "data"), "--seeds", asked.seeds, "--out", str(out), "--json"]
    flags = [*(["--quick"] if not asked.full else []), *(["--clean"] if asked.clean else [])]
    done = subprocess.run([*words, *flags, "--product", _product(asked.rate)], stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _product(rate: float | None) -> str:
    """What replays a world; `rate` goes into the world's own policy."""
    replay = f"{Path(sys.executable).with_name('spendwarden')} replay EVENTS --policy POLICY --json"
    if rate is None:
        return replay
    changed = f"sed 's/false_alerts_per_scope_day: [0-9.]*/false_alerts_per_scope_day: {rate}/' POLICY > POLICY.rate"
    return shlex.join(["sh", "-c", f"{changed}; exec {replay.replace('POLICY', 'POLICY.rate')}"])
