"""What the front door says is held against what it speaks of: policies, records, limits, files, commands."""

from __future__ import annotations

import ast
import json
import re
from importlib import import_module
from pathlib import Path

import pytest

from service.cli.app import COMMANDS
from service.intake import FORMATS, Refusal, Unknown
from service.policy import load

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def blocks(language: str) -> list[str]:
    return [text for named, text in BLOCKS if named == language]


def test_the_policy_it_explains_is_the_example_file() -> None:
    assert (ROOT / "deploy/examples/policy.yaml").read_text(encoding="utf-8") in blocks("yaml")


@pytest.mark.parametrize("text", [text for text in blocks("yaml") if not text.startswith("litellm_settings")])
def test_its_policies_load(text: str) -> None:
    load(text)


def test_the_records_it_sends_are_taken() -> None:
    shell = "\n".join(blocks("sh")).replace("'$(date +%s)'", "1764000000")
    records = [text for text in re.findall(r"'(\{.*?\})'", shell, re.DOTALL) if '"id"' in text]
    assert len(records) == 4
    for text in records:
        assert not isinstance(FORMATS["spendwarden"](text.encode(), "readme", Unknown()), Refusal), text


def test_its_controls_are_json() -> None:
    assert [json.loads(text)["action"] for text in re.findall(r"-d '(\{\"action\".*?\})'", README)] == ["pause"]


def test_its_python_can_be_read() -> None:
    for text in blocks("python"):
        ast.parse(text)


def test_its_limits_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| `([\w/]+)\.py` \| (\d+) \|", README, re.MULTILINE)
    assert len(rows) > 10
    for name, module, value in rows:
        assert getattr(import_module(f"service.{module.replace('/', '.')}"), name) == int(value), name


def test_the_files_it_points_to_are_there() -> None:
    for path in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / path).exists(), path


def test_the_commands_it_names_are_there() -> None:
    named = re.findall(r"(?:\./deploy/run|spendwarden) ([a-z]+)", "\n".join(re.findall(r"`([^`\n]+)`", README) + blocks("sh")))
    assert len(set(named)) > 5
    assert set(named) <= set(COMMANDS)
