"""What is no mistake and still will not work."""

from __future__ import annotations

import pytest

from service.policy import load
from service.policy.advice import advice

BUDGET = "budgets: [{{name: a, scope: {scope}, period: day, limit_usd: 5, pause_at: 100}}]\npauses: {{allow: [{allow}]}}"


def paths(text: str, *couriers: str) -> list[str]:
    return [warning.path for warning in advice(load(text), lambda reference: reference, couriers)]


def test_an_empty_policy_needs_no_advice() -> None:
    assert paths("") == []


@pytest.mark.parametrize(
    ("scope", "allow", "fine"),
    [
        ('{agent: "*"}', '{agent: "*"}', True),
        ('{agent: "*"}', "{agent: indexer}", True),
        ("{agent: indexer}", '{agent: "*"}', True),
        ("{agent: indexer}", "{agent: indexer}", True),
        ("{agent: indexer}", "{agent: other}", False),
        ("{agent: indexer}", '{execution: "*"}', False),
        ("{agent: indexer}", "total", False),
        ("total", "total", True),
        ('{agent: "*", use_case: kyc}', '{agent: "*"}', True),
        ('{agent: "*"}', '{agent: "*", use_case: kyc}', True),
        ("{agent: indexer, tenant: acme}", "{agent: indexer, tenant: acme}", True),
        ("{agent: indexer, tenant: acme}", "{agent: indexer, tenant: other}", False),
        ("{agent: indexer}", "{agent: indexer, tenant: acme}", True),
    ],
)
def test_a_budget_that_pauses_needs_somebody_who_may_be_paused(scope: str, allow: str, fine: bool) -> None:
    assert paths(BUDGET.format(scope=scope, allow=allow)) == ([] if fine else ["budgets[0].pause_at"])


@pytest.mark.parametrize(
    ("action", "allow", "fine"), [("pause", '{execution: "*"}', True), ("throttle", '{agent: "*"}', False), ("ticket", '{agent: "*"}', True)]
)
def test_a_cap_orders_about_the_run(action: str, allow: str, fine: bool) -> None:
    text = f'caps: [{{scope: {{workflow: "*"}}, limit_usd: 2, action: {action}}}]\npauses: {{allow: [{allow}]}}'
    assert paths(text) == ([] if fine else ["caps[0].action"])


def test_receivers_that_hear_nothing() -> None:
    text = """
receivers:
  - {name: chat, kind: slack, channel: "#a", token: "env:T"}
  - {name: hook, kind: webhook, url: "https://a.example", secret: "env:S", takes: orders}
  - {name: bare, kind: webhook, url: "https://b.example"}
routes: [{match: {severity: critical}, to: [chat, hook]}]
"""
    assert paths(text, "webhook", "console") == ["receivers[2].secret", "receivers[0].kind", "routes[0].to[1]"]
    assert paths(text, "webhook", "slack") == ["receivers[2].secret", "routes[0].to[1]"]


def test_a_report_to_a_receiver_of_orders_is_said_to_reach_nobody() -> None:
    text = 'receivers: [{name: h, kind: webhook, url: "https://a.example", secret: "env:S", takes: orders}]\nreports: [{kind: digest, to: [h]}]'
    assert paths(text, "webhook") == ["reports[0].to[0]"]


def test_enforced_orders_need_a_receiver() -> None:
    assert paths("pauses: {mode: enforce}") == ["pauses.mode"]
    text = 'pauses: {mode: enforce}\nreceivers: [{name: h, kind: webhook, url: "https://a.example", secret: "env:S", takes: %s}]'
    assert paths(text % "notices", "webhook") == ["pauses.mode"]
    assert paths(text % "all", "webhook") == []
    text = """
pauses: {mode: enforce, allow: [{agent: "*"}, {api_key: "*"}]}
receivers: [{name: proxy, kind: litellm, url: "https://a.example", token: "env:S"}]
"""
    assert paths(text, "litellm") == ["pauses.allow[0]"]
    text = """
pauses: {mode: enforce, allow: [{agent: "*"}], second_route: [proxy]}
receivers:
  - {name: proxy, kind: litellm, url: "https://a.example", token: "env:S"}
  - {name: hook, kind: webhook, url: "https://a.example", secret: "env:S", takes: orders}
"""
    assert paths(text, "litellm", "webhook") == ["pauses.second_route[0]"]
