"""Example traffic of forty agents: a pure function of seed and time, so whoever asks again gets the same records.

Each agent begins a run in a minute, or does not, by a lot that is named after seed, agent and minute; what a run then does follows
from lots of its own. So any stretch of time can be asked for alone, and stretches that touch share no record and miss none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from hashlib import blake2b
from typing import Final, NamedTuple

from service.facts import MINUTE_MS
from service.records import Outcome, Usage

DAY_MINUTES: Final = 24 * 60
STEPS_MAX: Final = 12
STEP_MS_LEAST: Final = 2_000
STEP_MS_MORE: Final = 16_000
RUN_MINUTES: Final = 4  # no run is longer: STEPS_MAX steps of 18 s each
ROLES: Final = {"reader": 1.6, "checker": 1.2, "writer": 1.0, "planner": 0.7, "auditor": 0.5}  # how busy each of a use case's five agents is


class Work(NamedTuple):
    """What the agents of one use case do: by which model, how often a day each, in how many steps, with how many tokens."""

    use_case: str
    business_unit: str
    provider: str
    model: str
    runs_a_day: float
    steps: float
    opening: int
    output: int
    night: float  # how busy the small hours are, as a share of noon
    queries: bool = False  # whether a run begins by asking a vector store


WORKS: Final = (
    Work("claims-triage", "insurance", "anthropic", "claude-sonnet-4-5", 110, 4.0, 5_200, 420, 0.15, queries=True),
    Work("fraud-review", "insurance", "openai", "gpt-4.1", 70, 5.0, 6_400, 380, 0.60),
    Work("invoice-matching", "finance", "anthropic", "claude-opus-4-1", 30, 3.0, 3_100, 260, 0.10),
    Work("month-close", "finance", "openai", "gpt-4.1-mini", 90, 3.5, 7_800, 520, 0.90),
    Work("support-chat", "service", "openai", "gpt-4o-mini", 260, 3.0, 2_400, 210, 0.30, queries=True),
    Work("call-summaries", "service", "google", "gemini-2.5-flash", 180, 1.5, 9_000, 640, 0.05),
    Work("contract-search", "legal", "mistral", "mistral-medium-3", 60, 4.5, 8_200, 450, 0.05, queries=True),
    Work("policy-drafts", "legal", "anthropic", "claude-haiku-4-5", 80, 4.0, 4_600, 900, 0.05),
)


class Agent(NamedTuple):
    """One of the forty; `busy` is its share of its use case's work, 1.0 on the average."""

    name: str
    busy: float
    work: Work


AGENTS: Final = tuple(Agent(f"{work.use_case}-{role}", busy, work) for work in WORKS for role, busy in ROLES.items())


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
                found += [(ms, record.id, record) for ms, record in _run(seed, agent, minute, lots) if from_ms <= ms < to_ms]
    found.sort(key=lambda entry: entry[:2])
    return [record for _, _, record in found]


def _rhythm(minute: int) -> float:
    """How busy people are at this minute of the day (UTC): nothing at three in the morning, 2.0 at three in the afternoon."""
    return 1.0 - math.cos(2.0 * math.pi * (minute % DAY_MINUTES - 180) / DAY_MINUTES)


def _lots(*names: object) -> tuple[float, ...]:
    """Eight draws from [0, 1) that belong to these names for ever."""
    digest = blake2b("\0".join(map(str, names)).encode(), digest_size=64).digest()
    return tuple(int.from_bytes(digest[at : at + 8]) / 2.0**64 for at in range(0, 64, 8))


def _run(seed: int, agent: Agent, minute: int, lots: tuple[float, ...]) -> Iterator[tuple[int, Usage | Outcome]]:
    """One run: perhaps a query, some calls whose context grows and is read from the cache, and its outcome."""
    work, execution = agent.work, f"{agent.name}-{minute:x}"
    steps = min(STEPS_MAX, 1 + int(-math.log(1.0 - lots[1]) * (work.steps - 0.5)))
    opening = int(work.opening * (0.7 + 0.6 * lots[2]))
    at_ms = minute * MINUTE_MS + int(lots[3] * MINUTE_MS * 0.9)
    if work.queries:
        yield at_ms, _query(agent, execution, at_ms, 1 + int(lots[4] * 4))
    context = 0
    for step in range(steps):
        more = _lots(seed, execution, step)
        at_ms += STEP_MS_LEAST + int(more[0] * STEP_MS_MORE)
        fresh = opening if step == 0 else 180 + int(more[1] * 900)
        output = int(work.output * (0.4 + 1.2 * more[2]))
        failed = more[3] < 0.008
        tokens = _Tokens(fresh, context, 0 if failed else output)
        yield at_ms, _call(agent, execution, step, at_ms, tokens)
        context = sum(tokens)
    done = lots[5] < 0.94
    outcome = Outcome(
        id=f"{execution}-end",
        time=(at_ms + 500) / 1000,
        execution_id=execution,
        use_case=work.use_case,
        outcome="resolved" if done else "escalated",
        success=done,
    )
    yield at_ms + 500, outcome


class _Tokens(NamedTuple):
    """What one call takes and gives: what is new to the model, what it reads again from its cache, what it answers."""

    fresh: int
    context: int
    output: int


def _call(agent: Agent, execution: str, step: int, at_ms: int, tokens: _Tokens) -> Usage:
    """One call of a model; without output it is one that failed after its input was paid for."""
    work = agent.work
    fresh, context, output = tokens
    written = fresh * 6 // 10 if work.provider == "anthropic" else 0
    return Usage(
        id=f"{execution}-{step}",
        time=at_ms / 1000,
        operation="chat",
        agent=agent.name,
        use_case=work.use_case,
        business_unit=work.business_unit,
        workflow=work.use_case,
        execution_id=execution,
        signature=f"{execution}/{step}",
        provider=work.provider,
        model=work.model,
        input_tokens=fresh - written,
        cache_read_tokens=context,
        cache_write_tokens=written,
        output_tokens=output,
        duration_ms=float(300 + output * 9),
        status="ok" if output else "error",
        error="" if output else "timeout",
    )


def _query(agent: Agent, execution: str, at_ms: int, queries: int) -> Usage:
    """The vector store's part of a run, billed by the query."""
    work = agent.work
    return Usage(
        id=f"{execution}-q",
        time=at_ms / 1000,
        layer="retrieval",
        operation="vector.query",
        agent=agent.name,
        use_case=work.use_case,
        business_unit=work.business_unit,
        workflow=work.use_case,
        execution_id=execution,
        quantity=float(queries),
        unit="query",
    )


REPEATED_CALL_NANOS: Final = 120_000_000  # 4,200 tokens in and 760 out at the list price of the runaway's model


def repeated_call(execution: str, number: int, at_ms: int) -> Usage:
    """The runaway's step: the same question again and again to a dear model, twelve cents each time."""
    work = RUNAWAY.work
    return Usage(
        id=f"{execution}-{number}",
        time=at_ms / 1000,
        operation="chat",
        agent=RUNAWAY.name,
        use_case=work.use_case,
        business_unit=work.business_unit,
        workflow=work.use_case,
        execution_id=execution,
        signature="match-invoice-4711",
        provider=work.provider,
        model=work.model,
        input_tokens=4_200,
        output_tokens=760,
        duration_ms=280.0,
    )


RUNAWAY: Final = next(agent for agent in AGENTS if agent.name == "invoice-matching-checker")
