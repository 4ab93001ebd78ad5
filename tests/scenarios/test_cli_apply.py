"""`policy apply`: a running service takes up what was published, once, and never a policy with a mistake."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from service.engine.published import newest_policy
from service.folder import LOGS
from service.log.blocking import complete
from service.log.sqlite import SqliteLog
from service.policy import load
from tests.scenarios.commands import lines, run, transcript
from tests.scenarios.lives import POLICY, call, lived
from tests.scenarios.small_service import NOON_MS


def test_a_running_service_takes_up_a_published_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raised to twice as much, the day's limit is not reached any more; the lines told before are not told again."""
    data, raised = tmp_path / "data", tmp_path / "raised.yaml"
    raised.write_text(POLICY.replace("period: day, limit_usd: 2", "period: day, limit_usd: 20"))

    async def life() -> None:
        service = await lived(data, calls=30)
        monkeypatch.setattr("service.cli.policy.now_ms", lambda: service.now_ms)
        done = run("policy", "apply", str(raised), "--data", str(data))
        assert done.stdout == f"published: version 2, digest {load(raised.read_text()).digest}\n"
        await service.live(5_000)
        assert [policy.version for policy in service.adopted] == [2]
        assert service.engine.heard.policy_version == 2
        for owner in service.engine.held.all():
            assert owner.fold.policy_version(owner.state) == 2
        for number in range(30, 60):
            await service.hear([call(number, service.now_ms)])
            await service.live(1_400)
        await service.stop()

    asyncio.run(life())
    told = transcript(data)
    crossed = [line["threshold"] for line in told if line["type"] == "incident" and line.get("budget") == "each-agent-day" and line["reason"] == "line_crossed"]
    assert crossed == [70.0, 70.0], "two agents, and neither reaches another line"
    *repeated, _ = lines(run("replay", "--journal", str(data), "--json"))
    assert [json.loads(line) for line in repeated] == told
    assert json.loads(run("effective", "total", "--data", str(data), "--json").stdout)["policy"] == load(raised.read_text()).digest


def test_the_same_policy_is_not_published_twice_and_a_wrong_one_never(own: Path, tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    assert run("policy", "apply", str(path), "--data", str(own)).stdout.startswith("unchanged: version 1, digest ")
    path.write_text(POLICY.replace("day", "dy"))
    done = run("policy", "apply", str(path), "--data", str(own))
    assert done.exit_code == 2
    assert "budgets[0].period" in done.stderr
    path.write_text(POLICY + 'receivers: [{name: hook, kind: webhook, url: "https://a.example"}]')
    done = run("policy", "apply", str(path), "--data", str(own))
    assert done.stdout.startswith("published: version 2")
    assert "receivers[0].secret: missing" in done.stderr
    log = SqliteLog(own / LOGS, lambda: NOON_MS)
    newest = complete(newest_policy(log))
    log.close()
    assert newest is not None
    assert newest.version == 2
