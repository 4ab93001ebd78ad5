"""The commands on a data folder that a service has run on: its journal repeated, its transcript exported, an incident explained."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from service.bootstrap import newest_policy
from service.cli.app import app
from service.embedded import complete
from service.facts import Control, Tally, decode_journal
from service.folder import FIXED, LOGS
from service.intake import Reason, Refusal
from service.log.ports import JOURNAL
from service.log.sqlite import SqliteLog
from service.money import NANO, usd
from service.policy import load
from service.records import Usage
from tests.scenarios.small_service import NOON_MS, SmallService

POLICY = """
budgets:
  - {name: each-agent-day, scope: {agent: "*"}, period: day, limit_usd: 2, pause_at: 100}
  - {name: kyc-agents, scope: {agent: "*", use_case: kyc}, period: day, limit_usd: 3}
caps: [{scope: {workflow: "*"}, limit_usd: 1, action: pause}]
quotas: [{scope: {user: "*"}, period: day, tokens: 5000}]
pauses: {allow: [{execution: "*"}, {agent: "*"}]}
"""
SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS


def call(number: int, time_ms: int, cost: str = "0.1") -> Usage:
    agent = f"agent-{number % 2}"
    return Usage(
        id=f"c{number}", time=time_ms / 1000, agent=agent, use_case="kyc", workflow="w", user="u", execution_id=f"{agent}-run", input_tokens=100, cost_usd=cost
    )


async def lived(data: Path, kills: Sequence[int] = (), calls: int = 60) -> SmallService:
    """A minute and a half of a call a second and some of them twice; killed without a word after the calls named."""
    service = await SmallService.begun(data, load(POLICY))
    for number in range(calls):
        await service.hear([call(number, service.now_ms)] * (2 if number % 5 == 0 else 1))
        await service.live(1_400)
        if number in kills:
            service.kill()
            service = await SmallService.begun(data, load(POLICY), now_ms=service.now_ms)
    await service.refuse(Refusal(reason=Reason.NOT_JSON))
    return service


def a_life(data: Path, kills: Sequence[int] = ()) -> None:
    async def life() -> None:
        service = await lived(data, kills)
        await service.tell(Control("ctl-1", "default", "acknowledge", "maria", incident=await an_incident(service)))
        await service.live(5_000)
        await service.stop()

    asyncio.run(life())


async def an_incident(service: SmallService) -> str:
    assert service.engine._warden is not None
    episodes = service.engine._warden.state.tenants["default"].episodes.values()
    return next(episode.id for episode in episodes if episode.budget == "each-agent-day")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that nobody changes."""
    folder = tmp_path_factory.mktemp("life") / "data"
    a_life(folder)
    return folder


@pytest.fixture
def own(data: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(data, tmp_path / "own"))


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def page(done: Result) -> str:
    """What a person sees, whatever the width of the screen."""
    return " ".join(done.stdout.split())


def lines(done: Result) -> list[str]:
    assert done.exit_code == 0, done.output
    return done.stdout.splitlines()


# ------------------------------------------------------------------ export and replay --journal


def test_the_journal_repeats_the_transcript_bit_for_bit(data: Path) -> None:
    exported = lines(run("export", "--what", "transcript", "--data", str(data)))
    *repeated, last = lines(run("replay", "--journal", str(data), "--json"))
    assert repeated == exported
    assert {json.loads(line)["type"] for line in exported} == {"incident", "notice", "order", "order_state"}
    summary = json.loads(last)
    assert summary["spend_usd"] == "6.00"
    assert (summary["events"], summary["accepted"], summary["duplicates"], summary["refused"]) == (73, 60, 12, 1)
    assert summary["by"]["agent"] == {"agent-0": "3.00", "agent-1": "3.00"}


def test_kills_change_no_finding_and_no_incident(data: Path, tmp_path: Path) -> None:
    a_life(tmp_path, kills=(3, 4, 31, 59))
    exported = lines(run("export", "--what", "transcript", "--data", str(tmp_path)))
    *repeated, last = lines(run("replay", "--journal", str(tmp_path), "--json"))
    assert repeated == exported
    assert json.loads(last)["spend_usd"] == "6.00"
    calm, killed = ({name: (line["kinds"], line["spend_usd"], line["severity"]) for name, line in incidents(each).items()} for each in (data, tmp_path))
    assert calm == killed
    assert len(calm) >= 5


def test_an_exported_journal_repeats_as_well_as_the_folder(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl.gz"
    assert f"rows of journal written to {file}" in run("export", "--what", "journal", "--data", str(data), "--out", str(file)).stderr
    of_file, of_folder = (lines(run("replay", "--journal", str(path), "--json")) for path in (file, data))
    assert of_file[:-1] == of_folder[:-1]
    assert json.loads(of_file[-1])["spend_usd"] == "6.00"
    assert "metered AI spend in 72 records" in page(run("replay", "--journal", str(file)))


@pytest.mark.parametrize("what", ["stream", "journal", "outbox", "refused"])
def test_every_log_can_be_written_and_says_which_it_is(data: Path, what: str) -> None:
    header, *rows = (json.loads(line) for line in lines(run("export", "--what", what, "--data", str(data))))
    assert header["topic"] == what
    assert len(header["spans"]) == (3 if what == "stream" else 1)
    assert len(rows) == sum(end - first for first, end in header["spans"].values())
    assert header.get("stream_partitions") == (3 if what == "journal" else None)


def test_what_is_no_journal_or_not_all_of_one_is_not_repeated(data: Path, tmp_path: Path) -> None:
    outbox, journal = tmp_path / "outbox.jsonl", tmp_path / "journal.jsonl"
    for path in (outbox, journal):
        assert run("export", "--what", path.stem, "--data", str(data), "--out", str(path)).exit_code == 0
    done = run("replay", "--journal", str(outbox), "--json")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "holds outbox" in done.stderr
    journal.write_bytes(journal.read_bytes().rstrip(b"\n").rpartition(b"\n")[0])
    done = run("replay", "--journal", str(journal), "--json")
    assert done.exit_code == 1
    assert "cut short" in done.stderr


def test_a_trimmed_journal_is_not_repeated_from_the_middle(own: Path) -> None:
    log = SqliteLog(own / LOGS, lambda: NOON_MS)
    complete(log.trim(JOURNAL, 0, 5))
    log.close()
    done = run("replay", "--journal", str(own), "--json")
    assert done.exit_code == 1
    assert "begins at row 5" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("export", "--what", "journal", "--data"),
        ("effective", "total", "--data"),
        ("replay", "--journal"),
        ("explain", "inc-1", "--data"),
        ("policy", "apply", "policy.yaml", "--data"),
    ],
)
def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, words: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "policy.yaml").write_text(POLICY)
    monkeypatch.chdir(tmp_path)
    done = run(*words, "photos" if words[0] != "policy" else "nowhere")
    assert done.exit_code in (1, 2)
    assert done.stderr.startswith("spendwarden: ")
    assert "folder" in done.stderr
    assert list((tmp_path / "photos").iterdir()) == []


# ------------------------------------------------------------------ partitions


def test_the_number_of_partitions_is_fixed_with_the_folder(own: Path) -> None:
    done = run("run", "--data", str(own), "--partitions", "12", "--insecure-loopback")
    assert done.exit_code == 1
    assert "was made with 3 stream partitions" in done.stderr
    assert "--partitions 3" in done.stderr
    (own / FIXED).write_text("{")
    done = run("export", "--what", "journal", "--data", str(own))
    assert done.exit_code == 1
    assert FIXED in done.stderr


# ------------------------------------------------------------------ policy apply


def test_a_running_service_takes_up_a_published_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raised to twice as much, the day's limit is not reached any more; the lines told before are not told again."""
    data, raised = tmp_path / "data", tmp_path / "raised.yaml"
    raised.write_text(POLICY.replace("period: day, limit_usd: 2", "period: day, limit_usd: 20"))

    async def life() -> None:
        service = await lived(data, calls=30)
        monkeypatch.setattr("service.bootstrap.now_ms", lambda: service.now_ms)
        done = run("policy", "apply", str(raised), "--data", str(data))
        assert done.stdout == f"published: version 2, digest {load(raised.read_text()).digest}\n"
        await service.live(5_000)
        assert [policy.version for policy in service.adopted] == [2]
        assert service.engine.heard.policy_version == 2
        for owner in service.engine._owners():
            assert owner.fold.policy_version(owner.state) == 2
        for number in range(30, 60):
            await service.hear([call(number, service.now_ms)])
            await service.live(1_400)
        await service.stop()

    asyncio.run(life())
    transcript = [json.loads(line) for line in lines(run("export", "--what", "transcript", "--data", str(data)))]
    crossed = [
        line["threshold"] for line in transcript if line["type"] == "incident" and line.get("budget") == "each-agent-day" and line["reason"] == "line_crossed"
    ]
    assert crossed == [70.0, 70.0], "two agents, and neither reaches another line"
    *repeated, _ = lines(run("replay", "--journal", str(data), "--json"))
    assert [json.loads(line) for line in repeated] == transcript
    assert json.loads(run("effective", "total", "--data", str(data), "--json").stdout)["policy"] == load(raised.read_text()).digest


def test_the_same_policy_is_not_published_twice_and_a_wrong_one_never(own: Path, tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    assert run("policy", "apply", str(path), "--data", str(own)).stdout.startswith("unchanged: version 1, digest ")
    path.write_text(POLICY.replace("day", "dy"))
    done = run("policy", "apply", str(path), "--data", str(own))
    assert done.exit_code == 2
    assert "budgets[0].period" in done.stderr
    path.write_text(POLICY + 'receivers: [{name: hook, kind: webhook, url: "https://a.example"}]')
    done = run("policy", "apply", str(path), "--data", str(own))
    assert done.stdout.startswith("published: version 2")
    assert "receivers[0].secret: missing" in done.stderr
    assert "start it again to make these" in done.stderr
    log = SqliteLog(own / LOGS, lambda: NOON_MS)
    newest = newest_policy(log)
    log.close()
    assert newest is not None
    assert newest.version == 2


# ------------------------------------------------------------------ explain


def explained(data: Path, incident: str, *words: str) -> dict[str, Any]:
    done = run("explain", incident, "--data", str(data), "--json", *words)
    assert done.exit_code == 0, done.output
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def incidents(data: Path) -> dict[str, dict[str, Any]]:
    transcript = [json.loads(line) for line in lines(run("export", "--what", "transcript", "--data", str(data)))]
    return {line["id"]: line for line in transcript if line["type"] == "incident"}


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
    for words in ("Budget each-agent-day", "$2.00 of $2.00", "agrees", "maria", "Order ord-", "Steps", "Told", "times as planned"):
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


def test_the_journal_holds_all_money_as_last_words(data: Path) -> None:
    """What `repeat` adds of open minutes is what the last words have not said yet."""
    log = SqliteLog(data / LOGS, lambda: NOON_MS)
    rows = complete(log.read(JOURNAL, 0, 0, 100_000))
    log.close()
    last_words = sum(fact.sums.nanos for row in rows for fact in getattr(decode_journal(row.value), "facts", []) if isinstance(fact, Tally))
    assert 0 < last_words < 6 * NANO
    assert json.loads(lines(run("replay", "--journal", str(data), "--json"))[-1])["spend_usd"] == usd(6 * NANO)
