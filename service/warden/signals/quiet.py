"""What keeps a test quiet: it has been told, the agent is new or back, the work was planned or launched, or a run explains it."""

from __future__ import annotations

from typing import Final

from service.warden import told
from service.warden.launches import LAUNCH_FACTOR, launched
from service.warden.signals.features import Agent
from service.warden.signals.registry import DAY, HOUR, TESTS
from service.warden.signals.tell import Said
from service.warden.state import Tenant, Warden, Watch

TOLD: Final = "told"
DOUBLED: Final = 2.0
NEW: Final = 36 * HOUR
BACK: Final = DAY
VOLUME: Final = frozenset({"up", "user", "length"})
BY_ONE: Final = frozenset({"user"})  # a launch is for many: what one of them does is no part of it
SHAPE: Final = frozenset({"size", "floor", "cache"})


def why(w: Warden, t: Tenant, watch: Watch, agent: Agent | None, said: Said, number: int) -> str:
    """Why nobody is told; empty when somebody is to be."""
    if cooling(watch, said, number):
        return TOLD
    if said.test in VOLUME:
        if number - watch.first < NEW or (watch.returned >= 0 and number - watch.returned < BACK):
            return "new"
        if agent is not None and (agent.planned > 0 or _launched(w, t, agent, said)):
            return "planned"
    if said.test in SHAPE and agent is not None and agent.planned > agent.nanos - agent.planned:
        return "planned"  # what a batch of its own sends looks like a batch
    if TESTS[said.test].explained and any(told.of_runs(w, t, said.scope)):
        return "explained"
    return ""


def cooling(watch: Watch, said: Said, number: int) -> bool:
    """Told not long ago, and no twice as strong since."""
    last = watch.told.get(said.key)
    return last is not None and number - last.number < TESTS[said.test].cool and said.score < DOUBLED * last.score


def _launched(w: Warden, t: Tenant, agent: Agent, said: Said) -> bool:
    if said.test in BY_ONE or said.observed > LAUNCH_FACTOR * max(said.most, 1.0):
        return False
    concerned = {(said.scope.kind, said.scope.name), *agent.of.items()}
    return launched(w, t, concerned)
