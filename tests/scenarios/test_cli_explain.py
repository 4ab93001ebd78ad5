"""`explain`: every number of an incident worked out again, its whole story, and what was tampered with."""

from __future__ import annotations

import json
from pathlib import Path

from msgspec.structs import asdict

from service.facts import Reckoning
from tests.scenarios.commands import Line, incidents, page, run


def explained(data: Path, incident: str, *words: str) -> Line:
    done = run("explain", incident, "--data", str(data), "--json", *words)
    assert done.exit_code == 0, done.output
    told: Line = json.loads(done.stdout)
    return told


def test_every_number_of_every_incident_is_worked_out_again(data: Path) -> None:
    found = incidents(data)
    checked: dict[str, list[bool | None]] = {}
    for incident in found:
        for check in explained(data, incident)["checks"]:
            checked.setdefault(check["what"].partition(" of c")[0], []).append(check["agrees"])
    assert checked.keys() >= {"excess", "percent used", "pace", "runs out", "spend of the period"}
    assert all(agrees is not False for each in checked.values() for agrees in each), checked
    assert checked["spend of the period"].count(True) >= 3
    assert checked["spend of the period"].count(None) == 2, "the books keep no sums of an agent within a use case"


def test_the_story_of_an_incident_is_whole(data: Path) -> None:
    name = next(name for name, line in incidents(data).items() if line.get("budget") == "each-agent-day" and line["state"] == "acknowledged")
    told = explained(data, name)
    assert [step["threshold"] for step in told["history"] if step["reason"] == "line_crossed"] == [70.0, 85.0, 100.0]
    assert told["controls"] == [{"action": "acknowledge", "by": "maria"}]
    assert [(order["action"], order["mode"], order["state"]) for order in told["orders"]] == [("pause", "observe", "requested")]
    assert {notice["delivery"] for notice in told["notices"]} == {"under way"}
    seen = page(run("explain", name, "--data", str(data)))
    assert told["where"]["unknown"].startswith("not known yet: the books of agent agent-")
    for words in ("Where: not known yet", "Budget each-agent-day", "$2.00 of $2.00", "agrees", "maria", "Order ord-", "Steps", "Told", "times as planned"):
        assert words in seen
    assert "does not agree" not in seen


def test_a_transcript_explains_as_far_as_it_goes(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "transcript.jsonl"
    run("export", "--what", "transcript", "--data", str(data), "--out", str(path))
    for name in incidents(data):
        of_data = explained(data, name)
        of_file = json.loads(run("explain", name, "--transcript", str(path), "--json").stdout)
        assert of_file["history"] == of_data["history"]
        assert of_file["orders"] == of_data["orders"]
        assert of_file["checks"] == [check for check in of_data["checks"] if check["what"] != "spend of the period"]


def test_an_amount_that_was_tampered_with_does_not_agree(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "transcript.jsonl"
    run("export", "--what", "transcript", "--data", str(data), "--out", str(path))
    name, line = next((name, line) for name, line in incidents(data).items() if line.get("budget") == "each-agent-day")
    path.write_text(path.read_text().replace(f'"spend_usd":"{line["spend_usd"]}"', '"spend_usd":"9.99"'))
    checks = {check["what"]: check["agrees"] for check in json.loads(run("explain", name, "--transcript", str(path), "--json").stdout)["checks"]}
    assert checks["pace"] is False


def test_an_incident_that_is_not_there_is_told_with_those_that_are(data: Path) -> None:
    done = run("explain", "inc-x", "--data", str(data))
    assert done.exit_code == 1
    assert next(reversed(incidents(data))) in done.stderr
    assert run("explain", "inc-x").exit_code == 2


def test_a_detectors_score_is_worked_out_again_and_the_other_votes_are_shown(tmp_path: Path) -> None:
    reckoned = Reckoning(12.6, 12.0, 1.4, 21.3, 3.0, 1.2, 8.5, 1.3)
    floor = {
        "detector": "floor",
        "score": 3.636,
        "expected": 900.0,
        "observed": 1_800.0,
        "reckoning": asdict(reckoned),
        "votes": [{"detector": "[red]x", "score": 2.0}],
    }
    step = {"type": "incident", "id": "inc-1", "tenant": "default", "time": "2026-01-01T00:00:00.000Z", "opened": "2026-01-01T00:00:00.000Z"}
    scope = {
        "scope": {"kind": "agent", "name": "a"},
        "kinds": ["prompt_bloat"],
        "state": "open",
        "severity": "warning",
        "action": "opened",
        "reason": "prompt_bloat",
    }
    path = tmp_path / "transcript.jsonl"
    path.write_text(json.dumps(step | scope | {"spend_usd": "0.00", "excess_usd": "0.00", "evidence": [floor]}))
    done = run("explain", "inc-1", "--transcript", str(path))
    for words in ("What its score comes from", "12.6 nats", "What the other detectors said", "[red]x", "once in 100 days"):
        assert words in page(done), words
    checks = {check["what"]: check["agrees"] for check in json.loads(run("explain", "inc-1", "--transcript", str(path), "--json").stdout)["checks"]}
    assert checks == {"score of floor": True, "floor is told from": False}, "3.6 lies below the threshold, 4.8"
