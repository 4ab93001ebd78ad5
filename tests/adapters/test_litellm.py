"""LiteLLM: a key is blocked, limited and put back exactly as it was, whatever is lost on the way."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from service.couriers.port import Delivered, GaveUp, Receiver, RetryLater
from tests.adapters.world import Far, World, order

KEY = "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b"
BEFORE: dict[str, Any] = {"blocked": False, "rpm_limit": None, "tpm_limit": 900, "max_budget": 2.5, "spend": 1.0}


@dataclass
class Proxy:
    """The management interface of a LiteLLM proxy, as far as we use it."""

    keys: dict[str, dict[str, Any]] = field(default_factory=lambda: {KEY: dict(BEFORE)})

    def answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content or b"{}")
        key = self.keys.get(body.get("key") or request.url.params.get("key", ""))
        if request.headers["authorization"] != "Bearer sk-master":
            return httpx.Response(401, json={"error": {"message": "Authentication Error, Invalid proxy server token passed", "code": "401"}})
        if request.url.path == "/key/list":
            return httpx.Response(200, json={"keys": list(self.keys), "total_count": 1})
        if key is None:
            return httpx.Response(404, json={"error": {"message": "Key not found in database", "type": "not_found_error", "code": "404"}})
        match request.url.path:
            case "/key/block" | "/key/unblock":
                key["blocked"] = request.url.path == "/key/block"
            case "/key/update":
                key |= {name: value for name, value in body.items() if name != "key"}
            case "/key/info":
                return httpx.Response(200, json={"key": KEY, "info": key})
            case other:
                raise AssertionError(other)
        return httpx.Response(200, json={})


@pytest.fixture
def proxy() -> Proxy:
    return Proxy()


@pytest.fixture
def world(proxy: Proxy) -> World:
    options = {"throttle": {"rpm_limit": 5, "max_budget_usd": "3.00"}}
    return World(
        Receiver(name="proxy", kind="litellm", url="https://proxy.example/", secrets={"token": "sk-master"}, takes="orders", options=options), Far(proxy.answer)
    )


def about(action: str, name: str = KEY) -> Any:
    return order(action, "api_key", name)


async def test_a_pause_blocks_and_a_resume_puts_back(world: World, proxy: Proxy) -> None:
    assert await world.deliver(about("pause")) == Delivered("accepted")
    assert proxy.keys[KEY] == {**BEFORE, "blocked": True}
    assert await world.deliver(about("pause")) == Delivered("accepted")
    assert await world.deliver(about("resume")) == Delivered("accepted")
    assert proxy.keys[KEY] == BEFORE
    assert await world.deliver(about("resume")) == Delivered("accepted", "nothing of ours holds this key")


async def test_a_key_that_a_person_had_blocked_stays_blocked(world: World, proxy: Proxy) -> None:
    proxy.keys[KEY]["blocked"] = True
    await world.deliver(about("pause"))
    await world.deliver(about("resume"))
    assert proxy.keys[KEY]["blocked"] is True


async def test_the_newest_order_is_the_only_one_that_counts(world: World, proxy: Proxy) -> None:
    await world.deliver(about("pause"))
    assert await world.deliver(about("throttle")) == Delivered("accepted")
    assert proxy.keys[KEY] == {**BEFORE, "rpm_limit": 5, "max_budget": 3.0}
    await world.deliver(about("pause"))
    assert proxy.keys[KEY] == {**BEFORE, "blocked": True}
    await world.deliver(about("throttle"))
    await world.deliver(about("resume"))
    assert proxy.keys[KEY] == BEFORE


@pytest.mark.parametrize("lost", ["pause", "throttle", "resume"])
async def test_an_answer_that_got_lost_changes_nothing_in_the_end(world: World, proxy: Proxy, lost: str) -> None:
    for action in ("pause", "throttle", "resume"):
        if action == lost:
            world.far.deaf = True
            assert isinstance(await world.deliver(about(action)), RetryLater)
            world.far.deaf = False
        assert await world.deliver(about(action)) == Delivered("accepted")
    assert proxy.keys[KEY] == BEFORE


async def test_what_cannot_be_done_is_refused_with_the_reason(world: World) -> None:
    refused = await world.deliver(order("pause"))
    assert refused == Delivered("refused", "LiteLLM knows keys, and no agent; give this receiver `scopes: [api_key]`")
    assert (await world.deliver(about("degrade"))) == Delivered(
        "refused", "the policy does not say how to degrade a key; give this receiver `throttle: {rpm_limit: ...}`"
    )
    assert world.far.asked == []


async def test_an_unknown_key_and_a_wrong_token_are_given_up(world: World) -> None:
    assert await world.deliver(about("pause", "gone")) == GaveUp("404 Not Found: Key not found in database")
    world.receiver = Receiver(name="proxy", kind="litellm", url="https://proxy.example", secrets={"token": "sk-other"}, takes="orders")
    assert await world.deliver(about("pause")) == GaveUp("401 Unauthorized: Authentication Error, Invalid proxy server token passed")
