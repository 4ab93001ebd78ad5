"""The commands that need no running service, in process: what they print, what they refuse, how they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from service.cli.app import COMMANDS
from tests.scenarios.calls import POLICY, calls
from tests.scenarios.commands import page, run

MISTAKEN = """
budgets:
  - {name: a, scope: {agnt: "*"}, period: dy, limit_usd: 0}
  - {name: a, scope: total, period: month, limit_usd: 5}
routes: [{to: [nobody]}]
pauses: {mode: enfroce}
"""
WARNED = """
budgets: [{name: day, scope: {agent: indexer}, period: day, limit_usd: 5, pause_at: 100}]
caps: [{scope: {workflow: "*"}, limit_usd: 2, action: pause}]
pauses: {mode: enforce, allow: [{agent: other}]}
receivers:
  - {name: chat, kind: slack, channel: "#spend", token: "env:SPENDWARDEN_NO_SUCH_TOKEN"}
  - {name: stopper, kind: webhook, url: "https://orchestrator.example", takes: orders}
routes: [{to: [stopper]}]
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return path


def test_the_overview_names_every_command() -> None:
    done = run("--help")
    assert done.exit_code == 0
    for name, (_, text) in COMMANDS.items():
        assert f"  {name} " in done.stdout
        assert text.split(".")[0][:40] in page(done)


TAUGHT = [*([name] for name in COMMANDS), ["policy", "apply"], ["notify", "test"], ["token", "create"], ["token", "list"], ["token", "revoke"]]


@pytest.mark.parametrize("words", TAUGHT, ids=" ".join)
def test_every_command_teaches_itself_with_examples(words: list[str]) -> None:
    done = run(*words, "--help")
    assert done.exit_code == 0
    assert "Examples:" in done.stdout
    assert f"spendwarden {' '.join(words)}" in done.stdout.partition("Examples:")[2]
    assert "completion" not in done.stdout


# ------------------------------------------------------------------ check


def test_every_mistake_of_a_policy_in_one_go(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(MISTAKEN)
    done = run("check", str(tmp_path / "p.yaml"))
    assert done.exit_code == 2
    assert not done.stdout
    paths = [line.strip().partition(":")[0] for line in done.stderr.splitlines()[1:]]
    assert paths == ["budgets[0].limit_usd", "budgets[0].period", "budgets[0].scope.agnt", "budgets[1].name", "pauses.mode", "routes[0].to[0]"]
    as_json = run("check", str(tmp_path / "p.yaml"), "--json")
    assert as_json.exit_code == 2
    told = json.loads(as_json.stdout)
    assert not told["ok"]
    assert [mistake["path"] for mistake in told["mistakes"]] == paths


def test_what_will_not_work_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(WARNED)
    done = run("check", str(tmp_path / "p.yaml"), "--json")
    assert done.exit_code == 0
    warned = {warning["path"]: warning["problem"] for warning in json.loads(done.stdout)["warnings"]}
    assert {"receivers[0].token", "receivers[1].secret", "routes[0].to[0]", "budgets[0].pause_at", "caps[0].action"} <= warned.keys()
    assert "SPENDWARDEN_NO_SUCH_TOKEN" in warned["receivers[0].token"]
    assert '{agent: "indexer"}' in warned["budgets[0].pause_at"]
    assert '{execution: "*"}' in warned["caps[0].action"]


def test_a_policy_that_can_be_used_is_summed_up(policy: Path) -> None:
    done = run("check", str(policy))
    assert done.exit_code == 0
    for words in ("can be used", "each-agent-day", "$4.00", "50 %, 100 %", "console", "Pauses (observe)"):
        assert words in page(done)
    assert "To look at" not in done.stdout


@pytest.mark.parametrize("command", ["check", "replay", "effective"])
def test_a_policy_that_is_not_there_is_named(command: str) -> None:
    words = {"check": ["nowhere.yaml"], "replay": ["-", "--policy", "nowhere.yaml"], "effective": ["total", "--policy", "nowhere.yaml"]}
    done = run(command, *words[command])
    assert done.exit_code == 2
    assert done.stderr == "spendwarden: nowhere.yaml: No such file or directory\n"


# ------------------------------------------------------------------ effective


def test_what_holds_for_a_scope_and_why(policy: Path) -> None:
    told = json.loads(run("effective", "agent:agent-4", "--policy", str(policy), "--json").stdout)
    assert [(budget["name"], budget["why"]) for budget in told["budgets"]] == [
        ("each-agent-day", "every agent has this limit of its own"),
        ("all", "counts all spend of the tenant"),
    ]
    done = run("effective", "agent:agent-4", "--policy", str(policy))
    assert done.exit_code == 0
    for words in ("Agent agent-4", "$4.00 a day", "every agent has this", "nobody is named", "console"):
        assert words in page(done)


def test_what_else_is_known_narrows_it_down(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("owners: [{match: {use_case: kyc}, name: KYC team}]")
    words = ("effective", "agent:a", "--policy", str(tmp_path / "p.yaml"), "--json")
    assert json.loads(run(*words).stdout)["owner"] is None
    assert json.loads(run(*words, "--also", "use_case:kyc").stdout)["owner"]["name"] == "KYC team"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["agent"], "SCOPE agent: must be kind:name"),
        (["agnt:a"], "SCOPE agnt:a: kind must be one of agent, use_case"),
        (["total", "--also", "x"], "--also x"),
        (["total", "--data", "nowhere"], "one of --policy FILE, --data DIR and --brokers HOST:PORT"),
    ],
)
def test_a_scope_that_is_none_is_refused(policy: Path, words: list[str], told: str) -> None:
    done = run("effective", *words, "--policy", str(policy))
    assert done.exit_code == 2
    assert told in done.stderr


# ------------------------------------------------------------------ schema


def schema(what: str) -> Any:
    done = run("schema", what)
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    jsonschema.Draft202012Validator.check_schema(found)
    return found


def test_the_schema_of_records_takes_what_the_stream_takes() -> None:
    valid = jsonschema.Draft202012Validator(schema("records"))
    assert all(valid.is_valid(call) for call in calls(50))
    assert not valid.is_valid({"id": "a"})
    assert not valid.is_valid({"id": "a", "time": 1, "input_tokens": -1})
    assert valid.is_valid({"type": "change", "id": "a", "time": 1, "what": "deploy"})


def test_the_schema_of_the_policy_takes_what_the_policy_takes() -> None:
    valid = jsonschema.Draft202012Validator(schema("policy"))
    assert valid.is_valid(yaml.safe_load(POLICY))
    assert not valid.is_valid(yaml.safe_load(MISTAKEN))


def test_there_is_no_other_schema() -> None:
    assert run("schema", "bogus").exit_code == 2
