"""The demo's orchestrator, through a real courier: it obeys by the SDK, logs each order once, and turns strangers away."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI
from msgspec.structs import replace as but

from service.couriers.port import Delivered, GaveUp, Parts, Receiver
from service.couriers.webhook import WebhookCourier
from service.demo.orchestrator import Orchestrator, app_of
from tests.core.hooks import HOUR, NEW, NOTICE, OLD, ORDER, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


def courier_to(app: FastAPI, clock: Clock, secret: str = OLD) -> WebhookCourier:
    receiver = Receiver(name="orchestrator", kind="webhook", url="http://demo/hooks/spend", secret=secret, takes="all")
    return WebhookCourier(receiver, Parts(public_url="", clock=clock, transport=httpx.ASGITransport(app)))


async def test_the_orchestrator_obeys_by_sequence_and_expiry_and_logs_each_order_once(clock: Clock) -> None:
    orchestrator = Orchestrator(clock)
    app = app_of(orchestrator, OLD)
    courier, may_go_on = courier_to(app, clock), orchestrator.switch.may_go_on
    assert await courier.deliver(ORDER) == Delivered("accepted")
    assert not may_go_on(agent="indexer", execution="run-1")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://demo") as client:
        assert (await client.get("/paused")).json() == [{"tenant": "default", "scope": ["agent", "indexer"], "until_ms": ORDER.expires_ms, "order": "ord-1"}]
        assert await courier.deliver(but(ORDER, id="ord-2", action="resume", sequence=4)) == Delivered("accepted")
        assert await courier.deliver(ORDER) == Delivered("accepted")  # repeated: the same answer, no effect
        assert may_go_on(agent="indexer")
        clock.now_ms += HOUR
        assert await courier.deliver(but(ORDER, id="ord-6", sequence=6)) == Delivered("refused", "the order has expired")
        assert [line["state"] for line in (await client.get("/log")).json()] == ["accepted", "accepted", "refused"]
    await courier.close()


async def test_the_orchestrator_turns_strangers_away_and_thanks_for_notices(clock: Clock) -> None:
    orchestrator = Orchestrator(clock)
    app = app_of(orchestrator, NEW)
    stranger = await courier_to(app, clock).deliver(ORDER)
    assert isinstance(stranger, GaveUp)
    assert stranger.reason.startswith("401 Unauthorized: no signature fits")
    assert await courier_to(app, clock, NEW).deliver(NOTICE) == Delivered()
    assert orchestrator.log == []
