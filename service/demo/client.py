"""How the demo talks to the service: over HTTP only, with the very calls that any user would make."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

import httpx
import msgspec

from service.demo.traffic import records
from service.records import Outcome, Usage

BATCH: Final = 2_000  # records in one request
TURN_S: Final = 0.25
LOOK_S: Final = 0.05
NDJSON: Final = {"content-type": "application/x-ndjson"}
_encoder: Final = msgspec.json.Encoder()

Sleep = Callable[[float], Coroutine[Any, Any, None]]


class DemoError(Exception):
    """The story cannot go on; the text says why."""


class Client:
    """The service as seen from outside. `clock` is Unix milliseconds; `http` knows the address."""

    def __init__(self, http: httpx.AsyncClient, clock: Callable[[], int], sleep: Sleep = asyncio.sleep) -> None:
        self._http, self.clock, self.sleep = http, clock, sleep

    async def send(self, batch: Sequence[Usage | Outcome]) -> None:
        """Returns once all of it is safe on the service's disk; sends again while the service says that it is too busy."""
        body = _encoder.encode_lines(batch)
        for _ in range(40):
            answer = await self._http.post("/v1/records", content=body, headers=NDJSON)
            if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
                break
            await self.sleep(TURN_S)
        if answer.status_code != httpx.codes.ACCEPTED or answer.json()["refused"]:
            raise DemoError(f"records were not taken: {answer.status_code} {answer.text[:300]}")

    async def ask(self, path: str, **query: str) -> dict[str, Any]:
        """The answer to a question; DemoError with what the service says where it has none."""
        answer = await self._http.get(path, params=query)
        if answer.status_code != httpx.codes.OK:
            raise DemoError(f"GET {path}: {answer.status_code} {answer.text[:300]}")
        found: dict[str, Any] = answer.json()
        return found

    async def wait_ready(self, within_s: float = 30.0) -> None:
        """Until the service says that it is ready."""
        until_ms = self.clock() + int(within_s * 1000)
        said = "it does not answer"
        while self.clock() < until_ms:
            try:
                answer = await self._http.get("/readyz")
            except httpx.TransportError:
                pass
            else:
                if answer.status_code == httpx.codes.OK:
                    return
                said = str(answer.json().get("detail", answer.status_code))
            await self.sleep(LOOK_S)
        raise DemoError(f"the service was not ready within {within_s:g} s: {said}")

    async def wait_for(self, what: str, path: str, found: Callable[[dict[str, Any]], bool], within_s: float, **query: str) -> dict[str, Any]:
        """Asks until the answer is as wished."""
        until_ms = self.clock() + int(within_s * 1000)
        while True:
            answer = await self.ask(path, **query)
            if found(answer):
                return answer
            if self.clock() > until_ms:
                raise DemoError(f"{what} did not come within {within_s:g} s")
            await self.sleep(LOOK_S)


class Feed:
    """Sends the example traffic, gapless and each record once; `sent_to_ms` is how far it has come, `usages` how many cost records it sent."""

    def __init__(self, client: Client, seed: int, from_ms: int) -> None:
        self._client, self._seed = client, seed
        self.from_ms = self.sent_to_ms = from_ms
        self.usages = 0

    async def catch_up(self) -> int:
        """Sends everything up to now, at speed; returns how many records of any type that was."""
        now_ms = self._client.clock()
        waiting = await asyncio.to_thread(records, self._seed, self.sent_to_ms, now_ms)
        for start in range(0, len(waiting), BATCH):
            await self._client.send(waiting[start : start + BATCH])
        self.sent_to_ms = now_ms
        self.usages += sum(isinstance(record, Usage) for record in waiting)
        return len(waiting)

    async def follow(self, ended: asyncio.Event) -> None:
        """Sends in real time until `ended`, between two stretches, so that nothing is left half sent."""
        while not ended.is_set():
            await self.catch_up()
            await self._client.sleep(TURN_S)
