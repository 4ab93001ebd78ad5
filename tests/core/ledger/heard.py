"""What the books hear: rows as honest meters and the warden say them, and databases to keep them in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from service.books import SpendQuestion
from service.facts import MINUTE_MS, Cell, Counts, Envelope, Fact, Measures, Member, Progress, Share, Tally, encode
from service.log.ports import Row

ALL = SpendQuestion("default")


def cell(agent: str = "indexer", use_case: str = "kyc", tenant: str = "default") -> Cell:
    return Cell(tenant, agent, use_case, "BU", "", "openai", "gpt", "inference", "chat", batch=False)


class Spent(NamedTuple):
    """One record as a meter hears it."""

    partition: int
    arrival: int  # in half minutes
    minute: int
    agent: str
    nanos: int


def envelopes(spent: Sequence[Spent], until: int) -> list[Envelope]:
    """What honest meters say about records: a mark every half minute, last words when a minute is over."""
    said = []
    for mark in range(1, until + 1):
        for partition in (0, 1):
            facts: list[Fact] = []
            turning = mark % 2 == 0
            minute = (mark - 1) // 2
            heard = [s for s in spent if s.partition == partition and s.arrival // 2 == minute and s.arrival < mark]
            for agent, event in sorted({(s.agent, s.minute) for s in heard}):
                of = [s.nanos for s in heard if (s.agent, s.minute) == (agent, event)]
                total = (cell(agent), event, minute, mark)
                sums = Measures(records=len(of), nanos=sum(of), input=2 * len(of), output=len(of))
                facts.append(Tally(*total, sums) if turning else Progress(*total, len(of), sum(of), 3 * len(of), event * MINUTE_MS, 2 * len(of), 0, 0, len(of)))
                facts.append(Share(Member("default", "user", agent), event, minute, mark, len(of), sum(of), 3 * len(of), event * MINUTE_MS))
            said.append(Envelope(partition, mark * MINUTE_MS // 2, mark, facts, Counts(records=len(heard))))
    return said


def rows(facts: Sequence[Any], first: int = 0) -> list[Row]:
    return [Row(first + n, 1000 + n, encode(fact)) for n, fact in enumerate(facts)]
