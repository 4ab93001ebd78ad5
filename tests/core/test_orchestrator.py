"""The demo's orchestrator, through a real courier: it obeys by sequence and expiry, and turns strangers away."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI
from msgspec.structs import replace as but

from service.couriers.events import event_of
from service.couriers.port import Delivered, GaveUp, Parts, Receiver
from service.couriers.webhook import WebhookCourier
from service.demo.orchestrator import Orchestrator, app_of
from service.facts import Scope
from tests.core.hooks import HOUR, NEW, NOTICE, NOW_MS, OLD, ORDER


class Clock:
    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


def courier_to(app: FastAPI, clock: Clock, secret: str = OLD) -> WebhookCourier:
    receiver = Receiver(name="orchestrator", kind="webhook", url="http://demo/hooks/spend", secret=secret, takes="all")
    return WebhookCourier(receiver, Parts(public_url="", clock=clock, transport=httpx.ASGITransport(app)))


async def test_the_orchestrator_obeys_by_sequence_and_expiry(clock: Clock) -> None:
    orchestrator = Orchestrator(clock)
    courier = courier_to(app_of(orchestrator, OLD, clock), clock)
    assert orchestrator.may_go_on("indexer", "run-1")
    assert await courier.deliver(ORDER) == Delivered("accepted")
    assert not orchestrator.may_go_on("indexer", "run-1")
    assert orchestrator.may_go_on("indexer", tenant="acme")
    assert orchestrator.may_go_on("other")
    assert await courier.deliver(but(ORDER, id="ord-2", action="resume", sequence=4)) == Delivered("accepted")
    assert orchestrator.may_go_on("indexer")
    late = await courier.deliver(but(ORDER, id="ord-0", sequence=2))
    assert late == Delivered("refused", "a newer order of this scope was obeyed (sequence 4)")
    assert await courier.deliver(ORDER) == Delivered("accepted")  # repeated: the same answer, no effect
    assert orchestrator.may_go_on("indexer")
    await courier.deliver(but(ORDER, id="ord-5", sequence=5))
    assert [held["order"] for held in orchestrator.paused()] == ["ord-5"]
    clock.now_ms += HOUR
    assert orchestrator.may_go_on("indexer")
    assert await courier.deliver(but(ORDER, id="ord-6", sequence=6)) == Delivered("refused", "the order has expired")
    assert [line["state"] for line in orchestrator.log] == ["accepted", "accepted", "refused", "accepted", "refused"]
    await courier.close()


async def test_the_orchestrator_turns_strangers_away_and_thanks_for_notices(clock: Clock) -> None:
    orchestrator = Orchestrator(clock)
    app = app_of(orchestrator, NEW, clock)
    stranger = await courier_to(app, clock).deliver(ORDER)
    assert isinstance(stranger, GaveUp)
    assert stranger.reason.startswith("401 Unauthorized: no signature fits")
    assert await courier_to(app, clock, NEW).deliver(NOTICE) == Delivered()
    assert orchestrator.log == []


async def test_everything_can_be_paused_at_once(clock: Clock) -> None:
    orchestrator = Orchestrator(clock)
    orchestrator.obey(event_of(but(ORDER, scope=Scope("total", "total")), ""))
    assert not orchestrator.may_go_on("anyone")
    orchestrator.obey(event_of(but(ORDER, id="ord-2", scope=Scope("use_case", "kyc")), ""))
    orchestrator.obey(event_of(but(ORDER, id="ord-3", scope=Scope("total", "total"), action="throttle", sequence=4), ""))
    assert orchestrator.may_go_on("anyone")
    assert not orchestrator.may_go_on("anyone", use_case="kyc")
