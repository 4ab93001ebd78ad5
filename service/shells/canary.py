"""A synthetic overspend, before anybody is let in: if the folds do not find it, this service must not call itself ready."""

from __future__ import annotations

from typing import Final

from service.facts import Incident, Kind, PolicySet
from service.policy import dump, load
from service.records import Usage
from service.replay.engine import Engine

_POLICY: Final = """
budgets: [{name: canary, scope: {agent: canary}, period: day, limit_usd: 1}]
caps: [{scope: {agent: canary}, limit_usd: 0.5}]
"""
_NOON_S: Final = 1_750_000_000.0
_EXPECTED: Final = frozenset({Kind.BUDGET_THRESHOLD, Kind.EXECUTION_CAP, Kind.LOOP})


def missing() -> list[str]:
    """The kinds of finding that a small runaway should have had and did not; empty when all is well.

    >>> missing()
    []
    """
    policy = load(_POLICY)
    engine = Engine(PolicySet(1, policy.digest, dump(policy)))
    found: set[Kind] = set()
    for number in range(60):
        call = Usage(
            id=f"canary-{number}", time=_NOON_S + number, agent="canary", execution_id="canary-run", signature="same", input_tokens=100, cost_usd="0.05"
        )
        for decision in engine.hear(int(call.time) * 1000, call):  # type: ignore[arg-type]
            if isinstance(decision, Incident):
                found.update(decision.kinds)
    return sorted(_EXPECTED - found)
