"""The pages of a worker and a door on a real broker, scraped as Prometheus does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from service.log.kafka.topics import IN
from tests.kafka.broker import Broker
from tests.kafka.producers import PARTITIONS, Connect, line, made, until, worker, write
from tests.kafka.served import Served, served
from tests.ports import free_port
from tests.prometheus import EXPRESSIONS, TESTS, Series, selectors, shape, shown, unanswered

EVERYTHING_WRONG = """
sources: [{topic: nobody.makes.this}]
receivers:
  - {name: terminal, kind: console}
  - {name: chat, kind: webhook, url: "http://127.0.0.1:1/", secret: "env:NOBODY_SET_THIS", takes: orders}
"""


async def scraped(service: Served, port: int) -> list[Series]:
    """What both pages show at this moment; nothing of a worker that does not answer yet."""
    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        try:
            page = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
        except httpx.TransportError:
            return []
    return shown("worker", page) + shown("serve", (await service.door.get("/metrics")).text)


@pytest.mark.slow
async def test_everything_that_alerts_and_dashboard_ask_for_is_shown(broker: Broker, connect: Connect, prefix: str, tmp_path: Path) -> None:
    """And what the alerts' own tests take for granted is of the shape that is shown."""
    port = free_port()
    async with served(broker, prefix, tmp_path, f"sqlite:///{tmp_path}/books.db") as service:
        service._env["SPENDWARDEN_METRICS"] = f"127.0.0.1:{port}"
        service.serve("--policy", service.policy(EVERYTHING_WRONG), "--insecure-loopback")
        service.work()
        await until(service.is_ready)
        answer = await service.door.post("/v1/records", json=[{"id": "whole", "time": 1, "cost_usd": 1}, {"id": "no time"}])
        assert answer.status_code == 202
        await write(connect(broker), prefix + IN, [b"no json"])
        missing = {"before the first look"}

        async def is_answered() -> bool:
            nonlocal missing
            found = await scraped(service, port)
            known = {shape(series) for series in found}
            given = [series for test in TESTS for text in test["input_series"] for series in selectors(text["series"])]
            missing = {it for expression in EXPRESSIONS for it in unanswered(expression, found)} | {str(it) for it in map(shape, given) if it not in known}
            return not missing

        try:
            await until(is_answered)
        except TimeoutError:
            pytest.fail(f"never shown: {sorted(missing)}")


async def test_a_worker_shows_what_it_holds_and_how_far_it_is(
    broker: Broker, connect: Connect, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, port = connect(broker), free_port()
    monkeypatch.setenv("SPENDWARDEN_METRICS", f"127.0.0.1:{port}")
    await made(cluster)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=10) as http:

        async def page() -> dict[str, float]:
            try:
                lines = (await http.get("/metrics")).text.splitlines()
            except httpx.TransportError:
                return {}
            return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))}

        async def has_folded() -> bool:
            told = await page()
            return told.get("spendwarden_passed_on_total") == 300 and told.get("spendwarden_remembered_identities") == 300

        with worker(broker, prefix, tmp_path, "first") as process:
            await write(cluster, prefix + IN, [*map(line, range(300)), b"no json"])
            await until(has_folded)
            told = await page()
            assert told['spendwarden_owned_partitions{lease="meters"}'] == PARTITIONS
            assert told['spendwarden_owned_partitions{lease="wardens"}'] == told['spendwarden_owned_partitions{lease="couriers"}'] == 1
            assert told['spendwarden_refused_total{field="",reason="not_json"}'] == 1
            assert told["spendwarden_folded_rows_total"] >= 300
            assert told['spendwarden_engine_lag_rows{log="stream"}'] < PARTITIONS * 5
            assert 0 < told["spendwarden_recovery_seconds"] < 10
            assert told["spendwarden_snapshot_age_seconds"] < 30
            assert told["process_resident_memory_bytes"] > 0
            process.terminate()
            assert await asyncio.to_thread(process.wait, 20) == 0
