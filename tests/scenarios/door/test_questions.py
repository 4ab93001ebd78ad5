"""Questions at the door: answers in exact text, lists with a cursor, and wrong questions that name their field."""

from __future__ import annotations

import httpx
import pytest

from service.api import Check
from tests.scenarios.door.client import problem
from tests.scenarios.fake_service import FakeService


async def test_spend_is_exact_text(door: httpx.AsyncClient) -> None:
    answer = (await door.get("/v1/spend?scope=use_case:kyc&from=&to=&by=agent&step=hour")).json()
    assert answer == {
        "scope": {"kind": "use_case", "name": "kyc"},
        "tenant": "default",
        "from": None,
        "to": None,
        "records": 2,
        "spend_usd": "1.23",
        "tokens": {"input": 900, "cache_read": 0, "cache_write": 0, "output": 50, "reasoning": 0, "total": 950},
        "by": {"indexer": "1.23"},
        "series": [{"time": "2026-11-24T08:00:00.000Z", "spend_usd": "1.23", "records": 2}],
    }
    assert "series" not in (await door.get("/v1/spend")).json()


async def test_spans_are_minutes(door: httpx.AsyncClient, service: FakeService) -> None:
    answer = (await door.get("/v1/spend", params={"from": "2026-11-24T08:00:30Z", "to": "2026-11-24T10:00:00+01:00"})).json()
    assert (answer["from"], answer["to"]) == ("2026-11-24T08:00:00.000Z", "2026-11-24T09:00:00.000Z")
    assert (await door.get("/v1/spend", params={"from": "60", "to": "61"})).json()["to"] == "1970-01-01T00:02:00.000Z"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("scope=kyc", "scope"),
        ("scope=colour:red", "scope"),
        ("scope=agent:", "scope"),
        ("by=colour", "by"),
        ("step=year", "step"),
        ("from=yesterday", "from"),
        ("from=2026-11-24T08:00:00", "from"),
        ("from=nan", "from"),
        ("from=1e300", "from"),
        ("from=1.7e308", "from"),
        ("to=-1", "to"),
        ("from=100&to=10", "to"),
        ("scope=user:u-1&by=agent", "by"),
        ("scope=agent:indexer&by=user", "by"),
    ],
)
async def test_a_question_that_makes_no_sense_names_its_field(door: httpx.AsyncClient, query: str, field: str) -> None:
    problem(await door.get(f"/v1/spend?{query}"), 422, field)


async def test_lists_have_items_and_a_cursor(door: httpx.AsyncClient, service: FakeService) -> None:
    incidents = (await door.get("/v1/incidents?state=open&scope=agent:indexer&limit=5")).json()
    assert [item["id"] for item in incidents["items"]] == ["inc-1"]
    assert incidents["next_cursor"] is None
    asked = service.books.asked[-1]
    assert (asked.state, asked.scope, asked.limit, asked.tenant) == ("open", ("agent", "indexer"), 5, None)
    orders = (await door.get("/v1/orders")).json()
    assert (orders["items"][0]["state"], orders["next_cursor"]) == ("delivered", "next")
    paused = (await door.get("/v1/paused")).json()["items"][0]
    assert paused["scope"] == {"kind": "agent", "name": "indexer"}
    assert (paused["order"], paused["expires_at"]) == ("ord-1", "2026-11-25T08:00:00.000Z")
    problem(await door.get("/v1/orders?cursor=made-up"), 422, "cursor")
    problem(await door.get("/v1/orders?limit=1001"), 422, "limit")
    assert "resolved" in problem(await door.get("/v1/incidents?state=xx"), 422, "state")["fix"]
    assert problem(await door.get("/v1/spend?form=2026-11-24T08:00:00Z"), 422, "form")["fix"] == "Write `from`, if that is meant."
    problem(await door.get("/v1/incidents?limit=many"), 422, "limit")


async def test_budgets_are_paged_too(door: httpx.AsyncClient) -> None:
    first = (await door.get("/v1/budgets?limit=2")).json()
    assert [item["name"] for item in first["items"]] == ["b0", "b1"]
    assert first["items"][0] | {"runs_out": None} == first["items"][0]
    assert first["items"][1]["runs_out"].keys() == {"early", "likely", "late"}
    rest = (await door.get(f"/v1/budgets?limit=2&cursor={first['next_cursor']}")).json()
    assert ([item["name"] for item in rest["items"]], rest["next_cursor"]) == (["b2"], None)
    problem(await door.get("/v1/budgets?cursor=x"), 422, "cursor")


async def test_an_incident_comes_with_its_story(door: httpx.AsyncClient) -> None:
    story = (await door.get("/v1/incidents/inc-1")).json()
    assert (story["id"], story["state"], story["spend_usd"]) == ("inc-1", "open", "5.00")
    assert [len(story[part]) for part in ("history", "notices", "orders", "controls")] == [1, 1, 1, 1]
    problem(await door.get("/v1/incidents/inc-2"), 404, "id")
    problem(await door.get("/v1/incidents/inc%00"), 404, "id")


async def test_where_an_incidents_money_lies(door: httpx.AsyncClient) -> None:
    assert (await door.get("/v1/incidents/inc-1/where")).json() == {
        "from": "2026-11-24T08:00:00.000Z",
        "to": "2026-11-24T08:01:00.000Z",
        "every_hours": 24,
        "averaged": 4,
        "combinations": 2,
        "difference_usd": "5.00",
        "places": [{"values": {"model": "gpt-5"}, "difference_usd": "5.00"}],
        "rest_usd": "0.00",
    }
    problem(await door.get("/v1/incidents/inc-2/where"), 404, "id")


async def test_what_limits_a_scope(door: httpx.AsyncClient) -> None:
    (entry,) = (await door.get("/v1/policy/effective?scope=agent:indexer")).json()["items"]
    assert entry["path"] == "budgets[1]"
    problem(await door.get("/v1/policy/effective"), 422, "scope")


async def test_health(door: httpx.AsyncClient, service: FakeService) -> None:
    assert (await door.get("/healthz")).json() == {"status": "ok"}
    assert (await door.get("/readyz")).json()["ready"] is True
    service.checks = [Check("canary", ok=False, detail="no finding yet")]
    assert "no finding yet" in problem(await door.get("/readyz"), 503)["detail"]
    metrics = await door.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "spendwarden_records_total 5" in metrics.text


async def test_there_is_nothing_else(door: httpx.AsyncClient) -> None:
    problem(await door.get("/v2/records"), 404)
    answer = await door.delete("/v1/records")
    problem(answer, 405)
    assert answer.headers["allow"] == "POST"
    document = (await door.get("/openapi.json")).json()
    assert {"/v1/records", "/v1/litellm", "/v1/spend", "/v1/controls", "/v1/orders/{id}/receipts"} <= document["paths"].keys()
    assert "Usage" in document["components"]["schemas"]
