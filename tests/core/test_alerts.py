"""Prometheus's own judgement of deploy/prometheus: what it asks can be read, and each alert fires when it should and not before."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest

from tests.prometheus import FOLDER, RULES, TESTS

CASES: list[dict[str, Any]] = [case for test in TESTS for case in test.get("alert_rule_test", ())]
NONE_HERE = "NO PROMTOOL ON THIS MACHINE: that each alert fires when it should was not tested. On Debian and Ubuntu: apt-get install prometheus"


@pytest.mark.parametrize(
    "words",
    [
        ("check", "config", "--syntax-only", "prometheus.yml"),  # the token lies in a volume of the compose file
        ("check", "rules", "--lint=all", "--lint-fatal", "alerts.yml"),
        ("test", "rules", "alerts_test.yml"),
    ],
    ids=" ".join,
)
def test_prometheus_agrees(words: tuple[str, ...]) -> None:
    if shutil.which("promtool") is None:
        pytest.skip(NONE_HERE)
    done = subprocess.run(["promtool", *words], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_seen_to_fire_and_to_be_quiet() -> None:
    alerts = {rule["alert"] for rule in RULES}
    assert {case["alertname"] for case in CASES if case["exp_alerts"]} == alerts
    assert {case["alertname"] for case in CASES if not case["exp_alerts"]} == alerts
