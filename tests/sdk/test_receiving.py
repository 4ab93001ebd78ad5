"""Orders over ASGI with real signatures, and the questions to a real door: proved, in time, once, and never from a stranger."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from msgspec.structs import replace as but

from service.couriers.events import encoded, event_of
from service.couriers.port import Delivered, GaveUp, Outcome, Parts, Receiver
from service.couriers.webhook import WebhookCourier
from service.facts import Notice, Order
from service.sdk import OrderReceiver, Switch
from service.sdk.asgi import BODY_BYTES_MAX
from service.sdk.verify import TOLERANCE_S, sign
from tests.core.hooks import HOUR, NEW, NOTICE, NOW_MS, OLD, ORDER, Clock


async def send(receiver: OrderReceiver, item: Order | Notice, secret: str, now_ms: int = NOW_MS) -> Outcome:
    to = Receiver(name="orchestrator", kind="webhook", url="http://own.example/hooks/spend", secret=secret, takes="all")
    courier = WebhookCourier(to, Parts(public_url="", clock=lambda: now_ms, transport=httpx.ASGITransport(receiver)))
    outcome = await courier.deliver(item)
    await courier.close()
    return outcome


def client(receiver: OrderReceiver) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(receiver), base_url="http://own.example")


@pytest.mark.parametrize(("ours", "theirs"), [(NEW, f"{NEW} {OLD}"), (OLD, f"{NEW} {OLD}"), (f"{NEW} {OLD}", OLD), (f"{NEW} {OLD}", NEW)])
async def test_while_a_key_is_replaced_either_is_enough(switch: Switch, clock: Clock, ours: str, theirs: str) -> None:
    assert await send(OrderReceiver(None, switch=switch, secrets=theirs, clock=clock), ORDER, ours) == Delivered("accepted")
    assert not switch.may_go_on(agent="indexer")


async def test_after_it_was_replaced_the_old_key_opens_nothing(switch: Switch, clock: Clock) -> None:
    outcome = await send(OrderReceiver(None, switch=switch, secrets=[NEW], clock=clock), ORDER, OLD)
    assert isinstance(outcome, GaveUp)
    assert outcome.reason.startswith("401 Unauthorized: no signature fits")
    assert switch.may_go_on(agent="indexer")


@pytest.mark.parametrize(("skew_s", "obeyed"), [(TOLERANCE_S, True), (-TOLERANCE_S, True), (TOLERANCE_S + 1, False), (-TOLERANCE_S - 1, False)])
async def test_a_clock_may_be_wrong_by_five_minutes(switch: Switch, clock: Clock, skew_s: int, obeyed: bool) -> None:
    outcome = await send(OrderReceiver(None, switch=switch, secrets=OLD, clock=clock), but(ORDER, expires_ms=NOW_MS + HOUR), OLD, NOW_MS + skew_s * 1000)
    assert (outcome == Delivered("accepted")) is obeyed


async def test_a_request_played_again_changes_nothing(switch: Switch, clock: Clock) -> None:
    body = encoded(event_of(ORDER, ""))
    now_s = NOW_MS // 1000
    headers = {"webhook-id": ORDER.id, "webhook-timestamp": str(now_s), "webhook-signature": sign(OLD.encode(), ORDER.id, now_s, body.decode())}
    async with client(OrderReceiver(None, switch=switch, secrets=OLD, clock=clock)) as http:
        assert (await http.post("/hooks/spend", content=body, headers=headers)).json() == {"state": "accepted"}
        switch.obey(event_of(but(ORDER, id="ord-2", action="resume", sequence=4), ""))
        assert (await http.post("/hooks/spend", content=body, headers=headers)).json() == {"state": "accepted"}
        assert switch.may_go_on(agent="indexer")
        clock.now_ms += (TOLERANCE_S + 1) * 1000
        assert (await http.post("/hooks/spend", content=body, headers=headers)).status_code == 401


async def test_what_is_no_order_of_ours_is_turned_away(switch: Switch, clock: Clock) -> None:
    async with client(OrderReceiver(None, switch=switch, secrets=OLD, clock=clock)) as http:
        assert (await http.get("/hooks/spend")).status_code == 405
        assert (await http.post("/hooks/spend", content=b"{}")).json() == {"reason": "the header 'webhook-id' is missing"}
        assert (await http.post("/hooks/spend", content=b"x" * (BODY_BYTES_MAX + 1))).status_code == 413
        assert (await http.post("/elsewhere")).status_code == 404


async def test_everything_else_passes_by_and_what_is_proved_is_heard(switch: Switch, clock: Clock) -> None:
    heard: list[tuple[str, str]] = []
    passed: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        passed.append(scope["type"])
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})

    receiver = OrderReceiver(app, switch=switch, secrets=OLD, clock=clock, heard=lambda event, answer: heard.append((event["type"], answer["state"])))
    assert await send(receiver, NOTICE, OLD) == Delivered()
    assert await send(receiver, ORDER, OLD) == Delivered("accepted")
    async with client(receiver) as http:
        assert (await http.post("/elsewhere")).status_code == 204
    await receiver({"type": "lifespan"}, asyncio.Queue[Any]().get, lambda _: asyncio.sleep(0))
    assert passed == ["http", "lifespan"]
    assert heard == [("spendwarden.notice", "accepted"), ("spendwarden.order.pause", "accepted")]


def test_a_receiver_without_a_key_is_not_made(switch: Switch) -> None:
    with pytest.raises(ValueError, match="needs one secret"):
        OrderReceiver(None, switch=switch, secrets="")
