"""Controls and receipts at the door: they go into the journal, and a wrong one names its field."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from service.facts import Control, Receipt, Scope
from tests.scenarios.door.client import problem
from tests.scenarios.fake_service import NOW_MS, FakeService


async def test_controls_go_into_the_journal(door: httpx.AsyncClient, service: FakeService) -> None:
    asked: list[dict[str, Any]] = [
        {"action": "acknowledge", "incident": "inc-1", "by": "maria"},
        {"action": "pause", "scope": {"kind": "agent", "name": "indexer"}, "by": "maria", "until": "2026-11-24T10:00:00Z"},
        {"action": "pause", "scope": {"agent": "indexer"}, "by": "maria"},
        {"action": "pause", "scope": "agent:indexer", "by": "maria"},
        {"action": "resume", "order": "ord-1", "by": "maria", "approved_by": "li"},
        {"action": "verdict", "incident": "inc-1", "verdict": "not_useful", "by": "maria"},
        {"action": "plan", "scope": "use_case:kyc", "from": 100, "until": 200.5, "extra_usd": "800.5", "by": "maria"},
    ]
    answers = [await door.post("/v1/controls", json=body) for body in asked]
    assert [answer.status_code for answer in answers] == [202] * 7
    assert [said.id for said in service.said] == [answer.json()["id"] for answer in answers]
    assert len({said.id for said in service.said}) == 7
    assert service.said[1] == Control(
        id=service.said[1].id, tenant="default", action="pause", by="maria", scope=Scope("agent", "indexer"), until_ms=NOW_MS + 7_200_000
    )
    plan = service.said[6]
    assert not isinstance(plan, Receipt)
    assert (plan.from_ms, plan.until_ms, plan.extra_nanos) == (100_000, 200_500, 800_500_000_000)
    assert {said.scope for said in service.said[1:4] if not isinstance(said, Receipt)} == {("agent", "indexer")}


async def test_the_same_key_is_the_same_control(door: httpx.AsyncClient, service: FakeService) -> None:
    body = {"action": "note", "incident": "inc-1", "reason": "x", "by": "m"}
    one, two, other = [(await door.post("/v1/controls", json=body, headers={"idempotency-key": key})).json()["id"] for key in ("k", "k", "l")]
    assert one == two != other


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "action"),
        ({"action": "explode", "by": "m"}, "action"),
        ({"action": "acknowledge", "by": "m"}, "incident"),
        ({"action": "acknowledge", "incident": "inc-1"}, "by"),
        ({"action": "acknowledge", "incident": "inc-1", "by": ""}, "by"),
        ({"action": "snooze", "incident": "inc-1", "by": "m"}, "until"),
        ({"action": "snooze", "incident": "inc-1", "by": "m", "until": "later"}, "until"),
        ({"action": "snooze", "incident": "inc-1", "by": "m", "until": True}, "until"),
        ({"action": "verdict", "incident": "inc-1", "by": "m"}, "verdict"),
        ({"action": "pause", "by": "m"}, "scope"),
        ({"action": "pause", "by": "m", "scope": {"colour": "red"}}, "scope"),
        ({"action": "pause", "by": "m", "scope": ["agent"]}, "scope"),
        ({"action": "plan", "by": "m", "scope": "total", "from": 20, "until": 10}, "until"),
        ({"action": "plan", "by": "m", "scope": "total", "from": 1, "until": 10, "extra_usd": -5}, "extra_usd"),
        ({"action": "plan", "by": "m", "scope": "total", "from": 1, "until": 10, "extra_usd": "much"}, "extra_usd"),
        ({"action": "note", "incident": "inc-1", "by": "m", "reason": "x", "colour": "red"}, "colour"),
    ],
    ids=str,
)
async def test_a_wrong_control_names_its_field(door: httpx.AsyncClient, service: FakeService, body: dict[str, Any], field: str) -> None:
    problem(await door.post("/v1/controls", json=body), 422, field)
    assert not service.said


async def test_all_mistakes_are_told_at_once(door: httpx.AsyncClient) -> None:
    wrong = {"action": "plan", "by": "m", "scope": "total", "from": 1, "until": "yesterday", "extra_usd": 5}
    assert problem(await door.post("/v1/controls", json=wrong), 422, "until")["detail"].startswith("until: 'yesterday' is no time.")
    errors = problem(await door.post("/v1/controls", json={"action": "plan", "by": "m"}), 422, "scope")["errors"]
    assert [error["field"] for error in errors] == ["scope", "from", "until"]


async def test_a_control_of_what_is_not_there_is_404(door: httpx.AsyncClient) -> None:
    problem(await door.post("/v1/controls", json={"action": "acknowledge", "incident": "inc-9", "by": "m"}), 404, "id")
    problem(await door.post("/v1/controls", json={"action": "resume", "order": "ord-9", "by": "m"}), 404, "id")
    problem(await door.post("/v1/controls", content=b"{"), 400, "body")
    problem(await door.post("/v1/controls", content=b" " * 70_000), 413)


async def test_receipts_go_into_the_journal_even_before_the_order_is_known(door: httpx.AsyncClient, service: FakeService) -> None:
    assert (await door.post("/v1/orders/ord-1/receipts", json={"state": "accepted"})).json() == {"order": "ord-1", "state": "accepted", "known": True}
    assert (await door.post("/v1/orders/ord-2/receipts", json={"state": "refused", "reason": "busy", "receiver": "orch"})).json()["known"] is False
    assert service.said == [Receipt("ord-1", "token:loopback", "accepted", "", "default"), Receipt("ord-2", "orch", "refused", "busy", "default")]
    problem(await door.post("/v1/orders/ord-1/receipts", json={"state": "delivered"}), 422, "state")
