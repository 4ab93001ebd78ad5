"""`spendwarden audit`: a folder's chain is whole, whoever was killed; touched, it is found out, in the books, in a file, and by the logs."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from service.folder import LEDGER, LOGS
from service.log.blocking import complete
from service.log.ports import OUTBOX
from service.log.sqlite import SqliteLog
from tests.scenarios.commands import Line, lines, page, run
from tests.scenarios.lives import a_life


def changed(data: Path, statement: str) -> None:
    with closing(sqlite3.connect(data / LEDGER)) as db, db:
        assert db.execute(statement).rowcount > 0


def test_a_folders_audit_is_whole_and_the_journal_makes_it_again(data: Path) -> None:
    policies, tenant = lines(run("audit", "verify", "--data", str(data), "--repeat"))
    assert policies.startswith("the policies (journal 0): 1 entry, 2025-11-25T12:00:0")
    assert tenant.startswith("tenant default: ")
    assert ", whole; head " in tenant
    assert run("audit", "verify", "--data", str(data), "--head", tenant.rpartition(" ")[2]).exit_code == 0
    forged = run("audit", "verify", "--data", str(data), "--head", "0" * 64)
    assert (forged.exit_code, "BROKEN no entry that fits has the digest 000" in forged.stdout) == (1, True)


def test_kills_leave_a_whole_chain_of_the_same_controls_and_orders(data: Path, tmp_path: Path) -> None:
    a_life(tmp_path, kills=(3, 4, 31, 59))
    assert run("audit", "verify", "--data", str(tmp_path), "--repeat").exit_code == 0
    calm, killed = ([(line["what"], line["said"].get("state")) for line in exported(folder)[0]] for folder in (data, tmp_path))
    assert killed == calm
    assert {what for what, _ in calm} == {"policy", "control", "order", "order_state"}


def exported(data: Path) -> tuple[list[Line], Line]:
    *entries, end = (json.loads(line) for line in lines(run("export", "--what", "audit", "--data", str(data))))
    return entries, end


def test_an_export_says_how_to_hash_it_and_is_verified_without_the_books(data: Path, tmp_path: Path) -> None:
    entries, end = exported(data)
    assert end["spendwarden"] == "audit"
    heads = {"": "", "default": ""}
    for line in entries:
        digest = line.pop("digest")
        assert sha256(json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest() == digest
        assert line["before"] == heads[str(line["tenant"])]
        heads[str(line["tenant"])] = str(digest)
    packed = tmp_path / "audit.jsonl.gz"
    assert f"{len(entries)} entries of audit written" in run("export", "--what", "audit", "--data", str(data), "--out", str(packed)).stderr
    assert lines(run("audit", "verify", str(packed))) == lines(run("audit", "verify", "--data", str(data)))


@pytest.mark.parametrize("touched", ["changed", "dropped", "swapped", "cut", "no entry", "no end", "end of another", "after the end", "no file"])
def test_a_file_that_was_touched_is_found_out(data: Path, tmp_path: Path, touched: str) -> None:
    written = lines(run("export", "--what", "audit", "--data", str(data)))
    match touched:
        case "changed":
            written[4] = written[4].replace('"by":', '"bye":').replace('"state":"', '"state":"x')
        case "dropped":
            del written[4]
        case "swapped":
            written[3], written[4] = written[4], written[3]
        case "cut":
            del written[-2]
        case "no entry":
            written[3] = "[]"
        case "no end":
            del written[-1]
        case "end of another":
            written[-1] = '{"spendwarden":"export"}'
        case "after the end":
            written.append(written[-2])
        case _:
            pass
    file = tmp_path / "audit.jsonl"
    if touched != "no file":
        file.write_text("\n".join(written))
    done = run("audit", "verify", str(file))
    assert done.exit_code == 1
    assert {
        "no entry": "line 4: is no entry",
        "no end": "cut short",
        "end of another": "Object missing required field `heads`; give what",
        "no file": "cannot read",
    }.get(touched, "BROKEN") in done.output


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("DELETE FROM audit WHERE at = (SELECT max(at) FROM audit)", "the outbox has it, and here it is missing"),
        ("DELETE FROM audit WHERE id LIKE '000000000003-%'", "entry 3 is missing before it"),
        ("UPDATE audit SET at = at + 100000 WHERE id LIKE '000000000003-%'", "entry 3 is missing before it"),
        ("UPDATE audit SET body = x'00' WHERE id LIKE '000000000003-%'", "cannot be read"),
        ("UPDATE audit SET tenant = 'other' WHERE id LIKE '000000000003-%'", "its row says otherwise than its text"),
    ],
)
def test_books_that_were_touched_are_found_out_and_mended_from_the_logs(own: Path, statement: str, found: str) -> None:
    changed(own, statement)
    done = run("audit", "verify", "--data", str(own))
    assert (done.exit_code, found in done.stdout) == (1, True), done.output
    assert run("ledger", "rebuild", "--data", str(own)).exit_code == 0
    mended = run("audit", "verify", "--data", str(own), "--repeat")
    assert mended.exit_code == (1 if "100000" in statement else 0), "a row that was put somewhere else is not the logs' to take away"


def test_the_logs_may_be_trimmed_the_audit_stays(own: Path) -> None:
    log = SqliteLog(own / LOGS, lambda: 0)
    complete(log.trim(OUTBOX, 0, complete(log.span(OUTBOX, 0))[1]))
    log.close()
    assert run("audit", "verify", "--data", str(own)).exit_code == 0


def test_a_person_reads_it(data: Path) -> None:
    shown = page(run("audit", "show", "--data", str(data)))
    assert "maria acknowledge inc-" in shown
    assert "order ord-" in shown
    assert "policy 1 spendwarden policy version 1, digest " in shown
    assert len(lines(run("audit", "show", "--data", str(data), "--last", "2"))) < len(lines(run("audit", "show", "--data", str(data))))
    assert run("audit", "show", "--data", str(data), "--tenant", "nobody", "--last", "1").exit_code == 0
    done = run("audit", "verify", "--repeat", "audit.jsonl")
    assert (done.exit_code, "--repeat needs --data" in done.stderr) == (2, True)
    done = run("audit", "verify", "--head", "0")
    assert (done.exit_code, done.stderr) == (2, "spendwarden: give --data DIR or --database URL, or what `spendwarden export --what audit` wrote\n")
