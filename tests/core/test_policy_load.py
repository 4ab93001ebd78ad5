"""What a policy may be written as, what is left out, and what applies to whom."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.facts import Kind, Scope
from service.money import NANO
from service.policy import (
    KINDS,
    Match,
    Period,
    Policy,
    ScopePattern,
    SlackReceiver,
    dump,
    effective,
    load,
    matches,
    parse_dumped,
    secret_warnings,
)

EXAMPLE = (Path(__file__).parent / "example_policy.yaml").read_text()


def test_an_empty_text_is_a_policy_with_defaults() -> None:
    for text in ("", "\n# nothing\n", "{}", "budgets:\nreceivers:\n"):
        policy = load(text)
        assert policy == Policy()
        assert policy.pauses.on == (Kind.LOOP, Kind.RETRY_STORM, Kind.FAN_OUT, Kind.LEAKED_KEY)
        assert (policy.pauses.mode, policy.pauses.allow, policy.pauses.min_loss_nanos, policy.pauses.per_hour) == ("observe", (), 5 * NANO, 6)
        assert (policy.pauses.proof_s, policy.pauses.expires_ms, policy.pauses.approvers) == (20, 86_400_000, ())


def test_the_example_means_what_it_says() -> None:
    policy = load(EXAMPLE)
    month, each, total = policy.budgets
    assert (month.limit_nanos, month.thresholds, month.pause_at, month.period) == (8000 * NANO, (50, 80, 100), 100, Period("month"))
    assert (each.scope, each.period, each.thresholds) == (ScopePattern((("agent", "*"),)), Period("rolling", 86_400_000), (70, 85, 100))
    assert (total.scope, policy.zone_of(total), policy.zone_of(month)) == (ScopePattern(), "UTC", "Europe/Berlin")
    assert (policy.caps[0].factor, policy.caps[0].expected_nanos, policy.caps[0].action) == (5, None, "pause")
    assert policy.quotas[0].tokens == 2_000_000
    assert policy.planned[0].from_ms == 1_796_500_800_000
    assert policy.currencies[0].usd == (27, 25)
    assert policy.owners[0].escalate_after_ms == 1_800_000
    assert policy.pauses.on == (Kind.LOOP, Kind.EXECUTION_CAP)
    assert isinstance(policy.receivers[0], SlackReceiver)
    assert policy.receivers[0].signing_secret == "env:SLACK_SIGNING"
    assert policy.routes[0].match == Match((("severity", ("critical",)),))


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("period: {rolling: 24h}", Period("rolling", 86_400_000)),
        ("rolling: 24h", Period("rolling", 86_400_000)),
        ("rolling: 1h30m", Period("rolling", 5_400_000)),
        ("period: week", Period("week")),
    ],
)
@pytest.mark.parametrize("entry", ["budgets: [{{name: a, scope: total, limit_usd: 1, {0}}}]", "quotas: [{{scope: total, tokens: 1, {0}}}]"])
def test_both_forms_of_a_period(entry: str, text: str, period: Period) -> None:
    policy = load(entry.format(text))
    assert [*(budget.period for budget in policy.budgets), *(quota.period for quota in policy.quotas)] == [period]


@pytest.mark.parametrize(
    ("written", "pattern"),
    [
        ("total", ScopePattern()),
        ("{tenant: acme}", ScopePattern((), "acme")),
        ('{tenant: "*"}', ScopePattern()),
        ("{agent: indexer}", ScopePattern((("agent", "indexer"),))),
        ("{label.team: 42}", ScopePattern((("label.team", "42"),))),
        ('{use_case: kyc, agent: "*", tenant: acme}', ScopePattern((("use_case", "kyc"), ("agent", "*")), "acme")),
    ],
)
def test_forms_of_a_scope(written: str, pattern: ScopePattern) -> None:
    assert load(f"budgets: [{{name: a, scope: {written}, period: day, limit_usd: 1}}]").budgets[0].scope == pattern


def test_the_focus_of_a_scope_is_who_gets_the_limit() -> None:
    attributes = {"tenant": "acme", "use_case": "kyc", "agent": "indexer", "user": ""}
    assert ScopePattern((("use_case", "kyc"), ("agent", "*"))).member(attributes) == Scope("agent", "indexer")
    assert ScopePattern((("use_case", "kyc"), ("agent", "indexer"))).member(attributes) == Scope("use_case", "kyc")
    assert ScopePattern((("use_case", "aml"), ("agent", "*"))).member(attributes) is None
    assert ScopePattern((("user", "*"),)).member(attributes) is None
    assert ScopePattern((), "acme").member(attributes) == Scope("total", "total")
    assert ScopePattern((), "other").member(attributes) is None


@pytest.mark.parametrize("kind", [*KINDS, "label.team", "tenant"])
def test_every_kind_can_be_matched(kind: str) -> None:
    match = load(f"owners: [{{name: a, match: {{{kind}: [x, 'y']}}}}]").owners[0].match
    assert matches(match, {kind: "y"})
    assert not matches(match, {kind: "z"})
    assert not matches(match, {})


def test_a_match_without_conditions_matches_everything() -> None:
    assert matches(load("owners: [{name: a}]").owners[0].match, {})


def test_a_cap_without_a_limit_is_four_times_the_learned_mean() -> None:
    scope = "scope: {workflow: '*'}"
    bare, told, calls = load(f"caps: [{{{scope}}}, {{{scope}, expected_usd: 0.5}}, {{{scope}, calls: 50}}]").caps
    assert (bare.factor, bare.expected_nanos) == (4, None)
    assert (told.factor, told.expected_nanos) == (4, NANO // 2)
    assert (calls.factor, calls.calls) == (None, 50)


def test_words_mean_what_people_think() -> None:
    policy = load("pauses: {on: [loop], approvers: [no, on, 12:30, 007, null-user]}\nowners: [{name: 1_000, match: {user: [yes, 12]}}]")
    assert policy.pauses.approvers == ("no", "on", "12:30", "7", "null-user")
    assert policy.owners[0].match.conditions == (("user", ("yes", "12")),)
    assert policy.owners[0].name == "1_000"


def test_merged_keys_are_overridden_by_own_ones() -> None:
    text = "budgets:\n- &a {name: a, scope: total, period: day, limit_usd: 1}\n- {<<: *a, name: b}\n"
    assert [(b.name, b.limit_nanos) for b in load(text).budgets] == [("a", NANO), ("b", NANO)]


@pytest.mark.parametrize(
    ("written", "ms"),
    [
        ("2026-11-28T20:00:00Z", 1_795_896_000_000),
        ("'2026-11-28T20:00:00+00:00'", 1_795_896_000_000),
        ("2026-11-28T21:00:00+01:00", 1_795_896_000_000),
        ("2026-11-28T21:00:00", 1_795_896_000_000),
        ("2026-11-28", 1_795_820_400_000),
        ("1795896000", 1_795_896_000_000),
    ],
)
def test_forms_of_an_instant_the_policys_zone_for_those_without(written: str, ms: int) -> None:
    policy = load(f"timezone: Europe/Berlin\nplanned: [{{from: {written}, to: 2027-01-01}}]")
    assert policy.planned[0].from_ms == ms
    assert parse_dumped(dump(policy)) == policy


def test_money_counts_by_its_text() -> None:
    budgets = "budgets: [{name: a, scope: total, period: day, limit_usd: %s}]"
    for written, nanos in (("0.1", 100_000_000), ("'0.000000001'", 1), ("12345.678901234", 12_345_678_901_234), ("1e3", 1000 * NANO), (".5", NANO // 2)):
        assert load(budgets % written).budgets[0].limit_nanos == nanos


@given(limit=st.integers(1, 10**18), line=st.one_of(st.integers(1, 1000).map(float), st.floats(0.001, 1000, allow_nan=False)))
def test_a_line_is_the_least_spend_that_reaches_it(limit: int, line: float) -> None:
    text = f"budgets: [{{name: a, scope: total, period: day, limit_usd: '{limit / NANO if limit < 10**15 else limit // NANO}'}}]"
    budget = load(text).budgets[0]
    at = budget.line_nanos(line)
    numerator, denominator = Decimal(repr(line)).as_integer_ratio()
    assert at * 100 * denominator >= budget.limit_nanos * numerator > (at - 1) * 100 * denominator


def test_secrets_left_out_or_leading_nowhere() -> None:
    text = "receivers: [{name: a, kind: slack, channel: c, signing_secret: 'env:B'}, {name: w, kind: webhook, url: 'http://h', secret: 'file:/x'}, {name: c, kind: console}]"
    said = [str(m) for m in secret_warnings(load(text), {"file:/x": "hush"}.get)]
    assert said == [
        "receivers[0].token: missing; nothing can be sent without it: name it as env:NAME or file:PATH",
        "receivers[0].signing_secret: points nowhere: env:B is empty or not there",
    ]
    assert secret_warnings(load(EXAMPLE), lambda _: "there") == []


def test_what_applies_to_a_scope_and_why() -> None:
    answer = effective(load(EXAMPLE), "default", Scope("agent", "indexer"), {"use_case": "onboarding"})
    json.dumps(answer)
    assert [(b["name"], b["why"]) for b in answer["budgets"]] == [
        ("onboarding-month", "its use_case is onboarding"),
        ("each-agent", "every agent has this limit of its own"),
        ("everything", "counts all spend of the tenant"),
    ]
    assert answer["budgets"][0]["lines"][0] == {"percent": 50.0, "usd": "4000.00"}
    assert answer["owner"]["name"] == "Onboarding team"
    assert [c["why"] for c in answer["caps"]] == ["for each workflow of its calls"]
    assert [r["to"] for r in answer["routes"]] == [["chat", "tickets"], ["chat", "tickets", "terminal"]]
    other = effective(load(EXAMPLE), "default", Scope("agent", "indexer"), {"use_case": "other"})
    assert [b["name"] for b in other["budgets"]] == ["each-agent", "everything"]
    assert other["owner"] is None
    assert effective(load(""), "t", Scope("total", "total"), {})["caps"][0]["why"].startswith("built in")
