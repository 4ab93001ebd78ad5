"""A policy travels unchanged: dumped, digested, read again, and as its published schema says."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from service.policy import KINDS, PolicyError, dump, load, parse_dumped, policy_schema

EXAMPLE = (Path(__file__).parent / "example_policy.yaml").read_text()


def test_the_digest_is_of_the_content_not_of_the_layout() -> None:
    one = load("pauses: {mode: enforce, per_hour: 6}\ntimezone: UTC")
    two = load("# other\ntimezone: 'UTC'\npauses:\n  mode: enforce\n")
    assert one.digest == two.digest
    assert one.digest != load("").digest
    assert one.digest == parse_dumped(dump(one)).digest


def test_what_travels_spells_defaults_out() -> None:
    body = json.loads(dump(load("budgets: [{name: a, scope: total, period: day, limit_usd: 1}]")))
    assert body["budgets"][0]["thresholds"] == [70, 85, 100]
    assert body["pauses"]["on"] == ["loop", "retry_storm", "fan_out", "leaked_key"]


_names = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=12)
_usd = st.decimals(min_value="0.000000001", max_value=1_000_000, places=9).map(str)
_scopes = st.one_of(st.just("total"), st.dictionaries(st.sampled_from([*KINDS, "label.x", "tenant"]), _names, min_size=1, max_size=3))
_periods = st.one_of(st.sampled_from(["hour", "day", "week", "month"]), st.builds(lambda m: {"rolling": f"{m}m"}, st.integers(1, 2000)))
_lines = st.lists(st.floats(0.1, 1000).map(lambda x: round(x, 3)), unique=True, max_size=5).map(sorted)
_trees: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "timezone": st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata"]),
        "budgets": st.lists(
            st.fixed_dictionaries(
                {"name": _names, "scope": _scopes, "period": _periods, "limit_usd": _usd, "thresholds": _lines}, optional={"pause_at": st.integers(1, 200)}
            ),
            max_size=3,
            unique_by=lambda b: str(b["name"]),
        ),
        "caps": st.lists(st.fixed_dictionaries({"scope": _scopes}, optional={"calls": st.integers(1, 99), "expected_usd": _usd}), max_size=2),
        "currencies": st.lists(
            st.fixed_dictionaries({"currency": st.just("EUR"), "usd": st.decimals(min_value="0.001", max_value=9, places=4).map(str)}), max_size=2
        ),
        "prices": st.fixed_dictionaries(
            {
                "overrides": st.lists(
                    st.fixed_dictionaries(
                        {"model": _names, "input": st.decimals(0, 100, places=6).map(str)},
                        optional={
                            "output": st.integers(0, 99),
                            "batch": st.floats(0.01, 1).map(lambda x: round(x, 4)),
                            "from": st.dates(date(2020, 1, 1), date(2030, 1, 1)).map(str),
                        },
                    ),
                    max_size=3,
                )
            }
        ),
        "planned": st.lists(
            st.builds(
                lambda a: {"from": a.isoformat(), "to": "2031-01-01", "match": {"agent": ["x", "y"]}},
                st.integers(1_600_000_000, 1_900_000_000).map(lambda s: datetime.fromtimestamp(s, UTC)),
            ),
            max_size=2,
        ),
    },
)


class Quoting(yaml.SafeDumper):
    """Quotes every text: without that PyYAML writes the name `1e5` as it is, and we read a number."""


Quoting.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


@given(_trees)
@example({"budgets": [{"name": "1e5", "scope": "total", "period": "day", "limit_usd": "1", "thresholds": []}]})
def test_a_policy_travels_unchanged(tree: dict[str, Any]) -> None:
    policy = load(yaml.dump(tree, Dumper=Quoting, allow_unicode=True))
    body = dump(policy)
    again = parse_dumped(body)
    assert again == policy
    assert dump(again) == body
    assert load(body.decode()) == policy, "what is dumped can be read as a policy too"


def test_a_number_without_quotes_is_no_name() -> None:
    with pytest.raises(PolicyError, match=r"budgets\[0\].name: must be text"):
        load("budgets: [{name: 1e5, scope: total, period: day, limit_usd: 1e5}]")


def test_the_published_schema_takes_what_the_policy_takes() -> None:
    schema = policy_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for text in (EXAMPLE, "", "budgets: [{name: a, scope: {agent: '*'}, rolling: 24h, limit_usd: '0.5'}]"):
        tree = json.loads(json.dumps(yaml.safe_load(text.replace(" on:", " 'on':")) or {}, default=lambda d: d.isoformat()))
        validator.validate(tree)
    wrong: list[Any] = [{"budget": []}, {"budgets": [{"name": "a"}]}, {"pauses": {"mode": "on"}}, {"owners": [{"name": "a", "match": {"agnt": "x"}}]}]
    for tree in wrong:
        assert list(validator.iter_errors(tree)), tree
    assert parse_dumped(dump(load(EXAMPLE))) is not None
