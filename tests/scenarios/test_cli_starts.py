"""A service that cannot start says in one clear sentence what is wrong and what to do, as the commands that open a door do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from service.bootstrap.embedded import embedded
from service.folder import LOCK, claimed
from service.log.ports import LogError
from service.policy import load
from tests.ports import free_port
from tests.scenarios.commands import run

HOOK = 'receivers: [{name: t, kind: console}, {name: h, kind: webhook, url: "https://orchestrator.example", secret: "env:SPENDWARDEN_NO_SUCH", takes: orders}]'
HOLDS = "import sys; from pathlib import Path; from service.folder import claimed\nwith claimed(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"


def refused(*words: str, code: int = 1) -> str:
    """What a start that must fail says: one line on standard error, in no library's words."""
    done = run(*words)
    assert done.exit_code == code, done.output
    assert done.stderr.count("\n") == 1
    assert not any(word in done.stderr for word in ("pydantic", "Errno", "Value error", "validation error"))
    return done.stderr


def start(data: Path, *words: str) -> str:
    return refused("run", "--data", str(data), "--listen", f"127.0.0.1:{free_port()}", "--insecure-loopback", *words)


# ---------------------------------------------------------------- the folder


def test_a_folder_has_one_service_until_it_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        told = start(tmp_path)
        assert f"in use by another service (process {other.pid}); stop it, or start on another folder with --data" in told
        assert sorted(path.name for path in tmp_path.iterdir()) == [LOCK], "nothing of it was touched"
        other.send_signal(signal.SIGKILL)
    with claimed(tmp_path):
        assert (tmp_path / LOCK).read_text().strip() == str(os.getpid())
        with pytest.raises(LogError, match=f"process {os.getpid()}"), claimed(tmp_path):
            pass
    with claimed(tmp_path):
        pass


@pytest.mark.parametrize("place", ["file", "file/inside"])
def test_a_file_is_no_folder(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    assert f"{tmp_path / place} is not a folder; name one with --data" in start(tmp_path / place)


def test_a_secret_of_the_policy_in_force_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPENDWARDEN_NO_SUCH", "whsec_aGVsbG9oZWxsb2hlbGxvaGVsbG8=")
    before = embedded(tmp_path, load(HOOK), "http://127.0.0.1", insecure_loopback=True)
    for part in (before.log, before.deliveries, before.bookkeeper.ledger):
        part.close()
    monkeypatch.delenv("SPENDWARDEN_NO_SUCH")
    assert "the policy in force, receivers[1].secret: points nowhere: env:SPENDWARDEN_NO_SUCH is empty or not there" in start(tmp_path)


# ---------------------------------------------------------------- the settings


@pytest.mark.parametrize("command", [("run",), ("demo",), ("serve", "--brokers", "a:1", "--database", "sqlite://")])
def test_an_address_that_is_none(command: tuple[str, ...]) -> None:
    told = refused(*command, "--listen", "foo", code=2)
    assert told.startswith("spendwarden: --listen ")
    assert told.endswith("foo: must be HOST:PORT such as 127.0.0.1:8484\n")


def test_an_address_from_the_environment_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPENDWARDEN_LISTEN", "xx")
    assert "SPENDWARDEN_LISTEN" in refused("run", code=2)


def test_all_that_is_wrong_with_a_cluster_s_settings_and_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPENDWARDEN_KAFKA_SECURITY_PROTOCOL", "TLS")
    monkeypatch.setenv("SPENDWARDEN_KAFKA_REQUEST_TIMEOUT_MS", "soon")
    told = refused("topics", "--brokers", "a", code=2)
    assert "--brokers (SPENDWARDEN_BROKERS) a: must be HOST:PORT" in told
    assert "SPENDWARDEN_KAFKA_SECURITY_PROTOCOL: must be 'PLAINTEXT', 'SSL'" in told
    assert "SPENDWARDEN_KAFKA_REQUEST_TIMEOUT_MS: " in told
    monkeypatch.setenv("SPENDWARDEN_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.delenv("SPENDWARDEN_KAFKA_REQUEST_TIMEOUT_MS")
    monkeypatch.setenv("SPENDWARDEN_KAFKA_PASSWORD", "hush-hush")
    told = refused("topics", "--brokers", "a:1", code=2)
    assert told == "spendwarden: SASL_SSL needs SPENDWARDEN_KAFKA_USERNAME and SPENDWARDEN_KAFKA_PASSWORD\n"
