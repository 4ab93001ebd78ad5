"""What a simulated world is made of: two folds, a story to tell them, and how to read what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from service.engine.runner import Fold
from service.facts import PolicySet


@dataclass(frozen=True)
class Story:
    """Rows as they arrive; the truth is known because the story was made up.

    `rows`: (arrival_ms, stream partition, row) by rising arrival; nothing but ticks arrives from the last of them to `end_ms`.
    `policy` is published at the beginning; time does not go past `effective_ms` before every partition has a copy.
    """

    rows: Sequence[tuple[int, int, bytes]]
    end_ms: int
    tick_ms: int
    truth: Mapping[str, int]
    policy: PolicySet | None = None
    effective_ms: int = 0
    asked: Sequence[tuple[int, bytes]] = ()
    """(arrival_ms, row) that every journal gets: what people ask for, a second policy."""


@dataclass(frozen=True)
class Case:
    """The folds under test. `totals` and `decided` must not depend on when the journal's rows arrived, only on the records."""

    name: str
    streams: int
    journals: int
    meter: Callable[[], Fold[Any]]
    warden: Callable[[], Fold[Any]]
    story: Callable[[int], Story]
    totals: Callable[[Sequence[Any]], Mapping[str, int]]
    """From the states of all wardens, what the story's truth says."""
    decided: Callable[[Sequence[bytes], Sequence[bytes], Sequence[Any]], frozenset[str]]
    """From the facts of the journals, the rows of the outbox and the wardens' states: what was found and decided, each by its identity
    and its final figures."""
    answers: Callable[[bytes], Sequence[bytes]] = lambda _: ()
    """What couriers bring back to the journal for a row of the outbox; at least once."""
    limits: Callable[[], AbstractContextManager[Any]] = nullcontext
    """Named limits made small while the story is lived, so that it reaches them."""
    strike_chance: float = 0.04
    """Of each single write; a snapshot of many parts must have some chance to be finished."""
    sabotage: str = ""
    """A rule that the ports or the shell of this world break."""
