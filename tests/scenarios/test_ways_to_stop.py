"""Orders in a running service through each ready adapter: stopped, proved by the books, put back after a restart; and a mail thread about it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from service.sdk import Switch
from tests.adapters.test_kubernetes import Cluster
from tests.adapters.test_litellm import BEFORE, KEY, Proxy
from tests.adapters.world import served
from tests.mail import mail_server
from tests.scenarios.live_service import Live, live, until
from tests.scenarios.test_receivers import ended

POLICY = """
pauses: {{mode: enforce, proof_s: 1, allow: [{{agent: "*"}}, {{api_key: "*"}}, {{user: "*"}}]}}
budgets: [{{name: all-day, scope: total, period: day, limit_usd: 100, thresholds: [50, 80]}}]
receivers:
  - {{name: proxy, kind: litellm, url: "{proxy}", token: "env:PROXY_TOKEN"}}
  - {{name: cluster, kind: kubernetes, url: "{cluster}", namespace: agents, token_file: "{token}"}}
  - {{name: stopper, kind: command, argv: ["{python}", -c, "{code}", "{{action}}", "{{name}}"], scopes: [user], timeout: 30s}}
  - {{name: mail, kind: email, host: 127.0.0.1, port: {port}, tls: none, from: spend@acme.example, to: [ann@acme.example]}}
"""


@dataclass
class Plant:
    """What the agents run on, and the policy that names it."""

    policy: str
    proxy: Proxy
    cluster: Cluster
    told: Path


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plant]:
    monkeypatch.setenv("PROXY_TOKEN", "sk-master")
    monkeypatch.setenv("SPENDWARDEN_COMMANDS", sys.executable)
    token, told = tmp_path / "token", tmp_path / "told"
    token.write_text("one")
    code = f"import sys; open('{told}', 'a').write(' '.join(sys.argv[1:]) + ';')"
    proxy, cluster = Proxy(), Cluster()
    mail_server().clear()
    with ExitStack() as stack:
        urls = {"proxy": stack.enter_context(served(proxy.answer)), "cluster": stack.enter_context(served(cluster.answer))}
        policy = POLICY.format(**urls, token=token, python=sys.executable, code=code, port=mail_server().port)
        yield Plant(policy, proxy, cluster, told)


async def control(service: Live, action: str, scope: str) -> None:
    answer = await service.door.post("/v1/controls", json={"action": action, "scope": scope, "by": "ann", "reason": "a test"})
    assert answer.status_code == 202, answer.text


async def orders(service: Live, scope: str) -> list[dict[str, Any]]:
    return list((await service.door.get(f"/v1/orders?scope={scope}")).json()["items"])


async def answered(service: Live, scope: str, action: str) -> bool:
    """Whether the newest order of that scope was carried out."""
    found = await orders(service, scope)
    return bool(found) and found[0]["action"] == action and any(step["state"] == "accepted" for step in found[0]["states"])


async def test_each_adapter_stops_at_once_and_puts_back_after_a_restart(tmp_path: Path, plant: Plant) -> None:
    scopes = {"agent:indexer": "cluster", f"api_key:{KEY}": "proxy", "user:ann": "stopper"}
    async with live(tmp_path / "data", plant.policy) as service:
        for scope, receiver in scopes.items():
            await control(service, "pause", scope)
            await until(lambda scope=scope: answered(service, scope, "pause"))  # type: ignore[misc]
            states = (await orders(service, scope))[0]["states"]
            assert [step["receiver"] for step in states if step["state"] == "accepted"] == [receiver]  # and nobody else was asked
        switch = Switch()  # of an orchestrator that starts now
        assert switch.restore((await service.door.get("/v1/paused")).json()["items"]) == len(scopes)
        assert [switch.may_go_on(agent="indexer"), switch.may_go_on(api_key=KEY), switch.may_go_on(agent="other")] == [False, False, True]
        assert (plant.cluster.replicas["indexer"], plant.proxy.keys[KEY]["blocked"], plant.told.read_text()) == (0, True, "pause ann;")

        async def proved() -> bool:
            return bool((await orders(service, "agent:indexer"))[0]["state"] == "effective")

        await until(proved)
    async with live(tmp_path / "data", plant.policy) as service:
        for scope in scopes:
            await control(service, "resume", scope)
        await until(lambda: resumed(plant))
    assert plant.proxy.keys[KEY] == BEFORE
    assert plant.cluster.replicas == {"indexer": 3, "shared": 2}


async def resumed(plant: Plant) -> bool:
    return plant.cluster.replicas["indexer"] == 3 and not plant.proxy.keys[KEY]["blocked"] and plant.told.read_text() == "pause ann;resume ann;"


async def test_two_lines_of_a_budget_are_one_thread_of_mails(tmp_path: Path, plant: Plant) -> None:
    async def came(mails: int) -> bool:
        return len(mail_server().mails) >= mails

    async with live(tmp_path / "data", plant.policy) as service:
        await service.taken(60)
        await until(lambda: ended(service, "mail", "delivered"))
    async with live(tmp_path / "data", plant.policy) as service:
        service.sent = 60
        await service.taken(25)
        await until(lambda: came(2))
    first, second = mail_server().mails
    assert "has passed 50 % of budget all-day" in first["Subject"]
    assert second["Subject"] == f"Re: {first['Subject']}"
    assert second["In-Reply-To"] == first["Message-ID"]


async def test_an_order_that_no_adapter_takes_fails_and_says_why(tmp_path: Path, plant: Plant) -> None:
    async with live(tmp_path / "data", plant.policy) as service:
        await control(service, "pause", "workflow:reports")

        async def failed() -> bool:
            found = await orders(service, "workflow:reports")
            return bool(found) and found[0]["state"] == "failed"

        await until(failed)
        assert (await orders(service, "workflow:reports"))[0]["states"][-1]["reason"] == "no receiver takes orders about this kind of scope"
