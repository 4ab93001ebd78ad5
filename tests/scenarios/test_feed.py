"""The demo's traffic for a service elsewhere: the same records whoever begins again, a runaway, and a clear end."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import msgspec
import pytest

from service.demo.client import Client, DemoError
from service.demo.feeding import RUNAWAY_CALLS, feed
from tests.scenarios.commands import run

NOON_MS = 1_764_072_000_000


class Elsewhere:
    """A door that takes everything until it answers otherwise; time passes only in sleeps."""

    def __init__(self, answer: int = 202) -> None:
        self.taken: list[dict[str, Any]] = []
        self.ms, self.answer = NOON_MS, answer

    def client(self) -> Client:
        return Client(httpx.AsyncClient(base_url="http://door", transport=httpx.MockTransport(self._handle)), lambda: self.ms, self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.ms += int(seconds * 1000)
        await asyncio.sleep(0)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/readyz":
            return httpx.Response(200)
        self.taken += [msgspec.json.decode(line) for line in request.content.splitlines()]
        return httpx.Response(self.answer, json={"refused": []})


async def fed(door: Elsewhere, until_ms: int) -> int:
    """Ends once the door's clock stands there."""
    ended = asyncio.Event()

    async def watch() -> None:
        while door.ms < until_ms:  # noqa: ASYNC110 -- the door's clock tells nobody
            await asyncio.sleep(0)
        ended.set()

    _, sent = await asyncio.gather(watch(), feed(door.client(), 2, 60, ended))
    return sent


async def test_the_past_comes_first_and_one_runs_away() -> None:
    door = Elsewhere()
    sent = await fed(door, NOON_MS + 120_000)
    repeated = [record for record in door.taken if record.get("signature") == "match-invoice-4711"]
    assert len(repeated) >= RUNAWAY_CALLS
    assert len({record["execution_id"] for record in repeated[:RUNAWAY_CALLS]}) == 1
    times = [record["time"] * 1000 for record in door.taken]
    assert NOON_MS - 2 * 3_600_000 <= min(times) < NOON_MS - 3_600_000
    assert sent == sum(record.get("type", "usage") == "usage" for record in door.taken) - len(repeated)


async def test_begun_again_it_says_the_same_under_the_same_ids() -> None:
    first, second = Elsewhere(), Elsewhere()
    await fed(first, NOON_MS + 10_000)
    await fed(second, NOON_MS + 10_000)
    both = [{record["id"]: record for record in door.taken if record["time"] * 1000 < NOON_MS} for door in (first, second)]
    assert both[0] == both[1]
    assert len(both[0]) > 100


async def test_a_door_that_does_not_take_them_ends_it() -> None:
    with pytest.raises(DemoError, match="records were not taken: 401"):
        await fed(Elsewhere(answer=401), NOON_MS + 10_000)


def test_wrong_usage_is_told() -> None:
    for words, told in ((("--token", "env:SPENDWARDEN_NO_SUCH_TOKEN"), "names nothing that can be read"), (("--to", "nowhere"), "must be an address")):
        done = run("feed", *words)
        assert (done.exit_code, told in done.stderr) == (2, True), done.stderr
