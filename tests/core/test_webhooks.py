"""Webhooks as receivers meet them: the contract's shape, other people's libraries, key rotation, and nothing that was changed."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import httpx
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as but
from standardwebhooks.webhooks import Webhook

from service.couriers.events import encoded, event_of
from service.couriers.port import Delivered, Parts, Receiver
from service.couriers.webhook import WebhookCourier
from service.facts import Notice, Order, Scope
from service.sdk.verify import UnverifiedError, keys_of, sign, verify
from tests.core.hooks import NEW, NOTICE, NOW_MS, OLD, ORDER


async def sent_by(secret: str, item: Order | Notice, clock: int = NOW_MS) -> httpx.Request:
    kept: list[httpx.Request] = []

    def reply(request: httpx.Request) -> httpx.Response:
        kept.append(request)
        return httpx.Response(204)

    receiver = Receiver(name="orchestrator", kind="webhook", url="https://hooks.example/in", secret=secret)
    courier = WebhookCourier(receiver, Parts(public_url="https://spend.example", clock=lambda: clock, transport=httpx.MockTransport(reply)))
    assert await courier.deliver(item) == Delivered()
    await courier.close()
    return kept[0]


def test_an_order_is_as_the_contract_says() -> None:
    assert event_of(ORDER, "https://spend.example") == {
        "specversion": "1.0",
        "id": "ord-1",
        "source": "https://spend.example",
        "type": "spendwarden.order.pause",
        "subject": "agent/indexer",
        "time": "2025-11-19T02:14:00.123Z",
        "datacontenttype": "application/json",
        "data": {
            "type": "order",
            "time": "2025-11-19T02:14:00.123Z",
            "action": "pause",
            "id": "ord-1",
            "tenant": "default",
            "scope": {"kind": "agent", "name": "indexer"},
            "incident": "inc-1",
            "reason": "loop",
            "mode": "enforce",
            "expires_at": "2025-11-19T03:14:00.123Z",
            "sequence": 3,
            "executions": ["run-1"],
            "evidence_url": "https://spend.example/v1/incidents/inc-1",
            "by": None,
            "approved_by": None,
            "tier": None,
        },
    }


def test_what_an_order_has_not_is_null() -> None:
    data = event_of(but(ORDER, incident="", executions=None, action="resume"), "https://spend.example")["data"]
    assert [data[name] for name in ("incident", "executions", "evidence_url", "approved_by")] == [None] * 4


def test_a_notice_carries_its_incident_and_its_text() -> None:
    event = event_of(NOTICE, "https://spend.example")
    assert (event["type"], event["subject"]) == ("spendwarden.notice", "use_case/kyc")
    assert (event["data"]["threshold"], event["data"]["about"]["spend_usd"]) == (85.0, "85.00")
    assert event["data"]["text"].startswith("[WARNING] Use case kyc has passed 85 % of budget kyc-month: $85.00 of $100.00 spent\n")


@pytest.mark.parametrize("item", [ORDER, NOTICE], ids=["order", "notice"])
async def test_any_library_of_the_conventions_reads_it(item: Order | Notice) -> None:
    request = await sent_by(NEW, item, clock=time.time_ns() // 1_000_000)
    assert Webhook(NEW).verify(request.content, dict(request.headers))["id"] == item.id
    event = from_http_event(HTTPMessage(dict(request.headers), request.content))
    assert event.get_id() == item.id
    assert event.get_source() == "https://spend.example"
    data: Any = event.get_data()
    assert data["id"] == item.id


@given(st.text(), st.text())
def test_every_name_gives_a_valid_event(kind: str, name: str) -> None:
    event = json.loads(encoded(event_of(but(ORDER, scope=Scope(kind, name)), "")))
    assert event["data"]["scope"] == {"kind": kind, "name": name}
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in event["subject"])


@pytest.mark.parametrize("known", [NEW, OLD, [NEW, OLD], "another " + OLD])
async def test_while_a_secret_is_replaced_either_is_enough(known: str | list[str]) -> None:
    request = await sent_by(f"{NEW} {OLD}", ORDER)
    assert len(request.headers["webhook-signature"].split(" ")) == 2
    assert verify(request.headers, request.content, known, NOW_MS)["id"] == "ord-1"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"webhook-id": "ord-2"}, "no signature"),
        ({"webhook-timestamp": "1763518441"}, "no signature"),
        ({"webhook-timestamp": "1763518000"}, "more than 300 s"),
        ({"webhook-timestamp": "1e9"}, "no whole number"),
        ({"webhook-signature": "v1,AAAA"}, "no signature"),
        ({"webhook-signature": "nonsense é"}, "no signature"),
        ({"webhook-signature": None}, "missing"),
    ],
)
async def test_what_was_changed_on_its_way_is_refused(change: dict[str, str | None], why: str) -> None:
    request = await sent_by(OLD, ORDER)
    headers = {name: value for name, value in {**request.headers, **change}.items() if value is not None}
    with pytest.raises(UnverifiedError, match=why):
        verify(headers, request.content, OLD, NOW_MS)


async def test_a_password_in_the_address_travels_as_a_header() -> None:
    kept: list[httpx.Request] = []
    transport = httpx.MockTransport(lambda request: kept.append(request) or httpx.Response(200))  # type: ignore[func-returns-value]
    receiver = Receiver(name="orchestrator", kind="webhook", url="https://spend:open%20sesame@hooks.example/in", secret=OLD)
    await WebhookCourier(receiver, Parts(public_url="", clock=lambda: NOW_MS, transport=transport)).deliver(ORDER)
    assert str(kept[0].url) == "https://hooks.example/in"
    assert base64.b64decode(kept[0].headers["authorization"].removeprefix("Basic ")) == b"spend:open sesame"


async def test_another_body_or_secret_is_refused() -> None:
    request = await sent_by(OLD, ORDER)
    for body, secret in ((request.content + b" ", OLD), (b"\xff", OLD), (request.content, NEW)):
        with pytest.raises(UnverifiedError):
            verify(request.headers, body, secret, NOW_MS)


@pytest.mark.parametrize("body", ["[]", "nothing", '{"specversion": "1.0"}', '{"specversion": "1.0", "id": "other", "data": {}}'])
def test_what_is_signed_but_no_event_is_refused(body: str) -> None:
    headers = {"Webhook-Id": "ord-1", "Webhook-Timestamp": "1763518440", "Webhook-Signature": sign(b"k", "ord-1", 1_763_518_440, body)}
    with pytest.raises(UnverifiedError, match=r"(?i)event"):
        verify(headers, body.encode(), "k", NOW_MS)


@pytest.mark.parametrize("secret", ["", "  ", "whsec_", "whsec_*", "a b c d e"])
def test_useless_secrets_are_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        keys_of(secret)
