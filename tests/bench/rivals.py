"""Stock Faust, Quix Streams and Bytewax, each in a virtual environment of its own in the user's cache folder, fetched once by `pip`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Final, NamedTuple

from tests.bench.live import ROOT
from tests.kafka.broker import CACHE

HOMES: Final = CACHE.parent / "rivals"
PROGRAM: Final = ROOT / "tests" / "bench" / "windowed.py"
ENDS_WITHIN_S: Final = 300.0
PINNED: Final = {
    "bytewax": ("bytewax[kafka]==0.21.1", "orjson==3.11.4"),
    "quix": ("quixstreams==3.28.0",),
    "faust": ("faust-streaming==0.15.3", "aiokafka==0.14.0", "orjson==3.11.4"),
}
MOST: Final = {"quix": 150_000, "faust": 40_000}  # of the records: so much of the topic is enough for a slow one's pace


class UnavailableError(Exception):
    """A rival cannot be had here, or did not do it; says why."""


class Run(NamedTuple):
    """So many records, from the first to the last one."""

    records: int
    wall_s: float
    cpu_s: float

    @property
    def per_s(self) -> float:
        return self.records / self.wall_s

    @property
    def per_cpu_s(self) -> float:
        return self.records / self.cpu_s


def fetched(name: str) -> Path:
    """The Python of a rival's environment."""
    home = HOMES / PINNED[name][0].replace("==", "-").replace("[kafka]", "")
    if not (home / "whole").exists():
        print(f"spendwarden: fetching {', '.join(PINNED[name])} into {home}, once", file=sys.stderr)
        venv.create(home, clear=True, with_pip=True)
        done = subprocess.run([home / "bin" / "pip", "install", "-q", *PINNED[name]], capture_output=True, text=True, check=False)
        if done.returncode:
            raise UnavailableError(f"pip failed: {done.stderr.strip()[-300:]}")
        (home / "whole").touch()
    return home / "bin" / "python"


def run(name: str, brokers: str, topic: str, records: int, partitions: int) -> Run:
    """One run from the topic's beginning, as a group of its own."""
    count = min(records, MOST.get(name, records))
    with tempfile.TemporaryDirectory(prefix=f"{name}-") as folder:
        words = [str(fetched(name)), "-P", str(PROGRAM), name, brokers, topic, str(count), folder]
        env = {"PATH": "/usr/bin:/bin", "PARTITIONS": str(partitions), "HOME": folder}
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=folder, env=env, timeout=ENDS_WITHIN_S)
        except subprocess.TimeoutExpired as late:
            raise UnavailableError(f"not done within {ENDS_WITHIN_S:.0f} s") from late
    told = [line for line in done.stdout.splitlines() if line.startswith('{"wall_s"')]
    if not told:
        raise UnavailableError(f"it ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}")
    return Run(count, **json.loads(told[0]))
