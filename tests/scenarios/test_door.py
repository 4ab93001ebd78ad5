from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.api import BehindError, Check, Tokens, create_app
from service.facts import Control, Receipt, Scope
from service.intake.batches import BODY_BYTES_MAX
from service.records import Usage
from tests.scenarios.fake_service import NOW_MS, FakeService

GOOD = {"id": "a", "time": NOW_MS / 1000}


def client_of(service: FakeService, tokens: Tokens | None = None, host: str = "127.0.0.1", url: str = "http://127.0.0.1:8484") -> httpx.AsyncClient:
    app = create_app(service, tokens, insecure_loopback=tokens is None)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False, client=(host, 1)), base_url=url)


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
async def door(service: FakeService) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(service) as client:
        yield client


def problem(answer: httpx.Response, status: int, field: str | None = None) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["field"] == field, body
    assert body["title"]
    assert body["detail"]
    assert body["fix"].endswith(".")
    return body


# ---------------------------------------------------------------- records


async def test_one_record_many_and_lines_are_taken(door: httpx.AsyncClient, service: FakeService) -> None:
    lines = json.dumps(GOOD | {"id": "c"}) + "\n" + json.dumps(GOOD | {"id": "d"})
    answers = [
        await door.post("/v1/records", json=GOOD),
        await door.post("/v1/records", json=[GOOD | {"id": "b"}]),
        await door.post("/v1/records", content=gzip.compress(lines.encode()), headers={"content-type": "application/x-ndjson", "content-encoding": "gzip"}),
    ]
    assert [(answer.status_code, answer.json()["accepted"]) for answer in answers] == [(202, 1), (202, 1), (202, 2)]
    assert [record.id for record in service.records] == ["a", "b", "c", "d"]


async def test_a_refused_record_is_told_by_its_place_and_kept_and_the_rest_is_taken(door: httpx.AsyncClient, service: FakeService) -> None:
    batch = [GOOD, GOOD | {"id": "b", "input_tokens": -1}, {"id": "c", "time": NOW_MS / 1000 + 601}, GOOD | {"id": "d", "colour": "red"}, 5]
    answer = await door.post("/v1/records", json=batch)
    assert answer.status_code == 202
    body = answer.json()
    assert body["accepted"] == 2
    assert [(told["index"], told["id"], told["reason"], told["field"]) for told in body["refused"]] == [
        (1, "b", "negative", "input_tokens"),
        (2, "c", "too_early", "time"),
        (4, "", "not_an_object", ""),
    ]
    assert body["unknown_fields"] == {"colour": 1}
    assert [record.id for record in service.records] == ["a", "d"]
    assert [json.loads(refusal.raw) for refusal in service.refusals] == [batch[1], batch[2], 5]
    assert {refusal.where for refusal in service.refusals} == {"http:spendwarden:loopback"}


async def test_a_batch_that_can_be_read_but_is_refused_whole_says_so(door: httpx.AsyncClient) -> None:
    answer = await door.post("/v1/records", json={"time": 1})
    assert (answer.status_code, answer.json()["accepted"], answer.json()["refused"][0]["field"]) == (202, 0, "id")


@pytest.mark.parametrize("path", ["/v1/records", "/v1/litellm"])
async def test_what_cannot_be_read_is_a_problem(door: httpx.AsyncClient, service: FakeService, path: str) -> None:
    assert problem(await door.post(path, content=b""), 400)["reason"] == "empty"
    assert problem(await door.post(path, content=b"[{]"), 400)["reason"] == "not_json"
    assert problem(await door.post(path, content=b"\xff\xfe"), 400)["refused"][0]["reason"] == "not_json"
    assert problem(await door.post(path, content=gzip.compress(b"{}")[:-4], headers={"content-encoding": "gzip"}), 400)["reason"] == "broken_gzip"
    assert problem(await door.post(path, content=b"{}", headers={"content-encoding": "br"}), 415)["reason"] == "unknown_encoding"
    assert problem(await door.post(path, content=b"[" + b"1," * 10_000 + b"1]"), 413)["reason"] == "too_many"
    assert problem(await door.post(path, content=b" " * (BODY_BYTES_MAX + 1)), 413)["reason"] == "too_large"
    assert (
        problem(await door.post(path, content=gzip.compress(b" " * (BODY_BYTES_MAX + 1)), headers={"content-encoding": "gzip"}), 413)["reason"] == "too_large"
    )
    assert not service.records


async def test_an_empty_array_is_taken_without_a_write(door: httpx.AsyncClient, service: FakeService) -> None:
    service.broken = "must not be asked"
    answer = await door.post("/v1/records", json=[])
    assert (answer.status_code, answer.json()["accepted"]) == (202, 0)


async def test_litellm_is_taken(door: httpx.AsyncClient, service: FakeService) -> None:
    answer = await door.post("/v1/litellm", json=[{"id": "x", "endTime": NOW_MS / 1000, "response_cost": 0.5, "messages": "secret", "prompt_tokens": 3}])
    assert answer.json()["accepted"] == 1
    (record,) = service.records
    assert isinstance(record, Usage)
    assert (record.source, record.cost_usd, record.input_tokens) == ("litellm", "0.5", 3)


async def test_a_full_disk_is_503_and_nothing_counts_as_taken(door: httpx.AsyncClient, service: FakeService) -> None:
    service.broken = "disk full"
    answer = await door.post("/v1/records", json=GOOD)
    assert "disk full" in problem(answer, 503)["detail"]
    assert answer.headers["retry-after"] == "1"
    problem(await door.post("/v1/controls", json={"action": "note", "incident": "inc-1", "by": "m", "reason": "r"}), 503)
    problem(await door.post("/v1/orders/ord-1/receipts", json={"state": "accepted"}), 503)
    service.broken = ""
    assert (await door.post("/v1/records", json=GOOD)).status_code == 202


async def test_a_door_that_cannot_keep_up_says_when_to_come_back(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    held = asyncio.Event()

    async def slow(records: Any, refusals: Any) -> None:
        await held.wait()
        service.records += records

    monkeypatch.setattr(service, "accept", slow)
    batch = [GOOD | {"id": str(n)} for n in range(10_000)]
    async with client_of(service) as door:
        waiting = [asyncio.create_task(door.post("/v1/records", json=batch)) for _ in range(6)]
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        (busy,) = done
        answer = await busy
        problem(answer, 429)
        assert int(answer.headers["retry-after"]) >= 1
        held.set()
        answers = await asyncio.gather(*waiting)
    assert sorted(answer.status_code for answer in answers) == [202, 202, 202, 202, 202, 429]
    assert len(service.records) == 50_000


async def test_a_service_that_is_behind_says_when_to_come_back(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    async def behind(records: Any, refusals: Any) -> None:
        raise BehindError("too many rows wait", 7)

    monkeypatch.setattr(service, "accept", behind)
    async with client_of(service) as door:
        answer = await door.post("/v1/records", json=GOOD)
    problem(answer, 429)
    assert answer.headers["retry-after"] == "7"


async def test_requests_that_come_together_are_committed_together(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    groups: list[int] = []
    accept = service.accept

    async def counted(records: Any, refusals: Any) -> None:
        groups.append(len(records))
        await accept(records, refusals)

    monkeypatch.setattr(service, "accept", counted)
    async with client_of(service) as door:
        answers = await asyncio.gather(*(door.post("/v1/records", json=GOOD | {"id": str(n)}) for n in range(100)))
    assert {answer.status_code for answer in answers} == {202}
    assert sum(groups) == 100
    assert len(groups) < 50


async def test_what_the_service_did_not_expect_is_a_500_without_its_secrets(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(records: Any, refusals: Any) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr(service, "accept", broken)
    async with client_of(service) as door:
        assert "secret" not in str(problem(await door.post("/v1/records", json=GOOD), 500))


# ---------------------------------------------------------------- questions


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


# ---------------------------------------------------------------- controls and receipts


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
    errors = problem(await door.post("/v1/controls", json={"action": "plan", "by": "m"}), 422, "scope")["errors"]
    assert [error["field"] for error in errors] == ["scope", "from", "until"]


async def test_a_control_of_what_is_not_there_is_404(door: httpx.AsyncClient) -> None:
    problem(await door.post("/v1/controls", json={"action": "acknowledge", "incident": "inc-9", "by": "m"}), 404, "id")
    problem(await door.post("/v1/controls", json={"action": "resume", "order": "ord-9", "by": "m"}), 404, "id")
    problem(await door.post("/v1/controls", content=b"{"), 422, "body")
    problem(await door.post("/v1/controls", content=b" " * 70_000), 413)


async def test_receipts_go_into_the_journal_even_before_the_order_is_known(door: httpx.AsyncClient, service: FakeService) -> None:
    assert (await door.post("/v1/orders/ord-1/receipts", json={"state": "accepted"})).json() == {"order": "ord-1", "state": "accepted", "known": True}
    assert (await door.post("/v1/orders/ord-2/receipts", json={"state": "refused", "reason": "busy", "receiver": "orch"})).json()["known"] is False
    assert service.said == [Receipt("ord-1", "token:loopback", "accepted", "", "default"), Receipt("ord-2", "orch", "refused", "busy", "default")]
    problem(await door.post("/v1/orders/ord-1/receipts", json={"state": "delivered"}), 422, "state")


# ---------------------------------------------------------------- who may


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[Tokens]:
    kept = Tokens(f"sqlite:///{tmp_path}/tokens.db")
    yield kept
    kept.close()


def bearer(tokens: Tokens, role: Any, tenant: str | None = "acme") -> dict[str, str]:
    return {"authorization": f"Bearer {tokens.create(role, tenant, 1)[1]}"}


async def test_each_role_may_do_its_own(service: FakeService, tokens: Tokens) -> None:
    calls = {
        "ingest": ("POST", "/v1/records", GOOD),
        "read": ("GET", "/v1/spend", None),
        "operate": ("POST", "/v1/controls", {"action": "pause", "scope": "agent:x", "by": "m"}),
        "receipt": ("POST", "/v1/orders/ord-9/receipts", {"state": "accepted"}),
        "paused": ("GET", "/v1/paused", None),
    }
    may = {"ingest": {"ingest"}, "read": {"read", "paused"}, "operate": {"read", "operate", "paused"}, "receipt": {"receipt", "paused"}}
    async with client_of(service, tokens) as door:
        for role, allowed in may.items():
            headers = bearer(tokens, role)
            for action, (method, path, body) in calls.items():
                answer = await door.request(method, path, json=body, headers=headers)
                if action in allowed:
                    assert answer.is_success, (role, action, answer.text)
                else:
                    problem(answer, 403)


async def test_without_a_token_only_health_answers(service: FakeService, tokens: Tokens) -> None:
    async with client_of(service, tokens) as door:
        for path in ("/healthz", "/readyz", "/openapi.json"):
            assert (await door.get(path)).status_code == 200
        for path in ("/metrics", "/v1/spend", "/v1/incidents"):
            answer = await door.get(path)
            problem(answer, 401, "Authorization")
            assert answer.headers["www-authenticate"] == "Bearer"
        problem(await door.post("/v1/records", content=b"not even looked at"), 401, "Authorization")
        problem(await door.get("/v1/spend", headers={"authorization": "Bearer swt_wrong"}), 401, "Authorization")
        problem(await door.get("/v1/spend", headers={"authorization": "Basic dTpw"}), 401, "Authorization")


async def test_a_revoked_token_is_forgotten(service: FakeService, tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    id_, token = tokens.create("read", "acme", 1)
    now_ms = NOW_MS
    monkeypatch.setattr(service, "now_ms", lambda: now_ms)
    async with client_of(service, tokens) as door:
        headers = {"authorization": f"Bearer {token}"}
        assert (await door.get("/v1/spend", headers=headers)).status_code == 200
        assert tokens.revoke(id_, 2)
        now_ms += 5_000
        problem(await door.get("/v1/spend", headers=headers), 401, "Authorization")


async def test_a_tokens_tenant_is_the_only_one_it_sees_and_writes(service: FakeService, tokens: Tokens) -> None:
    async with client_of(service, tokens) as door:
        await door.post("/v1/records", json=GOOD | {"tenant": "theirs"}, headers=bearer(tokens, "ingest"))
        assert [record.tenant for record in service.records] == ["acme"]
        read = bearer(tokens, "read")
        assert (await door.get("/v1/spend", headers=read)).json()["tenant"] == "acme"
        assert (await door.get("/v1/spend?tenant=acme", headers=read)).status_code == 200
        problem(await door.get("/v1/spend?tenant=default", headers=read), 403, "tenant")
        assert (await door.get("/v1/incidents", headers=read)).json()["items"] == []
        problem(await door.get("/v1/incidents/inc-1", headers=read), 404, "id")
        problem(await door.post("/v1/orders/ord-1/receipts", json={"state": "refused"}, headers=bearer(tokens, "receipt")), 404, "id")
        problem(await door.post("/v1/controls", json={"action": "acknowledge", "incident": "inc-1", "by": "m"}, headers=bearer(tokens, "operate")), 404, "id")
        everywhere = bearer(tokens, "ingest", None)
        await door.post("/v1/records", json=GOOD | {"tenant": "theirs"}, headers=everywhere)
        assert service.records[-1].tenant == "theirs"


async def test_loopback_without_tokens_is_this_machine_by_its_own_name(service: FakeService) -> None:
    for url in ("http://localhost:8484", "http://127.0.0.1", "http://[::1]:8484"):
        async with client_of(service, url=url) as door:
            assert (await door.get("/v1/spend")).status_code == 200
    async with client_of(service, url="http://evil.example") as door:
        problem(await door.get("/v1/spend"), 401, "Authorization")
    async with client_of(service, host="192.0.2.7") as door:
        problem(await door.get("/v1/spend"), 401, "Authorization")
    app = create_app(service)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as door:
        problem(await door.get("/v1/spend"), 401, "Authorization")


def test_tokens_are_kept_as_digests_only(tokens: Tokens, tmp_path: Path) -> None:
    id_, token = tokens.create("read", "acme", 5)
    assert token.encode() not in (tmp_path / "tokens.db").read_bytes()
    assert tokens.find(token) == (id_, "read", "acme")
    assert tokens.find(token + "x") is None
    assert [(row.id, row.role, row.tenant, row.created_ms, row.revoked_ms) for row in tokens.all()] == [(id_, "read", "acme", 5, None)]
    assert tokens.revoke(id_, 6)
    assert not tokens.revoke(id_, 7)
    assert not tokens.revoke("tok-none", 7)
    assert tokens.find(token) is None
    with pytest.raises(ValueError, match="role"):
        tokens.create("admin", None, 1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="tenant"):
        tokens.create("read", "", 1)
