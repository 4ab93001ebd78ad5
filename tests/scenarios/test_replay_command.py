"""`spendwarden replay`, in process: how the input is cut, stopped, split, packed or damaged changes nothing else of the transcript."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from service.money import usd
from tests.scenarios.calls import POLICY, START_S, Call, calls, lines, nanos
from tests.scenarios.commands import Line, run

HEAVY = ("fastapi", "sqlalchemy", "river", "uvicorn", "httpx", "numpy", "rich", "matplotlib")


class Desk:
    """A folder with a policy in which the command is run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.policy = folder / "policy.yaml"
        self.policy.write_text(POLICY)

    def file(self, made: Sequence[Call] | bytes, name: str = "calls.jsonl") -> str:
        path = self.folder / name
        path.write_bytes(made if isinstance(made, bytes) else lines(made))
        return str(path)

    def run(self, *words: str, stdin: bytes = b"") -> list[Line]:
        """The transcript; without how fast it was."""
        done = run("replay", "--policy", str(self.policy), "--json", *words, stdin=stdin)
        assert done.exit_code == 0, done.output
        told = [json.loads(line) for line in done.stdout.splitlines()]
        return [{key: value for key, value in line.items() if key != "events_per_s"} for line in told]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def decided(transcript: list[Line]) -> list[Line]:
    return [line for line in transcript if line["type"] not in ("refused", "summary")]


def refused(transcript: list[Line]) -> list[Line]:
    return [line for line in transcript if line["type"] == "refused"]


def test_a_runaway_is_found_and_every_nano_dollar_is_counted(desk: Desk) -> None:
    made = calls()
    transcript = desk.run(desk.file(made))
    kinds = {kind for line in transcript if line["type"] == "incident" for kind in line["kinds"]}
    assert {"budget_threshold", "execution_cap", "loop"} <= kinds
    orders = [line for line in transcript if line["type"] == "order"]
    assert {order["scope"]["name"] for order in orders} >= {"wild"}
    assert {order["mode"] for order in orders} == {"observe"}
    assert transcript[-1]["spend_usd"] == usd(nanos(made))
    assert transcript[-1]["events"] == transcript[-1]["accepted"] == len(made)
    crossed = [
        (line["budget"], line["scope"]["name"], line["threshold"]) for line in transcript if line["type"] == "incident" and line["reason"] == "line_crossed"
    ]
    assert len(crossed) == len(set(crossed)) > 6


@pytest.mark.parametrize("batch", [1, 7, 10_000])
def test_how_it_is_read_in_batches_changes_nothing(desk: Desk, batch: int) -> None:
    file = desk.file(calls())
    assert desk.run(file, "--batch", str(batch)) == desk.run(file)


@pytest.mark.parametrize("stops", [(1,), (299,), (300, 301), (17, 400, 599), (600,)])
def test_stopped_and_resumed_it_prints_the_same(desk: Desk, stops: Sequence[int]) -> None:
    file, state = desk.file(calls()), str(desk.folder / "state")
    pieces = [desk.run(file, "--state", state, "--stop-after", str(stop)) for stop in stops]
    assert all(line["type"] != "summary" for piece in pieces for line in piece)
    pieces.append(desk.run(file, "--state", state))
    assert [line for piece in pieces for line in piece] == desk.run(file)


def test_several_files_are_merged_by_time(desk: Desk) -> None:
    made = calls()
    desk.file(made[0::3], "a.jsonl")
    desk.file(made[1::3], "b.jsonl")
    desk.file(gzip.compress(lines(made[2::3])), "c.jsonl.gz")
    assert desk.run(str(desk.folder / "*.jsonl*")) == desk.run(desk.file(made, "whole"))


def test_standard_input_is_a_file(desk: Desk) -> None:
    assert desk.run("-", stdin=lines(calls())) == desk.run(desk.file(calls()))


def test_a_packed_file_that_breaks_off_gives_what_came_before(desk: Desk) -> None:
    made = calls()
    packed = gzip.compress(lines(made))
    transcript = desk.run(desk.file(packed[: len(packed) // 2], "calls.jsonl.gz"))
    assert [line["reason"] for line in refused(transcript)][-1] == "broken_gzip"
    assert "breaks off" in refused(transcript)[-1]["detail"]
    whole = transcript[-1]["accepted"]
    assert 100 < whole < 600
    assert transcript[-1]["spend_usd"] == usd(nanos(made[:whole]))


def test_a_line_of_ten_megabytes_is_refused_and_disturbs_nothing(desk: Desk) -> None:
    made = calls()
    large = json.dumps({**made[0], "id": "large", "labels": {"a": "x" * 10_000_000}}).encode() + b"\n"
    transcript = desk.run(desk.file(lines(made[:300]) + large + lines(made[300:])))
    assert [(line["reason"], line["where"].rpartition(":")[2]) for line in refused(transcript)] == [("too_large", "301")]
    plain = desk.run(desk.file(made))
    assert decided(transcript) == decided(plain)
    assert transcript[-1] == plain[-1] | {"events": 601, "refused": 1}


@pytest.mark.parametrize("at", [0, 300, 599])
def test_a_record_of_the_far_future_closes_nothing_behind_it(desk: Desk, at: int) -> None:
    made = calls()
    far = {**made[0], "id": "far", "time": START_S + 10 * 365 * 86_400}
    transcript = desk.run(desk.file([*made[:at], far, *made[at:]]))
    assert [(line["reason"], line["field"], line["id"]) for line in refused(transcript)] == [("too_early", "time", "far")]
    assert decided(transcript) == decided(desk.run(desk.file(made)))


def test_what_is_heard_twice_counts_once(desk: Desk) -> None:
    """A fifth of all calls come again, up to two hundred records later."""
    lot = random.Random(3)
    made = calls()
    again = {lot.randrange(number + 1, number + 200): call for number, call in enumerate(made) if lot.random() < 0.2}
    doubled = [call for number, call in enumerate(made) for call in ([call, again[number]] if number in again else [call])]
    transcript, plain = desk.run(desk.file(doubled)), desk.run(desk.file(made))
    assert transcript[-1] == plain[-1] | {"events": len(doubled), "duplicates": len(doubled) - len(made)}
    assert len(doubled) - len(made) > 50
    assert last_of_each(transcript) == last_of_each(plain)


def last_of_each(transcript: list[Line]) -> dict[str, Any]:
    """Incidents by id, with their final figures."""
    told = ("kinds", "severity", "spend_usd", "excess_usd", "scope", "state")
    return {line["id"]: [line[key] for key in told] for line in transcript if line["type"] == "incident"}


def test_what_is_wrong_is_refused_by_its_field_and_the_rest_counts(desk: Desk) -> None:
    made = calls(20)
    bad = [b"{", b'{"id": "a"}', lines([{**made[0], "id": "b", "input_tokens": -1}]), lines([{**made[0], "id": "c", "cost_usd": "NaN"}])]
    transcript = desk.run(desk.file(b"\n".join([*bad, lines(made)])))
    assert [(line["reason"], line["field"]) for line in refused(transcript)] == [
        ("not_json", ""),
        ("missing", "time"),
        ("negative", "input_tokens"),
        ("not_finite", "cost_usd"),
    ]
    assert transcript[-1]["spend_usd"] == usd(nanos(made))


def test_a_rolling_budget_can_be_told(desk: Desk) -> None:
    desk.policy.write_text("budgets: [{name: r, scope: {agent: '*'}, period: {rolling: 24h}, limit_usd: 1}]")
    transcript = desk.run(desk.file(calls()))
    assert any(line["type"] == "notice" and line.get("budget") == "r" for line in transcript)


def test_a_secret_that_points_nowhere_is_only_a_warning(desk: Desk) -> None:
    desk.policy.write_text('receivers: [{name: hook, kind: webhook, url: "https://a.example", secret: "env:SPENDWARDEN_NO_SUCH_SECRET"}]')
    done = run("replay", "--policy", str(desk.policy), "--json", desk.file(calls(20)))
    assert done.exit_code == 0
    assert "1 warning" in done.stderr
    assert "receivers[0].secret: points nowhere: env:SPENDWARDEN_NO_SUCH_SECRET" in done.stderr
    assert all(json.loads(line)["type"] for line in done.stdout.splitlines())


def test_a_person_gets_a_page(desk: Desk) -> None:
    done = run("replay", "--policy", str(desk.policy), desk.file(calls()))
    assert done.exit_code == 0
    for words in ("metered AI spend in 600 records", "agent-4", "gpt-5", "Incidents", "critical"):
        assert words in done.stdout


def test_the_page_fits_eighty_columns_and_names_what_explain_asks_for(desk: Desk) -> None:
    file = desk.file(calls())
    page = run("replay", "--policy", str(desk.policy), file).stdout
    assert max(map(len, page.splitlines())) <= 80
    ids = {line["id"] for line in desk.run(file) if line["type"] == "incident"}
    assert all(name in page for name in ids)
    assert "budget threshold" in page
    assert "calls per execution" in page


def test_the_page_says_why_records_were_refused_and_where_the_first_lies(desk: Desk) -> None:
    file = desk.file(lines(calls(20)) + b'{"id": "q"}\n{"id": "r"}\n{"id": "s", "time": 1, "input_tokens": "1"}\n', "short")
    done = run("replay", "--policy", str(desk.policy), file)
    assert done.exit_code == 0
    rows = [row for row in done.stdout.splitlines() if "missing time" in row or "wrong_type input_tokens" in row]
    assert ["2" in row.split("│")[2] for row in rows] == [True, False]
    assert "send it without quotes" in " ".join(done.stdout.replace("│", " ").split())


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_a_file_of_which_nothing_counts_is_an_error_without_empty_tables(desk: Desk, words: list[str]) -> None:
    done = run("replay", *words, desk.file(b'{"id": "q"}\n{"id": "r"}\n'))
    assert done.exit_code == 1
    assert "every record was refused, all 2 of them" in done.stderr
    assert "Spend by" not in done.stdout
    assert run("replay", desk.file(b"", "empty")).exit_code == 0


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ([], 2, "at least one file"),
        (["nowhere.jsonl"], 1, "nowhere.jsonl: no such file"),
        (["-", "--format", "morse"], 2, "must be one of spendwarden, litellm"),
        (["-", "--stop-after", "3"], 2, "needs --state"),
        (["-", "--policy", "nowhere.yaml"], 2, "nowhere.yaml"),
        (["-", "--journal", "nowhere"], 2, "give no files of records beside it"),
        (["--journal", "nowhere"], 1, "cannot read nowhere"),
        (["-", "--partitions", "0"], 2, "--partitions"),
    ],
)
def test_what_cannot_be_done_is_said_on_standard_error(words: list[str], code: int, told: str) -> None:
    done = run("replay", *words)
    assert done.exit_code == code
    assert told in done.stderr
    assert not done.stdout


def test_it_starts_without_what_only_the_service_needs() -> None:
    code = f"import sys, service.cli.replay; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
