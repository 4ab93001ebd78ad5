"""Who may: each role its own, each tenant what is its own, and nobody without a token."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.api import Tokens, create_app
from tests.scenarios.door.client import GOOD, client_of, problem
from tests.scenarios.fake_service import NOW_MS, FakeService


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


async def test_while_their_database_is_away_those_come_in_who_were_known(
    service: FakeService, tokens: Tokens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, unknown = bearer(tokens, "ingest"), bearer(tokens, "ingest")
    now_ms = NOW_MS
    monkeypatch.setattr(service, "now_ms", lambda: now_ms)
    async with client_of(service, tokens) as door:
        assert (await door.post("/v1/records", json=GOOD, headers=known)).status_code == 202
        with closing(sqlite3.connect(tmp_path / "tokens.db")) as db:
            db.execute("ALTER TABLE tokens RENAME TO away")
        now_ms += 600_000
        assert (await door.post("/v1/records", json=GOOD, headers=known)).status_code == 202
        assert "cannot look up a token" in problem(await door.post("/v1/records", json=GOOD, headers=unknown), 503)["detail"]
        now_ms += 3_000_000
        problem(await door.post("/v1/records", json=GOOD, headers=known), 503)
        with closing(sqlite3.connect(tmp_path / "tokens.db")) as db:
            db.execute("ALTER TABLE away RENAME TO tokens")
        assert (await door.post("/v1/records", json=GOOD, headers=unknown)).status_code == 202


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
