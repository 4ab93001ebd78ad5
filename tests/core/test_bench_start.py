"""`./deploy/run` installs all that the benches need: none of them may lean on what only tests have."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import __main__ as bench
from tests.bench import latency
from tests.bench.figures import Figure

ROOT = Path(__file__).resolve().parents[2]
ONLY_FOR_TESTS = ("pytest", "hypothesis", "schemathesis", "respx")


def test_the_benches_begin_without_the_libraries_of_the_tests() -> None:
    code = f"import sys; sys.modules.update(dict.fromkeys({ONLY_FOR_TESTS!r})); sys.argv = ['bench', 'replay', '--help']; import tests.bench.__main__ as b; b.main()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "usage: python -m tests.bench replay" in done.stdout


def test_with_json_a_bench_prints_its_figures_in_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(latency, "run", lambda _: [Figure("p99", 226.0, "ms")])
    monkeypatch.setattr(sys, "argv", ["bench", "latency", "--json"])
    assert bench.main() == 0
    assert json.loads(capsys.readouterr().out)["figures"] == {"p99": 226.0}
