"""`token`: made and shown once, listed, revoked, or refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.scenarios.commands import run


def test_a_token_is_shown_once_listed_and_revoked(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    made = run("token", "create", "--role", "ingest", "--tenant", "acme", "--data", data)
    assert made.exit_code == 0
    token, name = made.stdout.strip(), made.stderr.partition(":")[0]
    assert token.startswith("swt_")
    assert name.startswith("tok-")
    listed = run("token", "list", "--data", data, "--json")
    assert token not in listed.stdout
    assert [(row["id"], row["role"], row["tenant"], row["revoked"]) for row in json.loads(listed.stdout)] == [(name, "ingest", "acme", None)]
    assert name in run("token", "list", "--data", data).stdout
    assert run("token", "revoke", name, "--data", data).exit_code == 0
    assert json.loads(run("token", "list", "--data", data, "--json").stdout)[0]["revoked"]
    again = run("token", "revoke", name, "--data", data)
    assert again.exit_code == 1
    assert f"no token {name} is in force" in again.stderr


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["create", "--role", "boss"], 2, "boss"),
        (["create", "--role", "read", "--tenant", ""], 2, "1 to 256 characters"),
        (["list", "--data", "nowhere"], 1, "no such folder"),
        (["create", "--role", "read", "--data", "/proc/nowhere"], 1, "/proc/nowhere"),
    ],
)
def test_a_token_that_cannot_be_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], code: int, told: str) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("token", *words)
    assert done.exit_code == code
    assert told in done.stderr
