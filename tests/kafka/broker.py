"""A real Apache Kafka for tests: its jars come from Maven once, then a broker (KRaft) is started when the first test asks for it."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from tests.ports import free_port

POM: Final = Path(__file__).with_name("pom.xml")
CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spendwarden" / "kafka-3.9.1"
START_WITHIN_S: Final = 90
HEAP: Final = ("-Xms192m", "-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
OPEN: Final = "OPEN"
QUICK: Final = {
    "broker.session.timeout.ms": "2000",  # a killed broker is let in again after that
    "broker.heartbeat.interval.ms": "500",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "500",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "3",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "auto.create.topics.enable": "false",
    "log.cleaner.dedupe.buffer.size": "10485760",
    "log.retention.check.interval.ms": "5000",
    "controlled.shutdown.enable": "false",
}


class UnavailableError(Exception):
    """This machine cannot have a Kafka."""


class Addressed(Protocol):
    """A broker or several, as clients see them."""

    def address(self, listener: str = OPEN) -> str:
        """HOST:PORT, or several with commas between."""
        ...


class Seat(NamedTuple):
    """Which node a broker is, of which cluster; `controllers` are the ports by node, and every node is one of them."""

    node: int
    cluster: str
    controllers: Mapping[int, int]


def seats(nodes: int) -> list[Seat]:
    """Those of a new cluster."""
    cluster = base64.urlsafe_b64encode(b"\0" + os.urandom(15)).decode().rstrip("=")  # begins with no dash, or it is taken for an option
    controllers = {node: free_port() for node in range(1, nodes + 1)}
    return [Seat(node, cluster, controllers) for node in controllers]


class Broker:
    """One node with its data and its words in `folder`; `settings` add to its server.properties; without a `seat` it is a cluster by itself.

    `listeners` are further doors beside the open one, by name, with their security protocol; `scram` users of SCRAM-SHA-512 and their
    passwords.
    """

    def __init__(
        self,
        folder: Path,
        listeners: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
        scram: Mapping[str, str] | None = None,
        seat: Seat | None = None,
    ) -> None:
        self.folder, self._jars = folder, jars()
        seat = seat or seats(1)[0]
        self.node = seat.node
        protocols = {OPEN: "PLAINTEXT", **(listeners or {})}
        self._ports = {name: free_port() for name in protocols}
        doors = ",".join(f"{name}://127.0.0.1:{port}" for name, port in self._ports.items())
        properties = {
            "process.roles": "broker,controller",
            "node.id": str(seat.node),
            "controller.quorum.voters": ",".join(f"{node}@127.0.0.1:{port}" for node, port in seat.controllers.items()),
            "controller.listener.names": "CONTROLLER",
            "listeners": f"{doors},CONTROLLER://127.0.0.1:{seat.controllers[seat.node]}",
            "advertised.listeners": doors,
            "inter.broker.listener.name": OPEN,
            "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in {**protocols, "CONTROLLER": "PLAINTEXT"}.items()),
            "log.dirs": str(folder / "data"),
            **QUICK,
            **(settings or {}),
        }
        (folder / "server.properties").write_text("".join(f"{name}={value}\n" for name, value in properties.items()), encoding="utf-8")
        users = [f"SCRAM-SHA-512=[name={name},password={password}]" for name, password in (scram or {}).items()]
        words = ["format", "-t", seat.cluster, "-c", str(folder / "server.properties"), *(word for user in users for word in ("-S", user))]
        made = subprocess.run(["java", "-Xmx64m", "-cp", self._jars, "kafka.tools.StorageTool", *words], capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stdout + made.stderr
        self.start()

    def address(self, listener: str = OPEN) -> str:
        """HOST:PORT of one of its doors."""
        return f"127.0.0.1:{self._ports[listener]}"

    def start(self) -> None:
        """Begins the process; `wait` says when it answers."""
        with (self.folder / "log").open("ab") as log:
            command = ["java", *HEAP, "-cp", self._jars, "kafka.Kafka", str(self.folder / "server.properties")]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)

    def wait(self) -> None:
        """Returns when its port is open; clients wait for the rest by themselves."""
        ends = time.monotonic() + START_WITHIN_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._ports[OPEN]), timeout=1).close()
            except OSError:
                assert self.lives(), self.log()
                assert time.monotonic() < ends, self.log()
                time.sleep(0.1)
            else:
                return

    def lives(self) -> bool:
        """Its process has not ended."""
        return self._process.poll() is None

    def kill(self) -> None:
        """As a machine that is switched off; what was acknowledged is there after `start`."""
        self._process.kill()
        self._process.wait(START_WITHIN_S)

    def pause(self) -> None:
        """It keeps its connections and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Ends a pause."""
        self._process.send_signal(signal.SIGCONT)

    def log(self) -> str:
        """Its last words."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")[-4_000:]


def jars() -> str:
    """The class path; downloads what is missing."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise UnavailableError(f"there is no {program}")
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as turn:  # tests that run side by side fetch them once
        flock(turn, LOCK_EX)
        _fetched()
    return f"{CACHE}/*"


def _fetched() -> None:
    if not (CACHE / "whole").exists():
        sys.stderr.write(f"\nspendwarden: fetching Apache Kafka into {CACHE}, once, about 50 MB\n")
        words = ["-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={CACHE}", "-DincludeScope=runtime"]
        done = subprocess.run(["mvn", *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise UnavailableError(f"mvn failed: {(done.stdout + done.stderr).strip()[:300]}")
        (CACHE / "whole").touch()
