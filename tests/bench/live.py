"""The live service as a process of its own, a client that posts over a kept connection, and a receiver that accepts every order."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter, time_ns
from typing import Any, Final

from tests.listening import listening
from tests.ports import free_port

ROOT: Final = Path(__file__).resolve().parents[2]
START_S: Final = 40.0
ANSWER_S: Final = 20.0


class Live:
    """`spendwarden run` on a data folder and a port; started, stopped or killed as often as wanted."""

    def __init__(self, folder: Path, policy: str, port: int | None = None, secret: str = "", partitions: int = 12) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.data, self.output = folder / "data", folder / "output.txt"
        policy_file = folder / "policy.yaml"
        policy_file.write_text(policy)
        run = "import sys; from service.cli import main; sys.argv[0] = 'spendwarden'; main()"
        options = [
            "--policy",
            str(policy_file),
            "--data",
            str(self.data),
            "--listen",
            f"127.0.0.1:{self.port}",
            "--insecure-loopback",
            "--partitions",
            str(partitions),
        ]
        self._command = [sys.executable, "-c", run, "run", *options]
        self._env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "BENCH_SECRET": secret or "bench", "COLUMNS": "120"}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.output.open("ab") as out:
            self._process = subprocess.Popen(self._command, stdout=out, stderr=out, env=self._env, cwd=ROOT)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL, now."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """SIGTERM: it folds what there is, saves and ends."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)

    async def ready(self) -> None:
        """Waits until it takes records; says what it printed when it ended instead."""
        started = perf_counter()
        while perf_counter() - started < START_S:
            assert self.running, f"the service ended: {self.output.read_text()[-3000:]}"
            try:
                if await Client(self.port).get("/readyz") == 200:
                    return
            except (OSError, EOFError):
                pass
            await asyncio.sleep(0.05)
        raise AssertionError(f"not ready after {START_S} s: {self.output.read_text()[-3000:]}")

    async def idle(self, at_most_s: float = 60.0) -> None:
        """Waits until all that was taken by now is folded, decided and delivered; returns late rather than never."""
        client, started, now_ms = Client(self.port), perf_counter(), time_ns() // 1_000_000
        quiet = 0
        while quiet < 2 and perf_counter() - started < at_most_s:
            figures = _exposed((await client.ask("/metrics")).decode())
            heard = figures["spendwarden_warden_reach_ms"] > now_ms
            quiet = quiet + 1 if heard and not figures["spendwarden_deliveries_waiting"] else 0
            await asyncio.sleep(0.3)
        client.close()


def _exposed(text: str) -> Counter[str]:
    """Prometheus text as sums by name."""
    found: Counter[str] = Counter()
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[name.partition("{")[0]] += int(float(value))
    return found


class Client:
    """One kept connection; an OSError or EOFError means that nobody knows whether a request was taken."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> int:
        """The status alone, over a connection of its own."""
        try:
            return (await self._ask(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()))[0]
        finally:
            self.close()

    async def ask(self, path: str) -> bytes:
        """What is behind a path."""
        return (await self._ask(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()))[1]

    async def post(self, body: bytes) -> tuple[int, bytes]:
        """Lines of records; the status and the answer."""
        head = f"POST /v1/records HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/x-ndjson\r\ncontent-length: {len(body)}\r\n\r\n"
        return await self._ask(head.encode() + body)

    async def _ask(self, request: bytes) -> tuple[int, bytes]:
        try:
            async with asyncio.timeout(ANSWER_S):
                if self._streams is None:
                    self._streams = await asyncio.open_connection("127.0.0.1", self._port)
                reader, writer = self._streams
                writer.write(request)
                await writer.drain()
                status, body = await _message(reader)
                return int(status.split()[1]), body
        except TimeoutError as late:
            self.close()
            raise EOFError("no answer in time") from late
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _message(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """The first line and the body of one HTTP message that names its length."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *fields = head.split("\r\n")
    length = next((int(value) for name, _, value in (field.partition(":") for field in fields) if name.lower() == "content-length"), 0)
    return first, await reader.readexactly(length)


ACCEPTED: Final = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 21\r\n\r\n{"state": "accepted"}'
TURNED_AWAY: Final = (
    b'HTTP/1.1 429 Too Many Requests\r\nretry-after: 30\r\ncontent-type: application/json\r\ncontent-length: 37\r\n\r\n{"ok": false, "error": "ratelimited"}'
)


@asynccontextmanager
async def receiver(on_event: Callable[[dict[str, Any]], None], reply: bytes = ACCEPTED) -> AsyncIterator[int]:
    """A receiver on a port of its own that answers everything at once, by default `accepted`; `on_event` hears of each webhook."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            _, body = await _message(reader)
            writer.write(reply)
            await writer.drain()
            if reply is ACCEPTED:
                on_event(json.loads(body))

    async with listening(serve) as port:
        yield port
