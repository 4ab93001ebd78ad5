"""`spendwarden serve` and a worker as processes on a broker, an HTTP client of their door, and a receiver that says nothing of orders."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from tests.bench.crew import spendwarden
from tests.bench.live import ROOT
from tests.kafka.broker import Addressed
from tests.listening import listening
from tests.ports import free_port

PARTITIONS, JOURNALS = 2, 2
PATIENCE_S = 60
TIMEOUT_MS = 2_000


class Served:
    """Processes by name on one prefix of topics and one database. What was answered with 202 is `acknowledged`, in cents.

    `apart`: settings of one command only, by its name.
    """

    def __init__(
        self,
        broker: Addressed,
        prefix: str,
        folder: Path,
        database: str,
        partitions: int = PARTITIONS,
        journals: int = JOURNALS,
        apart: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.port = free_port()
        self.door = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=PATIENCE_S, trust_env=False)
        self.brokers = broker.address()
        self.sent = self.acknowledged = 0
        self._apart = {name: dict(settings) for name, settings in (apart or {}).items()}
        self._folder = folder
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._env = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "160",
            "ORDERS_SECRET": "hush",
            "SPENDWARDEN_BROKERS": broker.address(),
            "SPENDWARDEN_KAFKA_TOPIC_PREFIX": prefix,
            "SPENDWARDEN_KAFKA_REQUEST_TIMEOUT_MS": str(TIMEOUT_MS),
            "SPENDWARDEN_PARTITIONS": str(partitions),
            "SPENDWARDEN_JOURNAL_PARTITIONS": str(journals),
            "SPENDWARDEN_DATABASE": database,
            "SPENDWARDEN_DATA": str(folder / "faust"),
        }

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """One command to its end."""
        return subprocess.run(
            spendwarden(*words), env=self._env | self._apart.get(words[0], {}), cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_S
        )

    def policy(self, text: str) -> str:
        """A policy's file."""
        path = self._folder / "policy.yaml"
        path.write_text(text)
        return str(path)

    def serve(self, *words: str) -> None:
        """Begins the door."""
        self._start("serve", "--listen", f"127.0.0.1:{self.port}", *words)

    def work(self) -> None:
        """Begins a worker."""
        self._start("worker", "--id", "worker-1", "--session-s", "3")

    def kill(self, name: str) -> None:
        """SIGKILL, now."""
        self._processes[name].kill()
        self._processes.pop(name).wait()

    def stop(self, name: str) -> int:
        """SIGTERM; its exit code."""
        process = self._processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(PATIENCE_S)

    def said(self, name: str) -> str:
        """Its last words."""
        return (self._folder / f"{name}.txt").read_text(errors="replace")[-4_000:]

    async def post(self, records: int, **fields: Any) -> httpx.Response:
        """So many records of a cent each, all new."""
        first, self.sent = self.sent, self.sent + records
        lines = [{"id": str(first + n), "time": time.time(), "agent": "indexer", "execution_id": f"run-{n % 7}", "cost_usd": "0.01"} for n in range(records)]
        answer = await self.door.post("/v1/records", json=[line | fields for line in lines])
        self.acknowledged += records if answer.status_code == 202 else 0
        return answer

    async def takes(self) -> bool:
        """Whether a record is taken."""
        try:
            return (await self.post(1)).status_code == 202
        except httpx.TransportError:
            return False

    async def is_ready(self) -> bool:
        """Whether every condition is met; fails when a process has ended by itself."""
        for name, process in self._processes.items():
            assert process.poll() is None, self.said(name)
        try:
            return (await self.door.get("/readyz")).status_code == 200
        except httpx.TransportError:
            return False

    async def is_unready(self) -> bool:
        """The opposite."""
        return not await self.is_ready()

    async def is_booked(self) -> bool:
        """Whether the books hold what was acknowledged."""
        answer = (await self.door.get("/v1/spend")).json()
        return bool(Decimal(answer["spend_usd"]) * 100 == answer["records"] == self.acknowledged)

    async def items(self, what: str) -> list[dict[str, Any]]:
        """A list of the API."""
        answer = await self.door.get(f"/v1/{what}")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    async def end(self) -> None:
        """Nobody is left behind."""
        await self.door.aclose()
        for name in list(self._processes):
            self.kill(name)

    def _start(self, name: str, *words: str) -> None:
        with (self._folder / f"{name}.txt").open("ab") as out:
            self._processes[name] = subprocess.Popen(spendwarden(name, *words), stdout=out, stderr=out, env=self._env | self._apart.get(name, {}), cwd=ROOT)


@asynccontextmanager
async def served(
    broker: Addressed,
    prefix: str,
    folder: Path,
    database: str,
    partitions: int = PARTITIONS,
    journals: int = JOURNALS,
    apart: Mapping[str, Mapping[str, str]] | None = None,
) -> AsyncIterator[Served]:
    """Topics, and nothing begun."""
    service = Served(broker, prefix, folder, database, partitions, journals, apart)
    try:
        made = await asyncio.to_thread(service.run, "topics")
        assert made.returncode == 0, made.stderr
        yield service
    finally:
        await service.end()


@asynccontextmanager
async def silent_receiver() -> AsyncIterator[str]:
    """The address of one that takes every webhook and answers nothing but 204."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        await writer.drain()

    async with listening(take) as port:
        yield f"http://127.0.0.1:{port}/"


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Waits until it holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not await holds():  # noqa: ASYNC110 -- what is waited for happens in other processes
            await asyncio.sleep(0.1)
