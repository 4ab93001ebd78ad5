"""Example traffic of forty agents: a pure function of seed and time, so whoever asks again gets the same records.

Each agent begins a run in a minute, or does not, by a lot that is named after seed, agent and minute; what a run then does follows
from lots of its own. So any stretch of time can be asked for alone, and stretches that touch share no record and miss none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from service.demo.agents import AGENTS, RUNAWAY, Agent
from service.facts import MINUTE_MS
from service.records import Outcome, Usage

DAY_MINUTES: Final = 24 * 60
STEPS_MAX: Final = 12
STEP_MS_LEAST: Final = 2_000
STEP_MS_MORE: Final = 16_000
RUN_MINUTES: Final = 4  # no run is longer: STEPS_MAX steps of 18 s each
FAILING: Final = 0.008  # of all calls
REPEATED_CALL_NANOS: Final = 120_000_000  # 4,200 tokens in and 760 out at the list price of the runaway's model


class Run(NamedTuple):
    """One execution of an agent and the records it leaves; what all of them say alike is said in `usage`."""

    agent: Agent
    execution: str

    def step(self, number: int, at_ms: int, fresh: int, context: int, output: int) -> Usage:
        """A call that reads its context again from the cache; without output it is one that failed after its input was paid for."""
        written = fresh * 6 // 10 if self.agent.work.provider == "anthropic" else 0
        return self.call(
            number,
            at_ms,
            signature=f"{self.execution}/{number}",
            input_tokens=fresh - written,
            cache_read_tokens=context,
            cache_write_tokens=written,
            output_tokens=output,
            duration_ms=float(300 + output * 9),
            status="ok" if output else "error",
            error="" if output else "timeout",
        )

    def call(self, number: int, at_ms: int, **known: Any) -> Usage:
        """A call of the model this agent works with."""
        work = self.agent.work
        return self.usage(number, at_ms, operation="chat", provider=work.provider, model=work.model, **known)

    def query(self, at_ms: int, queries: int) -> Usage:
        """The vector store's part, billed by the query."""
        return self.usage("q", at_ms, layer="retrieval", operation="vector.query", quantity=float(queries), unit="query")

    def usage(self, part: int | str, at_ms: int, **known: Any) -> Usage:
        """Any part of the run that costs; `known` are the fields that it alone has."""
        work = self.agent.work
        return Usage(
            id=f"{self.execution}-{part}",
            time=at_ms / 1000,
            agent=self.agent.name,
            use_case=work.use_case,
            business_unit=work.business_unit,
            workflow=work.use_case,
            execution_id=self.execution,
            **known,
        )

    def outcome(self, at_ms: int, *, done: bool) -> Outcome:
        """How it ended: by itself, or in the hands of a person."""
        return Outcome(
            id=f"{self.execution}-end",
            time=at_ms / 1000,
            execution_id=self.execution,
            use_case=self.agent.work.use_case,
            outcome="resolved" if done else "escalated",
            success=done,
        )


def records(seed: int, from_ms: int, to_ms: int) -> list[Usage | Outcome]:
    """All records of a stretch of time (Unix milliseconds, the end left out), in the order of their time.

    >>> whole, (first, second) = records(7, 0, 3_600_000), (records(7, 0, 1_234_567), records(7, 1_234_567, 3_600_000))
    >>> whole == first + second, len(AGENTS)
    (True, 40)
    """
    found: list[tuple[int, str, Usage | Outcome]] = []
    for minute in range(from_ms // MINUTE_MS - RUN_MINUTES, to_ms // MINUTE_MS + 1):
        share = _rhythm(minute)
        for agent in AGENTS:
            lots = _lots(seed, agent.name, minute)
            night = agent.work.night
            if lots[0] < agent.busy * agent.work.runs_a_day / DAY_MINUTES * (night + (1.0 - night) * share):
                found += [(ms, record.id, record) for ms, record in _recorded(seed, agent, minute, lots) if from_ms <= ms < to_ms]
    found.sort(key=lambda entry: entry[:2])
    return [record for _, _, record in found]


def _rhythm(minute: int) -> float:
    """How busy people are at this minute of the day (UTC): nothing at three in the morning, 2.0 at three in the afternoon."""
    return 1.0 - math.cos(2.0 * math.pi * (minute % DAY_MINUTES - 180) / DAY_MINUTES)


def _lots(*names: object) -> tuple[float, ...]:
    """Eight draws from [0, 1) that belong to these names for ever."""
    digest = blake2b("\0".join(map(str, names)).encode(), digest_size=64).digest()
    return tuple(int.from_bytes(digest[at : at + 8]) / 2.0**64 for at in range(0, 64, 8))


def _recorded(seed: int, agent: Agent, minute: int, lots: tuple[float, ...]) -> Iterator[tuple[int, Usage | Outcome]]:
    """A run with the time of each record: perhaps a query, some calls whose context grows, and its outcome."""
    work, run = agent.work, Run(agent, f"{agent.name}-{minute:x}")
    steps = min(STEPS_MAX, 1 + int(-math.log(1.0 - lots[1]) * (work.steps - 0.5)))
    fresh = int(work.opening * (0.7 + 0.6 * lots[2]))
    at_ms = minute * MINUTE_MS + int(lots[3] * MINUTE_MS * 0.9)
    if work.queries:
        yield at_ms, run.query(at_ms, 1 + int(lots[4] * 4))
    context = 0
    for number in range(steps):
        pause, more, length, luck, *_ = _lots(seed, run.execution, number)
        at_ms += STEP_MS_LEAST + int(pause * STEP_MS_MORE)
        if number > 0:
            fresh = 180 + int(more * 900)
        output = 0 if luck < FAILING else int(work.output * (0.4 + 1.2 * length))
        yield at_ms, run.step(number, at_ms, fresh, context, output)
        context += fresh + output
    yield at_ms + 500, run.outcome(at_ms + 500, done=lots[5] < 0.94)


def repeated_call(execution: str, number: int, at_ms: int) -> Usage:
    """The runaway's step: the same question again and again to a dear model, twelve cents each time."""
    same = {"signature": "match-invoice-4711", "input_tokens": 4_200, "output_tokens": 760, "duration_ms": 280.0}
    return Run(RUNAWAY, execution).call(number, at_ms, **same)
