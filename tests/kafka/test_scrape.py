"""The page of a worker on a real broker, scraped as Prometheus does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from service.log.kafka.topics import IN
from tests.bench.live import free_port
from tests.kafka.broker import Broker
from tests.kafka.producers import PARTITIONS, Connect, line, made, until, worker, write


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
