"""How far an agent's own runs have gone, over all partitions: what is much for one run is judged beside it.

A partition of the stream sees a twelfth of an agent's runs and speaks early; here they are together. A record is taught by runs that have
ended, in steps: who does a thing for a living is told once or twice, and a runaway's end is not what is usual.
"""

from __future__ import annotations

import math
from typing import Final

from service.facts import CALLS_TAUGHT, CHILDREN_TAUGHT, GROWTH_PERCENT, LONG_RUN, Finding, Kind, Reached, Scope
from service.warden.state import Habit, Tenant

RUNS_KNOWN: Final = 30  # of an agent, before what they came to means anything
TAUGHT_TIMES: Final = 1.5  # a record goes up by half at most, minute by minute
REPEATS_TAUGHT: Final = 15
FADES: Final = 512  # runs until a record is down to two fifths: what was usual long ago is usual no more
FEW_CHILDREN: Final = 14
SOME_CHILDREN: Final = 20
GROWTH_TIMES: Final = 2
LONG_TIMES, ENDLESS_TIMES = 5, 10
NANOS_TIMES: Final = 4
REPEATS_TIMES: Final = 1.3
CHILDREN_TIMES, CHILDREN_MORE = 1.3, 5


def learn(own: Habit, more: Reached) -> None:
    """Runs of the agent have ended."""
    keep = (1.0 - 1.0 / FADES) ** more.runs
    for name, at_once in (
        ("calls", CALLS_TAUGHT),
        ("children", CHILDREN_TAUGHT),
        ("repeats", REPEATS_TAUGHT),
        ("growth_percent", GROWTH_PERCENT),
        ("nanos", 0 if own.runs >= RUNS_KNOWN else more.nanos),
    ):
        record = getattr(own, name)
        taught = min(getattr(more, name), max(at_once, TAUGHT_TIMES * record))
        setattr(own, name, max(record * keep, float(taught)))
    own.runs += more.runs


def is_usual(t: Tenant, f: Finding) -> bool:
    """Whether the agent's runs go as far as this one has, as a matter of course. What a limit of the policy says is never a matter of course."""
    watch = t.watches.get(Scope("agent", f.agent))
    return not f.action and f.observed <= _usual_most(watch.habit if watch is not None else Habit(), f)


def _usual_most(own: Habit, f: Finding) -> float:
    """What a run of the agent may come to, in the finding's own unit: anything, while its runs are not known; nothing, where habits do not count."""
    is_known = own.runs >= RUNS_KNOWN
    match f.kind:
        case Kind.FAN_OUT:
            most = max(FEW_CHILDREN if is_known else SOME_CHILDREN, CHILDREN_TIMES * own.children + CHILDREN_MORE)
        case Kind.EXECUTION_CAP:
            most = NANOS_TIMES * own.nanos / 1e9 if is_known else math.inf
        case Kind.CONTEXT_GROWTH if f.execution:
            most = max(GROWTH_PERCENT, GROWTH_TIMES * own.growth_percent) / 100
        case Kind.LOOP if f.detector == LONG_RUN:
            most = (ENDLESS_TIMES if f.sure else LONG_TIMES) * own.calls if is_known else math.inf
        case Kind.LOOP:
            most = REPEATS_TIMES * own.repeats
        case _:
            most = -1.0
    return most
