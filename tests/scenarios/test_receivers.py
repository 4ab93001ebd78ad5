"""Another policy for a running service: its receivers are added, changed and removed without a restart, and nothing that waits is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from service.clock import now_ms
from service.couriers.port import GaveUp, RetryLater
from service.couriers.unmade import Unmade
from service.engine.published import publish
from service.log.blocking import complete
from service.policy import load
from tests.listening import listening
from tests.samples import NOTICE, ORDER
from tests.scenarios.live_service import Live, live, until

BUDGETS = "budgets: [{name: all-day, scope: total, period: day, limit_usd: 100, thresholds: [50]}]\n"
CONSOLE = "{name: terminal, kind: console}"
NOWHERE = "http://127.0.0.1:9"  # nothing listens at the port of discard


def hook(url: str) -> str:
    return f'{{name: hook, kind: webhook, url: "{url}", secret: "env:HOOK_SECRET"}}'


def policy(*receivers: str) -> str:
    return BUDGETS + f"receivers: [{', '.join((CONSOLE, *receivers))}]"


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", "xyzzy-xyzzy")
    monkeypatch.setattr("service.engine.published.TAKEN_UP_MS", 0)


class Hook:
    """A receiver that takes everything and keeps the ids."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.signatures: list[int] = []  # how many each request had
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        headers = dict(line.partition(": ")[::2] for line in head.splitlines())
        self.ids.append(headers["webhook-id"])
        self.signatures.append(len(headers["webhook-signature"].split()))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()


@asynccontextmanager
async def receiving() -> AsyncIterator[Hook]:
    heard = Hook()
    async with listening(heard.serve) as port:
        heard.url = f"http://127.0.0.1:{port}"
        yield heard


async def apply(service: Live, text: str) -> None:
    """As `policy apply` does; returns when the service has taken it up."""
    published = complete(publish(service.running.log, load(text), now_ms()))

    async def is_taken_up() -> bool:
        return service.running.engine.heard.policy_version == published.version and service.running.service.policy.digest == published.digest

    await until(is_taken_up)


async def deliveries(service: Live) -> dict[str, dict[str, Any]]:
    """How the notices of the one incident were delivered, by receiver."""
    items = (await service.door.get("/v1/incidents")).json()["items"]
    story = (await service.door.get(f"/v1/incidents/{items[0]['id']}")).json() if items else {"notices": []}
    return {notice["receiver"]: notice for notice in story["notices"]}


async def ended(service: Live, receiver: str, state: str) -> bool:
    return (await deliveries(service)).get(receiver, {}).get("delivery") == state


async def waits(service: Live) -> bool:
    return 'spendwarden_deliveries_waiting{lane="notices",receiver="hook"} 1.0' in (await service.door.get("/metrics")).text


async def test_a_receiver_that_is_added_hears_what_comes_then(tmp_path: Path) -> None:
    async with receiving() as heard, live(tmp_path, policy()) as service:
        await apply(service, policy(hook(heard.url)))
        await service.taken(60)
        await until(lambda: ended(service, "hook", "delivered"))
        assert await ended(service, "terminal", "delivered")
        assert heard.ids == [(await deliveries(service))["hook"]["id"]]


async def test_what_waits_for_a_receiver_goes_to_its_new_address(tmp_path: Path) -> None:
    async with receiving() as heard, live(tmp_path, policy(hook(NOWHERE))) as service:
        await service.taken(60)
        await until(lambda: waits(service))
        await apply(service, policy(hook(heard.url)))
        await until(lambda: ended(service, "hook", "delivered"))
        assert heard.ids == [(await deliveries(service))["hook"]["id"]]


async def test_what_waits_for_a_receiver_that_is_removed_ends_with_the_reason(tmp_path: Path) -> None:
    async with live(tmp_path, policy(hook(NOWHERE))) as service:
        await service.taken(60)
        await until(lambda: waits(service))
        await apply(service, policy())
        await until(lambda: ended(service, "hook", "failed"))
        assert (await deliveries(service))["hook"]["delivery_reason"] == "no receiver hook takes notices"
        assert not await waits(service)


async def test_a_receiver_whose_secret_is_missing_is_seen_and_what_it_should_hear_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def is_unusable() -> bool:
        return 'spendwarden_receiver_unusable{receiver="hook"} 1.0' in (await service.door.get("/metrics")).text

    async with receiving() as heard, live(tmp_path, policy()) as service:
        monkeypatch.delenv("HOOK_SECRET")
        await apply(service, policy(hook(heard.url)))
        await until(is_unusable)
        await service.taken(60)
        await until(lambda: ended(service, "terminal", "delivered"))
        await until(lambda: waits(service))
        monkeypatch.setenv("HOOK_SECRET", "xyzzy-xyzzy")
        await apply(service, policy(hook(heard.url)) + "\ntimezone: Europe/Berlin")
        await until(lambda: ended(service, "hook", "delivered"))
        assert not await is_unusable()
    with pytest.raises(ValueError, match=r"receivers\[1\].secret: points nowhere: env:HOOK_SECRET"):  # noqa: PT012 -- the environment is the call's
        monkeypatch.delenv("HOOK_SECRET")
        async with live(tmp_path / "new", policy(hook(heard.url))):
            pass


async def test_a_key_that_is_replaced_in_its_file_signs_without_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.shells.delivery.SECRETS_AGAIN_S", 0.01)
    secret = tmp_path / "secret"
    secret.write_text("old-old-old")

    async with receiving() as heard, live(tmp_path / "data", policy(hook(heard.url).replace("env:HOOK_SECRET", f"file:{secret}"))) as service:
        first = service.running.delivery.dispatcher
        secret.write_text("new-new-new old-old-old\n")

        async def is_made_anew() -> bool:
            return service.running.delivery.dispatcher is not first

        await until(is_made_anew)
        await service.taken(60)
        await until(lambda: ended(service, "hook", "delivered"))
        assert heard.signatures == [2]


async def test_an_order_to_a_receiver_that_cannot_be_made_fails_at_once() -> None:
    unmade = Unmade("hook", "receiver hook: needs one secret")
    assert await unmade.deliver(ORDER) == GaveUp("receiver hook: needs one secret")
    assert await unmade.deliver(NOTICE) == RetryLater(None, "receiver hook: needs one secret")
