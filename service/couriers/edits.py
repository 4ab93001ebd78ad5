"""Edits that wait: the newest step of each incident that a receiver may have been told of. No clock, no I/O.

Numbers grow all the time, so an edit waits for newer ones, of which only the last is made, unless a person
just did something and waits to see it; a notice about the same incident says all that
an edit would. They live in memory only: what a crash takes along, the incident's next step or notice brings.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from service.facts import Incident

EDIT_AFTER_MS: Final = 30_000
EDITS_MAX: Final = 10_000  # per receiver; beyond it the oldest is left out


@dataclass(slots=True)
class Edits:
    """Of one receiver.

    >>> from tests.samples import INCIDENT
    >>> edits = Edits()
    >>> edits.add(INCIDENT, now_ms=0)
    >>> edits.pick(now_ms=EDIT_AFTER_MS - 1) is None, edits.pick(now_ms=EDIT_AFTER_MS) is INCIDENT
    (True, True)
    """

    dropped: int = 0
    _waiting: OrderedDict[str, tuple[int, Incident]] = field(default_factory=OrderedDict)

    def add(self, step: Incident, now_ms: int) -> None:
        """A newer step of an incident takes the place of an older one, which keeps its turn; what a person just did goes before all."""
        due_ms, _ = self._waiting.get(step.id, (now_ms + EDIT_AFTER_MS, step))
        acted = bool(step.acts) and step.acts[-1].time_ms == step.time_ms
        self._waiting[step.id] = now_ms if acted else due_ms, step
        if acted:
            self._waiting.move_to_end(step.id, last=False)
        if len(self._waiting) > EDITS_MAX:
            self._waiting.popitem(last=False)
            self.dropped += 1

    def told(self, about: Incident) -> None:
        """A notice about this step says as much, unless a newer step waits: someone did something right after it."""
        _, step = self._waiting.get(about.id, (0, about))
        if step.time_ms < about.time_ms or (step.time_ms == about.time_ms and step.acts == about.acts):
            self._waiting.pop(about.id, None)

    def again(self, step: Incident, due_ms: int) -> None:
        """It could not be made; a newer one that has come meanwhile goes before."""
        self._waiting.setdefault(step.id, (due_ms, step))

    def pick(self, now_ms: int) -> Incident | None:
        """The edit to make now."""
        if self.wait_ms(now_ms) != 0:
            return None
        return self._waiting.popitem(last=False)[1][1]

    def wait_ms(self, now_ms: int) -> int | None:
        """How long until the next one is due; None when none waits."""
        if not self._waiting:
            return None
        due_ms, _ = next(iter(self._waiting.values()))
        return max(due_ms - now_ms, 0)
