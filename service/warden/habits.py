"""How far an agent's own runs have gone, over all partitions: what is much for one run is judged beside it.

A partition of the stream sees a twelfth of an agent's runs and speaks early; here they are together. A record is taught by runs that have
ended, in steps: who does a thing for a living is told once or twice, and a runaway's end is not what is usual.
"""

from __future__ import annotations

from typing import Final

from service.facts import Finding, Kind, Reached, Scope
from service.warden.state import Tenant

RUNS_KNOWN: Final = 30  # of an agent, before what they came to means anything
TAUGHT_TIMES: Final = 1.5  # a record goes up by half at most, minute by minute
CHILDREN_TAUGHT: Final = 30
REPEATS_TAUGHT: Final = 15
FADES: Final = 512  # runs until a record is two fifths down: what was usual long ago is usual no more
FEW_CHILDREN: Final = 10
SOME_CHILDREN: Final = 20
GROWTH_PERCENT: Final = 1600


def learn(own: Reached, more: Reached) -> None:
    """Runs of the agent have ended."""
    for name, at_once in (
        ("children", CHILDREN_TAUGHT),
        ("repeats", REPEATS_TAUGHT),
        ("growth_percent", GROWTH_PERCENT),
        ("nanos", 0 if own.runs >= RUNS_KNOWN else more.nanos),
    ):
        record = getattr(own, name)
        taught = min(getattr(more, name), max(at_once, round(TAUGHT_TIMES * record)))
        setattr(own, name, max(record - record * more.runs // FADES, taught))
    own.runs += more.runs


def is_usual(t: Tenant, f: Finding) -> bool:
    """Whether the agent's runs go as far as this one has, as a matter of course. What a limit of the policy says is never a matter of course."""
    watch = t.watches.get(Scope("agent", f.agent))
    own = watch.reached if watch is not None else Reached()
    is_known = own.runs >= RUNS_KNOWN
    if f.action:
        return False
    match f.kind:
        case Kind.FAN_OUT:
            return f.observed <= max(FEW_CHILDREN if is_known else SOME_CHILDREN, own.children * 1.3 + 5)
        case Kind.EXECUTION_CAP:
            return not is_known or f.observed * 1e9 <= 4 * own.nanos
        case Kind.CONTEXT_GROWTH if f.execution:
            return f.observed * 100 <= max(GROWTH_PERCENT, 2 * own.growth_percent)
        case Kind.LOOP:
            return f.observed <= 1.3 * own.repeats
        case _:
            return False
