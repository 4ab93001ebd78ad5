"""Workers on Kafka as processes under a small supervisor, as compose or systemd would be: whoever ends is started again."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Final

from tests.bench.live import ROOT

LOOK_S: Final = 0.05
RESTART_S: Final = 0.5
ENDS_WITHIN_S: Final = 60.0
_LEASED: Final = re.compile(r"\bleased\b.*\bmeters=\[([0-9, ]*)\]")
_RUN: Final = "import sys; from service.cli import main; sys.argv[0] = 'spendwarden'; main()"


def spendwarden(*words: str) -> list[str]:
    """The command line of this very working tree's `spendwarden`."""
    return [sys.executable, "-X", "faulthandler", "-c", _RUN, *words]


class Hand:
    """One `spendwarden worker`; `ends` counts how its processes ended, by exit code (negative: by that signal)."""

    def __init__(self, name: str, folder: Path, options: Sequence[str], env: Mapping[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name, self.output = name, folder / f"{name}.txt"
        self.ends: Counter[int] = Counter()
        self.stops_s: list[float] = []
        self._command = spendwarden("worker", "--id", name, "--data", str(folder / "faust"), *options)
        self._env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "BENCH_SECRET": "bench", "COLUMNS": "160", **env}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begins a process; the words of all of them are in `output`."""
        with self.output.open("ab") as out:
            self._process = subprocess.Popen(self._command, stdout=out, stderr=out, env=self._env, cwd=ROOT)

    def words(self) -> str:
        """All that its processes have said."""
        return self.output.read_text(encoding="utf-8", errors="replace") if self.output.exists() else ""

    def said(self, text: str) -> int:
        """How often it has said so."""
        return self.words().count(text)

    @property
    def holds(self) -> frozenset[int]:
        """The partitions that it said last it was leased to meter."""
        found = _LEASED.findall(self.words())
        return frozenset(map(int, filter(None, found[-1].split(", ")))) if found else frozenset()

    @property
    def pid(self) -> int:
        """Of the process of the moment."""
        assert self._process is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Of the process of the moment; None while it runs."""
        assert self._process is not None
        return self._process.poll()

    def kill(self) -> None:
        """SIGKILL, now."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(ENDS_WITHIN_S)

    def pause(self) -> None:
        """SIGSTOP: it holds its connections and says nothing."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    async def stop(self) -> int:
        """SIGTERM; its exit code."""
        assert self._process is not None
        began_s = monotonic()
        self._signal(signal.SIGTERM)
        try:
            code = await asyncio.to_thread(self._process.wait, ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGABRT)  # faulthandler says where each thread stands
            await asyncio.to_thread(self._process.wait)
            raise AssertionError(f"{self.name} did not end within {ENDS_WITHIN_S} s of SIGTERM; its last words:\n{self.words()[-8_000:]}") from None
        self.stops_s.append(monotonic() - began_s)
        return code

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)


class Crew:
    """All hands; `supervise` starts again whoever ends, for ever."""

    def __init__(self, names: Sequence[str], folder: Path, options: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        self.hands = [Hand(name, folder, options, env or {}) for name in names]

    def start(self) -> None:
        """All of them at once."""
        for hand in self.hands:
            hand.start()

    async def supervise(self) -> None:
        """A hand that has ended begins again RESTART_S later."""
        async with asyncio.TaskGroup() as tasks:
            for hand in self.hands:
                tasks.create_task(_supervised(hand))

    async def stop(self) -> None:
        """SIGTERM for all; who does not end is killed."""
        for hand in self.hands:
            hand.go_on()
        for code, hand in zip(await asyncio.gather(*(hand.stop() for hand in self.hands), return_exceptions=True), self.hands, strict=True):
            if isinstance(code, BaseException):
                hand.kill()
                raise code
            hand.ends[code] += 1

    def kill(self) -> None:
        """At the end of a bench that failed nobody is left behind."""
        for hand in self.hands:
            hand.kill()

    @property
    def ends(self) -> Counter[int]:
        """How the processes of all hands ended."""
        return sum((hand.ends for hand in self.hands), Counter[int]())


async def _supervised(hand: Hand) -> None:
    with suppress(asyncio.CancelledError):
        while True:
            await asyncio.sleep(LOOK_S)
            code = hand.exit_code
            if code is not None:
                hand.ends[code] += 1
                await asyncio.sleep(RESTART_S)
                hand.start()
