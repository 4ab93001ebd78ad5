"""A real PostgreSQL for tests: started once when the first of them asks for it, in a folder of its own, reached by a Unix socket.

Where the machine has none, its half of the tests is skipped with one line that says so; with SPENDWARDEN_REQUIRE_SERVICES=1 it fails.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

START_WITHIN_S = 60
NONE_HERE = "NO POSTGRESQL ON THIS MACHINE: the books were tested on SQLite alone. On Debian and Ubuntu: apt-get install postgresql"
QUICK = ("fsync=off", "full_page_writes=off", "shared_buffers=32MB", "listen_addresses=", "logging_collector=off")
FORGETFUL = ("wal_writer_delay=10s",)  # what a session commits with synchronous_commit=off is lost when the server is killed soon


class Postgres:
    """A server with its data, log and socket in `folder`, which may be stopped and started again."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries, self._folder = binaries, folder
        self._user = _unprivileged()
        self._given = 0
        if self._user is not None:
            shutil.chown(folder, self._user)
        initdb = ("initdb", "-D", str(folder / "data"), "-U", "spendwarden", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        assert self._run(*initdb).wait() == 0, self.log()
        self.start()

    def start(self) -> None:
        """Returns when it answers."""
        options = [word for setting in (*QUICK, *FORGETFUL, f"unix_socket_directories={self._folder}") for word in ("-c", setting)]
        self._server = self._run("postgres", "-D", str(self._folder / "data"), *options)
        ends = time.monotonic() + START_WITHIN_S
        while True:
            try:
                psycopg.connect(self._address).close()
            except psycopg.OperationalError:
                assert self._server.poll() is None, self.log()
                assert time.monotonic() < ends, self.log()
                time.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        """Ends it and every connection at once; what was committed is there when it is started again."""
        self._server.send_signal(signal.SIGQUIT)
        self._server.wait(START_WITHIN_S)

    def fresh(self) -> str:
        """The address of books that nobody has opened yet, as SQLAlchemy writes it: a schema each, which is made faster than a database.

        It ends in the server's options, so that others can be added.
        """
        self._given += 1
        with psycopg.connect(self._address, autocommit=True) as db:
            db.execute(f"CREATE SCHEMA books_{self._given}".encode())
        return f"postgresql+psycopg://spendwarden@/postgres?host={self._folder}&options=-csearch_path%3Dbooks_{self._given}"

    def log(self) -> str:
        """What it said."""
        return (self._folder / "log").read_text(encoding="utf-8", errors="replace")

    @property
    def _address(self) -> str:
        return f"host={self._folder} user=spendwarden dbname=postgres"

    def _run(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        group = None if self._user is None else pwd.getpwnam(self._user).pw_gid
        groups: list[str] | None = None if self._user is None else []
        with (self._folder / "log").open("ab") as log:
            command = [str(self._binaries / name), *words]
            return subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder, user=self._user, group=group, extra_groups=groups)


def _unprivileged() -> str | None:
    """Who it runs as: it refuses to be root, and anyone else is good enough."""
    if os.geteuid() != 0:
        return None
    known = {user.pw_name for user in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)


def _binaries() -> Path | None:
    """Where the server's programs lie; Debian keeps them off the PATH, a folder for each version."""
    by_version = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True)
    on_path = [Path(found).resolve().parent for found in [shutil.which("initdb")] if found]
    return next((folder for folder in (*on_path, *by_version) if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server of this run of the tests."""
    binaries = _binaries()
    if binaries is None:
        (pytest.fail if os.environ.get("SPENDWARDEN_REQUIRE_SERVICES") == "1" else pytest.skip)(NONE_HERE)
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))  # short, and open to who the server runs as: a socket's path has 107 bytes at most
    server = Postgres(binaries, folder)
    yield server
    server.kill()
    shutil.rmtree(folder)
