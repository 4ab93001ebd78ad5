"""Ends the process when a part of it stands still: whoever hangs keeps its membership, and nobody else would take its work over."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from service.engine.background import Background

LOOK_EVERY_S: Final = 1.0
STILL_S: Final = 30.0
EXIT_CODE: Final = 70


def end_process(part: str, still_s: float) -> None:
    """A supervisor starts another one; the owners restore what they had saved."""
    structlog.get_logger("watchdog").critical("stands_still", part=part, still_s=round(still_s, 1), advice="look at what it did last; the process ends now")
    os._exit(EXIT_CODE)


@dataclass
class Watchdog:
    """`beats`: of each part something that changes while it lives, at least once in `still_s`.

    A look that comes late by half of that means that the whole process slept (SIGSTOP): all begin anew.
    """

    beats: Mapping[str, Callable[[], object]]
    clock_s: Callable[[], float]
    end: Callable[[str, float], None] = end_process
    still_s: float = STILL_S
    _seen: dict[str, tuple[object, float]] = field(default_factory=dict)
    _looked_s: float | None = None

    def __post_init__(self) -> None:
        self.thread = Background("watchdog", self._live)

    def look(self) -> None:
        """Compares each part with what it said before."""
        now_s = self.clock_s()
        slept = self._looked_s is not None and now_s - self._looked_s > self.still_s / 2
        self._looked_s = now_s
        for part, beat in self.beats.items():
            said, since_s = self._seen.get(part, (None, now_s))
            now_said = beat()
            if said != now_said or slept or part not in self._seen:
                self._seen[part] = now_said, now_s
            elif now_s - since_s > self.still_s:
                self.end(part, now_s - since_s)

    def _live(self) -> None:
        while not self.thread.stopping:
            self.look()
            self.thread.pause(LOOK_EVERY_S)
