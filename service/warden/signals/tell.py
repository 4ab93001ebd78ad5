"""A test's word as a finding: whose it is, what moved, and who or what moved it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from detectors.tail import Basis
from service.facts import Finding, Kind, Scope, Vote, ident
from service.records import UNATTRIBUTED
from service.warden import findings, votes
from service.warden.signals.features import Agent
from service.warden.signals.registry import TESTS
from service.warden.signals.worth import worth
from service.warden.state import Tenant, Warden, Window

WIDTH_MS: Final = 600_000
NOBODY: Final = Agent()
_LN10: Final = math.log(10.0)
ABOUT: Final = {"price": "model", "models": "model", "fallback": "model", "user": "user", "floor": "workflow", "unattributed": "workflow"}


class Said(NamedTuple):
    """What a test says of a window. `score`: -ln of the episodes a day that go as far; `about`: a workflow, model or user; `most`: the top of what is expected."""

    test: str
    key: str
    scope: Scope
    score: float
    about: str
    expected: float
    most: float
    observed: float
    basis: Basis


def tell(w: Warden, t: Tenant, window: Window, agents: Mapping[str, Agent], said: Said, number: int, *, factor: float, others: Iterable[Vote]) -> None:
    """Becomes an incident, or joins one, with the cause of what the window cost. `factor` times its test's threshold is what it was told from; `others` are votes of tests of its scope."""
    test = TESTS[said.test]
    scope = _scope(said)
    about = Scope(ABOUT[said.test], said.about) if said.about and said.test in ABOUT else None
    agent = agents.get(said.scope.name if said.scope.kind == "agent" else scope.name, NOBODY)
    findings.heard(
        w,
        t,
        Finding(
            id=ident("fnd", t.name, test.kind, *scope, said.key, number),
            tenant=t.name,
            kind=test.kind,
            scope=scope,
            time_ms=number * WIDTH_MS,
            arrival_ms=w.now_ms,
            agent=scope.name,
            use_case=agent.of.get("use_case", ""),
            business_unit=agent.of.get("business_unit", ""),
            spend_nanos=agent.nanos,
            observed=said.observed,
            expected=said.expected,
            detail=f"{test.of}: {test.shown(said.observed)} where {test.shown(said.expected)} is usual, {test.shown(said.most)} at most",
            driver=test.driver,
            detector=said.test,
            score=said.score / _LN10,
            reckoning=votes.reckoning(said.basis, test.nats, factor),
            votes=votes.chosen([*others, *votes.of_spend(t, scope, number, agent.nanos - agent.planned)]),
            dimensions=[about] if about is not None else [],
        ),
        worth(t, scope, window, number, test.driver, about),
    )


def _scope(said: Said) -> Scope:
    """A price is its model's, missing labels are nobody's."""
    if said.test == "price":
        return Scope("model", said.about)
    return Scope("agent", UNATTRIBUTED) if TESTS[said.test].kind == Kind.UNATTRIBUTED else said.scope
