"""The door and the books on a real Kafka, a worker beside them, on SQLite and PostgreSQL; killed, started again, and without a broker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from service.api.access import CACHE_MS
from tests.kafka.broker import Broker
from tests.kafka.served import Served, served, silent_receiver, until
from tests.postgres import Postgres

KNOWN_S = CACHE_MS / 1000 + 0.5

POLICY = """
budgets:
  - {{name: indexer-day, scope: {{agent: indexer}}, period: day, limit_usd: 1, thresholds: [100], pause_at: 100}}
pauses: {{mode: enforce, allow: [{{agent: "*"}}], min_loss_usd: 0}}
receivers: [{{name: orchestrator, kind: webhook, url: "{url}", secret: "env:ORDERS_SECRET", takes: all}}]
"""
ANOTHER = "budgets: [{name: all-day, scope: total, period: day, limit_usd: 5, thresholds: [10]}]"


async def a_pause(service: Served) -> str:
    """The order that the budget makes, once it was delivered."""

    async def is_delivered() -> bool:
        return any(order["state"] == "delivered" for order in await service.items("orders"))

    await until(is_delivered)
    [order] = await service.items("orders")
    assert (order["action"], order["scope"]) == ("pause", {"kind": "agent", "name": "indexer"})
    return str(order["id"])


@pytest.mark.slow
async def test_records_come_in_and_everything_is_asked_and_answered(broker: Broker, prefix: str, tmp_path: Path, fresh: Callable[[], str]) -> None:
    async with served(broker, prefix, tmp_path, fresh()) as service, silent_receiver() as url:
        service.serve("--policy", service.policy(POLICY.format(url=url)), "--insecure-loopback")
        await until(service.is_ready)
        service.work()
        for _ in range(3):
            assert (await service.post(50)).status_code == 202
        refused = await service.door.post("/v1/records", json=[{"id": "x"}])
        assert refused.json()["refused"][0]["field"] == "time"
        await until(service.is_booked)
        order = await a_pause(service)
        [incident] = await service.items("incidents")
        assert incident["kinds"] == ["budget_threshold"]

        answer = await service.door.post(f"/v1/orders/{order}/receipts", json={"state": "accepted"})
        assert (answer.status_code, answer.json()["known"]) == (202, True)

        async def is_accepted() -> bool:
            return (await service.items("orders"))[0]["state"] in ("accepted", "effective")

        await until(is_accepted)
        [budget] = await service.items("budgets")
        assert (budget["name"], budget["spent_usd"]) == ("indexer-day", "1.50")
        told = (await service.door.get("/metrics")).text
        assert "spendwarden_records_total 150.0" in told
        assert 'spendwarden_incidents{state="open",tenant="default"} 1.0' in told
        assert "spendwarden_door_taken_total 150.0" in told
        assert "live_executions" not in told

        await another_policy(service)
        await the_command_line(service, incident["id"], order)
        await the_audit(service, order)
        assert service.stop("serve") == 0
        assert service.stop("worker") == 0


async def another_policy(service: Served) -> None:
    """Applied, and in force in the worker, in the door's answers and on the command line."""
    applied = await asyncio.to_thread(service.run, "policy", "apply", service.policy(ANOTHER))
    assert applied.stdout.startswith("published: version 2"), applied.stderr

    async def is_asked() -> bool:
        answer = await service.door.get("/v1/policy/effective", params={"scope": "total"})
        return "all-day" in answer.text

    async def is_told() -> bool:
        return "all-day" in {budget["name"] for budget in await service.items("budgets")}

    async def is_found() -> bool:
        assert (await service.post(20)).status_code == 202
        return any(incident["scope"]["kind"] == "total" for incident in await service.items("incidents"))

    await until(is_asked)
    await until(is_found)
    await until(is_told)
    await until(service.is_booked)
    effective = await asyncio.to_thread(service.run, "effective", "total", "--brokers", service.brokers, "--json")
    assert "all-day" in effective.stdout, effective.stderr


async def the_command_line(service: Served, incident: str, order: str) -> None:
    """What was decided, and the numbers behind it."""
    exported = await asyncio.to_thread(service.run, "export", "--what", "transcript")
    lines = [json.loads(line) for line in exported.stdout.splitlines()]
    assert {(line["type"], line["id"]) for line in lines} >= {("incident", incident), ("order", order), ("order_state", order)}, exported.stderr
    explained = await asyncio.to_thread(service.run, "explain", incident, "--json")
    checks = json.loads(explained.stdout)["checks"]
    assert checks, explained.stderr
    assert all(check["agrees"] is not False for check in checks), checks


async def the_audit(service: Served, order: str) -> None:
    """Two journals' wardens have adopted both policies; the order's life is in its tenant's chain, and all of it fits."""
    entries = await service.items("audit")
    assert {(line["journal"], line["said"]["version"]) for line in entries if line["what"] == "policy"} == {(0, 1), (0, 2), (1, 1), (1, 2)}
    states = [line["said"]["state"] for line in reversed(entries) if line["what"] == "order_state" and line["said"]["id"] == order]
    assert states[:3] == ["requested", "delivered", "accepted"]
    verified = await asyncio.to_thread(service.run, "audit", "verify")
    assert (verified.returncode, verified.stdout.count(", whole; head ")) == (0, 3), verified.stdout + verified.stderr
    assert f'digest="{entries[0]["digest"]}"' in (await service.door.get("/metrics")).text


@pytest.mark.slow
async def test_a_door_that_is_killed_loses_nothing_that_it_took(broker: Broker, prefix: str, tmp_path: Path, fresh: Callable[[], str]) -> None:
    async with served(broker, prefix, tmp_path, fresh()) as service:
        service.serve("--insecure-loopback")
        await until(service.is_ready)
        service.work()
        for _ in range(3):
            for _ in range(5):
                assert (await service.post(40)).status_code == 202
            service.kill("serve")
            service.serve("--insecure-loopback")
            await until(service.is_ready)
        await until(service.is_booked)
        assert service.acknowledged == 600
        rebuilt = await asyncio.to_thread(service.run, "ledger", "rebuild")
        assert rebuilt.stdout.startswith("rebuilt from "), rebuilt.stderr
        await until(service.is_booked)


@pytest.mark.slow
async def test_two_doors_share_the_books(broker: Broker, prefix: str, tmp_path: Path, fresh: Callable[[], str]) -> None:
    (tmp_path / "another").mkdir()
    database = fresh()
    async with served(broker, prefix, tmp_path, database) as service, served(broker, prefix, tmp_path / "another", database) as another:
        for door in (service, another):
            door.serve("--insecure-loopback")
        service.work()
        for door in (service, another):
            await until(door.is_ready)
        for _ in range(10):
            for door, source in ((service, "one"), (another, "other")):
                assert (await door.post(40, source=source)).status_code == 202
        service.acknowledged = another.acknowledged = service.acknowledged + another.acknowledged
        for door in (service, another):
            await until(door.is_booked)
        assert service.acknowledged == 800
        assert [await door.items("budgets") for door in (service, another)] == [[], []], "asked of both, and there is no budget"


@pytest.mark.slow
async def test_while_the_database_is_away_records_are_taken(broker: Broker, prefix: str, tmp_path: Path, postgres: Postgres) -> None:
    async with served(broker, prefix, tmp_path, postgres.fresh()) as service:
        created = await asyncio.to_thread(service.run, "token", "create", "--role", "ingest", "--tenant", "default")
        service.serve("--insecure-loopback")
        service.work()
        await until(service.is_ready)
        token = {"authorization": f"Bearer {created.stdout.strip()}"}
        assert (await service.door.post("/v1/records", json=[], headers=token)).status_code != 401
        postgres.kill()
        try:
            await asyncio.sleep(KNOWN_S)
            service.door.headers.update(token)
            assert (await service.post(40)).status_code == 202
            del service.door.headers["authorization"]
            asked = await service.door.get("/v1/spend")
            assert (asked.status_code, asked.headers["content-type"]) == (503, "application/problem+json"), asked.text
            await until(service.is_unready)
            assert "books" in (await service.door.get("/readyz")).json()["detail"]
        finally:
            postgres.start()
        await until(service.is_ready)
        await until(service.is_booked)
        assert service.acknowledged == 40


@pytest.mark.slow
async def test_tokens_lie_in_the_database(broker: Broker, prefix: str, tmp_path: Path, fresh: Callable[[], str]) -> None:
    async with served(broker, prefix, tmp_path, fresh()) as service:
        created = await asyncio.to_thread(service.run, "token", "create", "--role", "ingest", "--tenant", "acme")
        assert created.returncode == 0, created.stderr
        service.serve()
        await until(service.is_ready)
        assert (await service.post(1)).status_code == 401
        service.door.headers["authorization"] = f"Bearer {created.stdout.strip()}"
        assert (await service.post(1)).status_code == 202
        assert "acme" in (await asyncio.to_thread(service.run, "token", "list", "--json")).stdout


@pytest.mark.slow
async def test_a_broker_that_is_away_is_told_and_waited_for(guarded: Broker, prefix: str, tmp_path: Path) -> None:
    async with served(guarded, prefix, tmp_path, f"sqlite:///{tmp_path}/books.db") as service:
        service.serve("--insecure-loopback")
        await until(service.is_ready)
        service.work()
        assert (await service.post(20)).status_code == 202
        await until(service.is_booked)
        guarded.kill()
        try:
            answer = await service.post(20)
            assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json"), answer.text
            assert guarded.address() in answer.json()["detail"]
            assert "a repetition is counted once" in answer.json()["fix"]
            unready = await service.door.get("/readyz")
            assert (unready.status_code, "cluster" in unready.json()["detail"]) == (503, True), unready.text
            assert (await service.door.get("/healthz")).status_code == 200
            assert (await service.door.get("/v1/spend")).json()["records"] == 20, "the books answer without Kafka"
        finally:
            guarded.start()
            guarded.wait()
        await until(service.takes)
        await until(service.is_ready)
        await until(service.is_booked)
