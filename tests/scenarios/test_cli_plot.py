"""`plot`, `explain --plot`, `replay --plot`: a picture from a service's books and from files, and what cannot be drawn."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from service.folder import LEDGER
from service.ledger import Ledger
from tests.scenarios.calls import POLICY, calls, lines
from tests.scenarios.commands import incidents, run


def drawn(path: Path) -> list[str]:
    """The texts of an SVG."""
    return [element.text or "" for element in ET.parse(path).iter() if element.tag.endswith("}text")]


def test_a_scope_is_drawn_and_said_in_a_sentence(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "total.svg"
    done = run("plot", "total", "--data", str(data), "--out", str(out))
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"{out}: All AI spend ")
    assert "All AI spend, US dollars per 10 minutes, times in UTC; usual range known after three days" in drawn(out)
    again = tmp_path / "again.svg"
    run("plot", "total", "--database", f"sqlite:///{data / LEDGER}", "--out", str(again))
    assert again.read_bytes() == out.read_bytes()


def test_without_a_name_it_is_named_after_the_scope(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = data.absolute()
    monkeypatch.chdir(tmp_path)
    name = next(line["scope"]["name"] for line in incidents(folder).values() if line["scope"]["kind"] == "agent")
    assert run("plot", f"agent:{name}", "--data", str(folder)).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == [f"agent-{name}.svg"]


def test_every_incident_is_drawn_beside_its_numbers(data: Path, tmp_path: Path) -> None:
    for incident, line in incidents(data).items():
        out = tmp_path / "incident.svg"
        done = run("explain", incident, "--data", str(data), "--json", "--plot", str(out))
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["id"] == incident
        assert f"{out}: " in done.stderr
        if line.get("cause", {}).get("drivers"):
            assert any(text.startswith("Why: $") for text in drawn(out)) == any(float(part["usd"]) for part in line["cause"]["drivers"])


def test_a_replay_draws_the_incident_that_cost_most_and_its_transcript_is_the_same(tmp_path: Path) -> None:
    file, policy, out = tmp_path / "calls.jsonl", tmp_path / "policy.yaml", tmp_path / "runaway.svg"
    file.write_bytes(lines(calls()))
    policy.write_text(POLICY)
    plain = run("replay", str(file), "--policy", str(policy), "--json").stdout.splitlines()
    done = run("replay", str(file), "--policy", str(policy), "--json", "--plot", str(out))
    assert done.stdout.splitlines()[:-1] == plain[:-1]
    told = [json.loads(line) for line in plain]
    last = {line["id"]: line for line in told if line["type"] == "incident"}
    dearest = max(last.values(), key=lambda line: float(line["excess_usd"]))
    assert f"${float(dearest['excess_usd']):,.2f} more than expected" in done.stderr
    run("replay", str(file), "--policy", str(policy), "--plot", str(out), "--scope", "agent:agent-1")
    assert "AI spend of agent agent-1, US dollars per 10 minutes, times in UTC; usual range known after three days" in drawn(out)
    assert run("replay", str(file), "--plot", str(out), "--scope", "user:nobody").exit_code == 1


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["plot", "agent:nobody", "--data", "{data}"], 1, "the books hold no spend of agent nobody; there is agent:"),
        (["plot", "user:nobody", "--data", "{data}"], 1, "the books hold no spend of user nobody"),
        (["plot", "total", "--data", "{data}", "--tenant", "acme"], 1, "the books hold no spend of all AI spend"),
        (["plot", "indexer", "--data", "{data}"], 2, "SCOPE indexer: must be kind:name"),
        (["plot", "total", "--data", "{data}", "--out", "picture.gif"], 2, "must end in .png or .svg"),
        (["plot", "total", "--data", "{data}", "--from", "yesterday"], 2, "--from: 'yesterday' is no time"),
        (["plot", "total", "--data", "{data}", "--from", "20", "--to", "10"], 2, "`to` lies before `from`"),
        (["plot", "total", "--data", "nowhere"], 2, "there are no books"),
        (["plot", "total", "--database", "mysql://x"], 2, "--database"),
        (["plot", "total"], 2, "give --data DIR or --database URL"),
        (["plot", "total", "--data", "{data}", "--out", "nowhere/at/all.svg"], 1, "nowhere/at/all.svg: No such file or directory"),
        (["explain", "inc-x", "--transcript", "x.jsonl", "--plot", "x.svg"], 2, "a transcript holds no spend"),
        (["replay", "-", "--scope", "total"], 2, "--plot FILE"),
        (["replay", "-", "--plot", "x.svg", "--scope", "indexer"], 2, "--scope indexer: must be kind:name"),
        (["replay", "-", "--plot", "x.svg", "--state", "y"], 2, "spendwarden plot SCOPE --data DIR"),
        (["replay", "-", "--plot", "x.svg"], 1, "the files hold no spend of all AI spend"),
    ],
)
def test_what_cannot_be_drawn_is_said(data: Path, words: list[str], code: int, told: str) -> None:
    done = run(*(word.format(data=data) for word in words))
    assert (done.exit_code, done.stdout if words[0] == "plot" else "") == (code, "")
    assert told in done.stderr


def test_a_time_without_spend_is_drawn_empty(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "empty.png"
    done = run("plot", "total", "--data", str(data), "--from", "2024-01-01T00:00:00Z", "--to", "2024-01-01T06:00:00Z", "--out", str(out))
    assert done.exit_code == 0, done.output
    assert "nothing was spent" in done.stdout
    assert out.read_bytes().startswith(b"\x89PNG")


def test_books_without_any_spend_are_told_as_such(data: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(data, own)
    (own / LEDGER).unlink()
    Ledger(f"sqlite:///{own / LEDGER}").close()
    done = run("plot", "total", "--data", str(own))
    assert done.exit_code == 1
    assert done.stderr == "spendwarden: the books hold no spend of all AI spend\n"
