"""What people have been told of an agent already. It is not told once more of who is above it, nor as the spend of the very run it was told of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from service.facts import HOUR_MS, Scope
from service.warden.state import Episode, Tenant, Warden

RUNS: Final = "runs"  # the family of incidents that are of single runs
RUNS_EXPLAIN_MS: Final = 3 * HOUR_MS
OVER: Final = frozenset({"", "resolved"})


def agents(t: Tenant) -> set[str]:
    """Those with an incident that goes on."""
    return {episode.scope.name for episode in t.episodes.values() if episode.scope.kind == "agent" and episode.family != "budget" and episode.state not in OVER}


def of_runs(w: Warden, t: Tenant, agent: Scope) -> Iterator[Episode]:
    """The incidents of its runs, that go on or did so within three hours."""
    for episode in t.episodes.values():
        if episode.scope == agent and episode.family == RUNS and episode.found_ms > w.now_ms - RUNS_EXPLAIN_MS and episode.state:
            yield episode
