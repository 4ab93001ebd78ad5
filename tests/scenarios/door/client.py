"""The door of a service that keeps everything in lists, and what each problem it tells must hold."""

from __future__ import annotations

from typing import Any, Final

import httpx

from service.api import Tokens, create_app
from tests.scenarios.fake_service import NOW_MS, FakeService

GOOD: Final = {"id": "a", "time": NOW_MS / 1000}


def client_of(service: FakeService, tokens: Tokens | None = None, host: str = "127.0.0.1", url: str = "http://127.0.0.1:8484") -> httpx.AsyncClient:
    app = create_app(service, tokens, insecure_loopback=tokens is None)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False, client=(host, 1)), base_url=url)


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
