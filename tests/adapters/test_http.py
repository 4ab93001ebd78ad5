"""The HTTP adapter: GitHub's workflow_dispatch as the policy writes it, values that stay where they stand, and what is not said is not done."""

from __future__ import annotations

import json

import httpx
import pytest

from service.couriers.port import Acts, Delivered, MemoryHere, Parts, Probes, Receiver
from service.couriers.receivers import receivers_of
from service.couriers.registry import courier_of
from service.facts import Order
from service.policy import PolicyError, load
from tests.adapters.world import order
from tests.samples import NIGHT_MS

GITHUB = """
receivers:
  - name: github
    kind: http
    url: https://api.github.com/repos/acme/agents/actions/workflows/spend.yml/dispatches
    token: env:GITHUB_TOKEN
    headers: {Accept: application/vnd.github+json, X-GitHub-Api-Version: "2022-11-28"}
    body: {ref: main, inputs: {action: "{action}", scope: "{kind}/{name}", order: "{order}", sequence: "{sequence}", expires_at: "{expires_at}"}}
    check: https://api.github.com/repos/acme/agents/actions/workflows/spend.yml
"""
FLAGS = """
receivers:
  - name: flags
    kind: http
    url: https://flags.example/agents/{name}
    method: PUT
    body: {enabled: false, why: "{reason} ({evidence_url})"}
    requests:
      resume: {body: {enabled: true}}
      throttle: {method: PATCH, url: "https://flags.example/agents/{name}/rate", body: {per_minute: 5}}
    actions: [pause, throttle, resume]
    done: true
"""


async def sent(text: str, item: Order, status: int = 204) -> tuple[object, list[httpx.Request]]:
    kept: list[httpx.Request] = []

    def reply(request: httpx.Request) -> httpx.Response:
        kept.append(request)
        return httpx.Response(status)

    parts = Parts(public_url="https://spend.example", clock=lambda: NIGHT_MS, transport=httpx.MockTransport(reply))
    courier = courier_of(receivers_of(load(text))[0], parts)
    outcome = await courier.deliver(item)
    await courier.close()
    return outcome, kept


async def test_a_workflow_of_github_is_dispatched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_secret")
    outcome, (request,) = await sent(GITHUB, order("pause", name='a"b\n'))
    assert outcome == Delivered()  # it has the order; that it is carried out shows in the spend
    assert (request.method, request.url.path) == ("POST", "/repos/acme/agents/actions/workflows/spend.yml/dispatches")
    assert request.headers["authorization"] == "Bearer ghp_secret"
    assert request.headers["accept"] == "application/vnd.github+json"
    assert json.loads(request.content) == {
        "ref": "main",
        "inputs": {"action": "pause", "scope": 'agent/a"b\n', "order": "ord-pause", "sequence": "3", "expires_at": "2025-11-20T02:14:00.000Z"},
    }


async def test_each_action_may_be_another_request() -> None:
    for action, method, path, body in (
        ("pause", "PUT", "/agents/indexer", {"enabled": False, "why": "loop (https://spend.example/v1/incidents/inc-1)"}),
        ("throttle", "PATCH", "/agents/indexer/rate", {"per_minute": 5}),
        ("resume", "PUT", "/agents/indexer", {"enabled": True}),
    ):
        outcome, (request,) = await sent(FLAGS, order(action))
        assert outcome == Delivered("accepted")
        assert (request.method, request.url.path, json.loads(request.content)) == (method, path, body)
    assert await sent(FLAGS, order("degrade")) == (Delivered("refused", "the policy does not say how to degrade here; see `actions` of this receiver"), [])


@pytest.mark.parametrize(
    ("how", "name", "value"),
    [
        ("", "authorization", "Bearer s3cret"),
        ("auth_header: X-Api-Key, auth_scheme: ''", "x-api-key", "s3cret"),
        ("auth_scheme: token", "authorization", "token s3cret"),
    ],
)
async def test_a_token_goes_where_the_interface_wants_it(how: str, name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLAGS_TOKEN", "s3cret")
    _, (request,) = await sent(f'receivers: [{{name: flags, kind: http, url: "https://flags.example/", token: "env:FLAGS_TOKEN", {how}}}]', order("pause"))
    assert request.headers[name] == value


@pytest.mark.parametrize("name", ["../../admin", "a/b?c=d&e#f", "ü €", "%2e%2e", "a b"])
async def test_a_name_stays_inside_its_part_of_the_address(name: str) -> None:
    _, (request,) = await sent(FLAGS, order("pause", name=name))
    parts = request.url.raw_path.decode().split("/")
    assert len(parts) == 3
    assert parts[1] == "agents"
    assert httpx.URL(f"http://x/{parts[2]}").path == f"/{name}"
    assert "?" not in parts[2]


@pytest.mark.parametrize("name", [".", "..", ""])
async def test_a_name_that_would_change_the_path_is_refused(name: str) -> None:
    assert await sent(FLAGS, order("pause", name=name)) == (Delivered("refused", f"name is {name!r}, which cannot stand in an address"), [])


@pytest.mark.parametrize("body", ["{}", "[]", "false", "0", '""'])
async def test_a_body_that_is_empty_is_sent_and_not_the_receiver_s_own(body: str) -> None:
    text = 'receivers: [{name: flags, kind: http, url: "https://flags.example/", body: {enabled: false}, requests: {resume: {body: %s}}}]'
    _, (request,) = await sent(text % body, order("resume"))
    assert json.loads(request.content) == json.loads(body)


async def test_a_trial_asks_what_may_be_asked_and_sends_no_order() -> None:
    asked: list[str] = []
    transport = httpx.MockTransport(lambda request: asked.append(f"{request.method} {request.url}") or httpx.Response(200))  # type: ignore[func-returns-value]
    parts = Parts(public_url="", clock=lambda: NIGHT_MS, transport=transport)
    with_check = courier_of(receivers_of(load(GITHUB))[0], parts)
    without = courier_of(Receiver(name="flags", kind="http", url="https://flags.example/{name}", takes="orders"), parts)
    assert isinstance(with_check, Probes)
    assert isinstance(without, Probes)
    assert (await with_check.probe()).reason.endswith("answers; no order was sent")
    assert (await without.probe()).reason.startswith("nothing was sent to https://flags.example/")
    assert asked == ["GET https://api.github.com/repos/acme/agents/actions/workflows/spend.yml"]


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        ('url: "https://{name}.example"', "receivers[0].url: must be an address such as https://flags.example/agents/{name}; its host cannot have places"),
        ('url: "https://x/{nme}"', "receivers[0].url: {nme} is no field of an order"),
        ('url: "https://x", body: {a: ["{bdy}"]}', "receivers[0].body: {bdy} is no field of an order"),
        ('url: "https://x", takes: notices', "receivers[0].takes: must be orders"),
        ('url: "https://x", actions: [stop]', "receivers[0].actions[0]: "),
        ('url: "https://x", scopes: [agnt]', "receivers[0].scopes[0]: must be one of total, agent"),
        ('url: "https://x", headers: {X-Api-Key: abc}', "receivers[0].headers.X-Api-Key: would hold a secret: name that by reference as `token`"),
        ('url: "https://x", headers: {"a b": c}', "receivers[0].headers.a b: must be the name of a header"),
        ('url: "https://x", headers: {a: "b\\nc"}', "receivers[0].headers.a: "),
    ],
)
def test_what_is_wrong_in_a_template_is_said_by_its_path(change: str, mistake: str) -> None:
    with pytest.raises(PolicyError) as wrong:
        load(f"receivers: [{{name: x, kind: http, {change}}}]")
    assert [str(each) for each in wrong.value.mistakes if str(each).startswith(mistake)], str(wrong.value)


async def test_only_what_was_sent_is_undone_and_under_an_id_of_its_own() -> None:
    kept: list[httpx.Request] = []
    memory = MemoryHere()
    transport = httpx.MockTransport(lambda request: kept.append(request) or httpx.Response(200))  # type: ignore[func-returns-value]
    courier = courier_of(receivers_of(load(FLAGS))[0], Parts(public_url="", clock=lambda: NIGHT_MS, memory=lambda _: memory, transport=transport))
    assert isinstance(courier, Acts)
    assert await courier.let_go(order("pause")) == Delivered()
    assert kept == []
    await courier.deliver(order("pause"))
    assert await courier.let_go(order("pause")) == Delivered("accepted")
    assert [(request.headers["idempotency-key"], json.loads(request.content)["enabled"]) for request in kept] == [("ord-pause", False), ("ord-pause-end", True)]
