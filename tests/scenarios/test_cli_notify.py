"""`notify test`: a real receiver on this machine that proves what it gets, and everything that can be wrong with one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.clock import now_ms
from service.sdk import Switch, UnverifiedError, verify
from tests.adapters.world import served
from tests.scenarios.commands import page, run
from tests.scenarios.live_service import live

NEW, OLD = "whsec_bmV3LW5ldy1uZXctbmV3", "an-old-secret"


@dataclass
class Hook:
    """Proves and obeys as the SDK does, or answers `status`."""

    url: str = ""
    known: str = NEW
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        try:
            event = verify(request.headers, request.content, self.known, now_ms())
        except UnverifiedError as why:
            return httpx.Response(401, json={"reason": str(why)})
        self.events.append(event)
        if self.status:
            return httpx.Response(self.status, json={"reason": "out of order"}, headers=self.headers)
        return httpx.Response(200, json=Switch().obey(event))


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    monkeypatch.setenv("HOOK_SECRET", f"{NEW} {OLD}")
    hook = Hook()
    with served(hook.answer) as hook.url:
        yield hook


@pytest.fixture
def policy(tmp_path: Path, hook: Hook) -> str:
    path = tmp_path / "policy.yaml"
    path.write_text(
        f"""
receivers:
  - {{name: terminal, kind: console}}
  - {{name: orchestrator, kind: webhook, url: "{hook.url}/hooks/spend", secret: "env:HOOK_SECRET", takes: all}}
  - {{name: nowhere, kind: webhook, url: "http://127.0.0.1:9", secret: "env:HOOK_SECRET", takes: orders}}
  - {{name: keyless, kind: webhook, url: "http://127.0.0.1:9", secret: "env:SPENDWARDEN_NO_SUCH_SECRET"}}
"""
    )
    return str(path)


def test_says_where_it_went_how_it_was_signed_and_what_was_answered(policy: str, hook: Hook) -> None:
    done = run("notify", "test", "orchestrator", "--policy", policy)
    assert done.exit_code == 0, done.output
    assert "Receiver orchestrator, webhook, takes all: to http://127.0.0.1:" in page(done)
    assert "signed with 2 keys" in page(done)
    assert "way of an order accepted: a test: it arrived, it is proved, and nothing was stopped" in page(done)
    assert [event["type"] for event in hook.events] == ["spendwarden.notice", "spendwarden.notice", "spendwarden.test"]
    told, over, tested = hook.events
    assert told["data"]["title"] == "Test of receiver orchestrator: nothing has happened"
    assert (told["data"]["incident"], over["data"]["about"]["state"]) == (over["data"]["incident"], "resolved")
    assert "scope" not in tested["data"]


@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [
        (429, {"Retry-After": "7"}, "not now: 429 Too Many Requests: out of order; it asks to wait 7 s"),
        (500, {}, "not now: 500 Internal Server Error: out of order"),
        (404, {}, "given up: 404 Not Found: out of order"),
        (301, {"Location": "https://elsewhere.example"}, "given up: 301 Moved Permanently: out of order (redirects are not followed)"),
    ],
)
def test_says_what_is_wrong_and_what_to_mend(policy: str, hook: Hook, status: int, headers: dict[str, str], words: str) -> None:
    hook.status, hook.headers = status, headers
    done = run("notify", "test", "orchestrator", "--policy", policy)
    assert done.exit_code == 1
    assert words in page(done)
    assert "mend" in page(done)
    assert len(hook.events) == 1


def test_a_receiver_with_another_key_or_none_is_said_to_have(policy: str, hook: Hook) -> None:
    hook.known = "something-else"
    done = run("notify", "test", "orchestrator", "--policy", policy)
    assert done.exit_code == 1
    assert "401 Unauthorized: no signature fits" in page(done)
    assert "is the secret that the policy names the one it knows?" in page(done)
    missing = run("notify", "test", "keyless", "--policy", policy)
    assert missing.exit_code == 1
    assert "mend receivers[3].secret: points nowhere: env:SPENDWARDEN_NO_SUCH_SECRET is empty or not there" in page(missing)
    assert all(secret not in done.output + missing.output for secret in (NEW, OLD))


def test_json_says_the_same(policy: str) -> None:
    done = run("notify", "test", "nowhere", "--policy", policy, "--json")
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert {key: told[key] for key in ("receiver", "kind", "takes", "to", "signatures", "ok", "warnings")} == {
        "receiver": "nowhere",
        "kind": "webhook",
        "takes": "orders",
        "to": "http://127.0.0.1:9",
        "signatures": 2,
        "ok": False,
        "warnings": [],
    }
    assert [step["said"] for step in told["steps"]] == ["not now: no connection (ConnectError)"]


def test_an_unknown_receiver_is_told_the_known_ones(policy: str) -> None:
    done = run("notify", "test", "nobody", "--policy", policy)
    assert done.exit_code == 2
    assert "no receiver nobody in the policy; there are terminal, orchestrator, nowhere, keyless" in done.stderr
    assert run("notify", "test", "terminal").exit_code == 2


def test_a_folder_s_policy_in_force_is_tried_too(policy: str, tmp_path: Path) -> None:
    text = Path(policy).read_text().replace("  - {name: keyless", "#")

    async def life() -> None:
        async with live(tmp_path / "data", text):
            pass

    asyncio.run(life())
    done = run("notify", "test", "orchestrator", "--data", str(tmp_path / "data"))
    assert done.exit_code == 0, done.output
    assert "signed with 2 keys" in page(done)


def test_the_console_shows_it(policy: str) -> None:
    done = run("notify", "test", "terminal", "--policy", policy)
    assert done.exit_code == 0
    assert "Test of receiver terminal: nothing has happened" in done.stderr
