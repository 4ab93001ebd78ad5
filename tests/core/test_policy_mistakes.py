"""Every mistake is said in one go, by its path, in words that say what to write instead."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.policy import Mistake, PolicyError, load
from service.policy.mistakes import MISTAKES_MAX

BUDGET = "budgets: [{{name: a, scope: total, period: day, limit_usd: 1, {0}}}]"
RECEIVERS = "receivers: [{name: chat, kind: console}]\n"
TIERS = "tiers: [{{allow: {0}}}]"


def mistakes(text: str) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        load(text)
    assert all(isinstance(m, Mistake) for m in caught.value.mistakes)
    return [str(m) for m in caught.value.mistakes]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("budgets: 5", "budgets: must be a list"),
        ("pauses: 5", "pauses: must be a mapping"),
        ("- a", "must be a mapping such as `budgets: [...]`"),
        ("version: 2", "version: must be 1"),
        ("version: true", "version: must be a number"),
        ("budget: []", "budget: unknown key; did you mean `budgets`?"),
        ("zzz: 1", "zzz: unknown key"),
        ("timezone: Mars/Base", "timezone: is no time zone; write one such as UTC or Europe/Berlin"),
        ("timezone: ../etc/passwd", "timezone: is no time zone; write one such as UTC or Europe/Berlin"),
        ("budgets: [{name: a, scope: total, period: day, limit_usd: 0}]", "budgets[0].limit_usd: must be above 0"),
        ("budgets: [{name: a, scope: total, period: day, limit_usd: true}]", "budgets[0].limit_usd: must be an amount of dollars such as 12000 or 0.25"),
        ("budgets: [{name: a, scope: total, period: day, limit_usd: 1e12}]", "budgets[0].limit_usd: must be between -1000000000 and 1000000000 dollars"),
        ("budgets: [{name: a, scope: total, period: day}]", "budgets[0].limit_usd: missing"),
        ("budgets: [{name: '', scope: total, period: day, limit_usd: 1}]", "budgets[0].name: must not be empty"),
        (
            "budgets: [{name: a, scope: total, period: dya, limit_usd: 1}]",
            "budgets[0].period: must be hour, day, week, month or {rolling: 24h}; did you mean `day`?",
        ),
        ("budgets: [{name: a, scope: total, rolling: 90s, limit_usd: 1}]", "budgets[0].rolling: must roll over whole minutes, at most 35d"),
        ("budgets: [{name: a, scope: total, rolling: 36d, limit_usd: 1}]", "budgets[0].rolling: must roll over whole minutes, at most 35d"),
        (BUDGET.format("rolling: 3h"), "budgets[0].rolling: stands beside `period`; only one of them may"),
        (BUDGET.format("thresholds: [0]"), "budgets[0].thresholds[0]: must be above 0"),
        (BUDGET.format("thresholds: [1001]"), "budgets[0].thresholds[0]: must be at most 1000"),
        (BUDGET.format("thresholds: [85, 70]"), "budgets[0].thresholds: must rise from one to the next, each standing once"),
        (BUDGET.format("thresholds: [70, 70]"), "budgets[0].thresholds: must rise from one to the next, each standing once"),
        (BUDGET.format("thresholds: 70"), "budgets[0].thresholds: must be a list"),
        (BUDGET.format("pause_at: '100'"), "budgets[0].pause_at: must be a number"),
        (BUDGET.format("pause_at: true"), "budgets[0].pause_at: must be a number"),
        (BUDGET.format("limit_us: 1"), "budgets[0].limit_us: unknown key; did you mean `limit_usd`?"),
        (BUDGET.format("name: b"), "budgets[0].name: stands twice (line 1)"),
        ("quotas: [{scope: total, period: day, tokens: 1.5}]", "quotas[0].tokens: must be a whole number"),
        ("quotas: [{scope: total, period: day, tokens: true}]", "quotas[0].tokens: must be a whole number"),
        ("quotas: [{scope: total, period: day, tokens: 0}]", "quotas[0].tokens: must be at least 1"),
        ("caps: [{scope: {workflow: '*'}, factor: 0.5}]", "caps[0].factor: must be at least 1"),
        ("caps: [{scope: {workflow: '*'}, expected_usd: learnt}]", "caps[0].expected_usd: must be learned, or an amount of dollars above 0"),
        (
            "caps: [{scope: {workflow: '*'}, action: puase}]",
            "caps[0].action: must be one of none, ticket, order, pause, throttle, degrade; did you mean `pause`?",
        ),
        ("caps: [{scope: {}}]", "caps[0].scope: must name a kind; write total for everything"),
        ("caps: [{scope: {agent: [a]}}]", "caps[0].scope.agent: must be text"),
        ("pauses: {mode: on}", "pauses.mode: must be one of observe, enforce"),
        ("pauses: {expires: 24}", "pauses.expires: must be a duration such as 30m, 24h or 7d, at most 400d"),
        ("pauses: {min_loss_usd: -1}", "pauses.min_loss_usd: must be at least 0"),
        ("pauses: {expires: 9999999999999999999999d}", "pauses.expires: must be a duration such as 30m, 24h or 7d, at most 400d"),
        ("pauses: {proof_s: 0}", "pauses.proof_s: must be at least 1"),
        ("pauses: {allow: ['*']}", 'pauses.allow[0]: must be total, or a kind with a name such as {agent: indexer} or {agent: "*"}'),
        ("detection: {false_alerts_per_scope_day: 0}", "detection.false_alerts_per_scope_day: must be above 0"),
        ("planned: [{from: 2026-01-02, to: 2026-01-02}]", "planned[0].to: must be later than `from`"),
        ("planned: [{from: soon, to: 2026-01-02}]", "planned[0].from: must be a date such as 2026-11-01, or with a time such as 2026-11-28T20:00:00Z"),
        ("currencies: [{currency: eur, usd: 1}]", "currencies[0].currency: must be a currency code of three capital letters such as EUR"),
        ("currencies: [{currency: USD, usd: 1}]", "currencies[0].currency: is what everything is counted in; a rate for it cannot be set"),
        ("currencies: [{currency: EUR, usd: -1}]", "currencies[0].usd: must be above 0 and at most 1000000000"),
        (
            "prices: {overrides: [{model: x, input: 0.0000001}]}",
            "prices.overrides[0].input: must have at most 6 decimal places, since prices are whole pico-dollars",
        ),
        ("prices: {overrides: [{model: x, input: -1}]}", "prices.overrides[0].input: must be between 0 and 1000000000"),
        ("prices: {overrides: [{model: x, cache: 1}]}", "prices.overrides[0].cache: unknown key; did you mean `cache_read`?"),
        ("prices: {overrides: [{operation: x, price: 1}]}", "prices.overrides[0].unit: missing"),
        ("prices: {overrides: [{input: 1}]}", "prices.overrides[0].model: missing"),
        ("receivers: [{name: a}]", "receivers[0].kind: missing"),
        (
            "receivers: [{name: a, kind: slck}]",
            "receivers[0].kind: must be one of slack, jira, webhook, console, email, teams, pagerduty, litellm, kubernetes, http, command; did you mean `slack`?",
        ),
        ("receivers: [{name: a, kind: slack}]", "receivers[0].channel: missing"),
        (
            'receivers: [{name: a, kind: slack, channel: x, signing_secret: "env:S"}, {name: b, kind: slack, channel: y, signing_secret: "env:S", tenant: acme}]',
            "receivers[1].tenant: must be that of receivers[0], which has the same signing_secret: another tenant needs an app of its own",
        ),
        ("receivers: [{name: a, kind: webhook, url: ftp://x}]", "receivers[0].url: must be an address such as https://spend.example"),
        ("receivers: [{name: a, kind: console, takes: order}]", "receivers[0].takes: must be one of orders, notices, all; did you mean `orders`?"),
        ("owners: [{name: x, jira: {projct: ONB, project: ONB}}]", "owners[0].jira.projct: unknown key; did you mean `project`?"),
        (RECEIVERS + "routes: [{to: [chatt]}]", "routes[0].to[0]: no receiver is called `chatt`; did you mean `chat`?"),
        (RECEIVERS + "routes: [{to: []}]", "routes[0].to: must not be empty"),
        (RECEIVERS + "routes: [{to: [chat], match: {severity: hot}}]", "routes[0].match.severity: must be one of info, warning, critical"),
        (TIERS.format("[smal]"), "tiers[0].allow[0]: no tier is called `smal`; did you mean `small`?; tiers are small, mid, large, embedding"),
        ("public_url: spend.example", "public_url: must be an address such as https://spend.example"),
        ("sources: [{}]", "sources[0].topic: missing"),
        ("sources: [{topic: calls, format: litelm}]", "sources[0].format: must be one of spendwarden, litellm; did you mean `litellm`?"),
        ("sources: [{topic: calls}, {topic: calls, format: litellm}]", "sources[1].topic: `calls` is the topic of sources[0] too"),
    ],
)
def test_one_mistake(text: str, said: str) -> None:
    assert mistakes(text) == [said]


def test_a_policy_with_many_mistakes_says_them_all_in_order() -> None:
    text = """
timezone: Nowhere
budgets:
  - {name: a, scope: {agnt: x, user: [1]}, period: day, limit_usd: -1, thresholds: [70, 0]}
  - {name: a, scope: total, perod: day, limit_usd: 1}
  - 5
caps: [{scope: {workflow: "*"}, calls: 1.5, action: stop}]
receivers: [{name: b, kind: slack, chanel: x}]
routes: [{match: {severity: hot, kind: lop, color: red}, to: [c]}]
planned: [{from: 2026-11-28, to: 2026-10-01, extra_usd: 0}]
prices: {overrides: [{model: x, input: much, tier: own}]}
tiers: [{allow: [own, owm]}]
"""
    paths = [line.split(": ")[0] for line in mistakes(text)]
    assert paths == [
        "budgets[0].limit_usd",
        "budgets[0].scope.agnt",
        "budgets[0].scope.user",
        "budgets[0].thresholds[1]",
        "budgets[1].name",
        "budgets[1].period",
        "budgets[1].perod",
        "budgets[2]",
        "caps[0].action",
        "caps[0].calls",
        "planned[0].extra_usd",
        "planned[0].to",
        "prices.overrides[0].input",
        "receivers[0].chanel",
        "receivers[0].channel",
        "routes[0].match.color",
        "routes[0].match.kind",
        "routes[0].match.severity",
        "routes[0].to[0]",
        "tiers[0].allow[1]",
        "timezone",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("budgets: [", "line 2, column 1: is not YAML: did not find expected node content"),
        ("a: 1\nb: {c\n", "line 3, column 1: is not YAML: did not find expected ',' or '}' (begun in line 2)"),
        ("a: b: c", "line 1, column 5: is not YAML"),
        ("a: *nobody", "line 1, column 4: is not YAML"),
        ("--- 1\n--- 2", "line 2, column 1: is not YAML"),
        ("a: \x07", "is not YAML"),
        ("budgets:\n\t- x", "line 2, column 1: is not YAML"),
    ],
)
def test_what_is_not_yaml_names_its_line(text: str, said: str) -> None:
    (only,) = mistakes(text)
    assert only.startswith(said)


@pytest.mark.parametrize("text", ["[" * 40 + "]" * 40, "a: " + "[" * 40 + "]" * 40, "&a a: *a", "a: &a [*a]", "{[1]: 2}"])
def test_odd_trees_are_mistakes(text: str) -> None:
    assert mistakes(text)


def test_aliases_that_multiply_are_stopped() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "more than 500000 values" in mistakes("\n".join(lines))[0]


def test_a_secret_that_was_pasted_is_never_repeated() -> None:
    text = "receivers: [{name: a, kind: slack, channel: c, token: xoxb-very-secret}, {name: b, kind: webhook, url: 'https://h', secret: {x: xoxb-very-secret}}]"
    said = mistakes(text)
    assert said == [
        "receivers[0].token: put the secret into the environment or a file and name it here as env:NAME or file:PATH",
        "receivers[1].secret: put the secret into the environment or a file and name it here as env:NAME or file:PATH",
    ]


def test_a_text_full_of_mistakes_is_cut_and_says_so() -> None:
    said = mistakes("\n".join(f"k{n}: 1" for n in range(MISTAKES_MAX + 50)))
    assert len(said) == MISTAKES_MAX + 1
    assert said[-1] == "and 50 more mistakes"


_words = st.one_of(st.text(max_size=8), st.integers(), st.booleans(), st.none(), st.floats())
_anything = st.recursive(_words, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)), max_leaves=12)
_sections = st.sampled_from(
    ["budgets", "caps", "quotas", "owners", "routes", "receivers", "prices", "planned", "pauses", "tiers", "currencies", "timezone", "version"]
)
_keys = st.sampled_from(
    ["name", "scope", "period", "rolling", "limit_usd", "thresholds", "match", "to", "kind", "overrides", "model", "from", "allow", "on", "tier", "jira"]
)
_entries = st.dictionaries(_keys, _anything, max_size=4)


@given(
    st.dictionaries(
        _sections, st.one_of(_anything, _entries, st.lists(_entries, max_size=2), st.fixed_dictionaries({"overrides": st.lists(_entries, max_size=2)}))
    )
)
def test_no_tree_crashes_and_pydantics_words_never_show(tree: dict[str, object]) -> None:
    written = json.dumps(tree)
    try:
        load(written)
        said = ""
    except PolicyError as error:
        said = str(error)
    for word in ("pydantic", "Input should", "type=", "validation error", "not understood", "Field required"):
        assert word not in said or word in written
