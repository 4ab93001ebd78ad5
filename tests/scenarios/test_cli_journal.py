"""A data folder's journal repeated and exported: the same transcript bit for bit, or the reason why not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from service.facts import Tally, decode_journal
from service.folder import FIXED, LOGS
from service.log.blocking import complete
from service.log.ports import JOURNAL
from service.log.sqlite import SqliteLog
from service.money import NANO, usd
from tests.scenarios.commands import incidents, lines, page, run
from tests.scenarios.lives import POLICY, a_life
from tests.scenarios.small_service import NOON_MS


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


def test_the_journal_holds_all_money_as_last_words(data: Path) -> None:
    """What `repeat` adds of open minutes is what the last words have not said yet."""
    log = SqliteLog(data / LOGS, lambda: NOON_MS)
    rows = complete(log.read(JOURNAL, 0, 0, 100_000))
    log.close()
    last_words = sum(fact.sums.nanos for row in rows for fact in getattr(decode_journal(row.value), "facts", []) if isinstance(fact, Tally))
    assert 0 < last_words < 6 * NANO
    assert json.loads(lines(run("replay", "--journal", str(data), "--json"))[-1])["spend_usd"] == usd(6 * NANO)


def test_the_number_of_partitions_is_fixed_with_the_folder(own: Path) -> None:
    done = run("run", "--data", str(own), "--listen", "127.0.0.1:0", "--partitions", "12", "--insecure-loopback")
    assert done.exit_code == 1
    assert "was made with 3 stream partitions" in done.stderr
    assert "--partitions 3" in done.stderr
    (own / FIXED).write_text("{")
    done = run("export", "--what", "journal", "--data", str(own))
    assert done.exit_code == 1
    assert FIXED in done.stderr
