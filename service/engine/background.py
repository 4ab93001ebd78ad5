"""A thread of a shell that works when there is news, rests when there is none, and ends in order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

STOP_WITHIN_S: Final = 30


class Background:
    """A thread that runs `live` once, which works until it sees `stopping`. Any thread may nudge or stop it.

    >>> rounds = []
    >>> def live() -> None:
    ...     while not background.stopping:
    ...         rounds.append("worked")
    ...         background.rest(60)
    >>> background = Background("doctest", live)
    >>> background.start()
    >>> background.stop()
    >>> set(rounds) <= {"worked"}
    True
    """

    def __init__(self, name: str, live: Callable[[], object]) -> None:
        self._thread = threading.Thread(target=live, name=name, daemon=True)
        self._news, self._stopped = threading.Event(), threading.Event()

    def start(self) -> None:
        """Begins the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Asks the thread to end and waits until it has, STOP_WITHIN_S at most."""
        self._stopped.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join(STOP_WITHIN_S)

    def nudge(self) -> None:
        """There may be work: a rest, or the next one, ends at once."""
        self._news.set()

    @property
    def stopping(self) -> bool:
        """Whether it was asked to end."""
        return self._stopped.is_set()

    def rest(self, seconds: float) -> None:
        """Inside the thread: until there is news since the last rest, but so long at most."""
        self._news.wait(seconds)
        self._news.clear()

    def pause(self, seconds: float) -> None:
        """Inside the thread: so long, whatever news there is, unless it is to end."""
        self._stopped.wait(seconds)
