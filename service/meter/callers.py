"""Who an agent's calls come from, in the open arrival minute: calls and spend by user, customer, key, prompt version and caller."""

from __future__ import annotations

from typing import Final

from msgspec import Struct, field

from service.facts import Heaviest
from service.records import Usage

NAMES_PER_MINUTE_MAX: Final = 50_000  # per partition; a name beyond it shows in no breakdown, and still in every total
HEAVIEST_MAX: Final = 8
REST: Final = "other"


class Spent(Struct, array_like=True, gc=False):
    """What one name's calls came to."""

    calls: int = 0
    nanos: int = 0


Names = dict[str, Spent]


class Callers(Struct, gc=False):
    """One agent's breakdowns."""

    user: Names = field(default_factory=dict)
    customer: Names = field(default_factory=dict)
    api_key: Names = field(default_factory=dict)
    prompt_version: Names = field(default_factory=dict)
    caller: Names = field(default_factory=dict)


class Breakdowns(Struct):
    """All agents' breakdowns by (tenant, agent); `names` counts what is in them, `dropped` the calls' names for which there was no room."""

    agents: dict[tuple[str, str], Callers] = field(default_factory=dict)
    names: int = 0
    dropped: int = 0

    def of(self, tenant: str, agent: str) -> Callers | None:
        """The agent's breakdowns, begun if there is room; None, counted, where there is none."""
        callers = self.agents.get((tenant, agent))
        if callers is None:
            if self.names >= NAMES_PER_MINUTE_MAX:
                self.dropped += 1
                return None
            callers = self.agents[(tenant, agent)] = Callers()
            self.names += 1
        return callers

    def count(self, callers: Callers, u: Usage, nanos: int) -> None:
        """The call joins each breakdown that it says a name for."""
        if u.user:
            self._join(callers.user, u.user, nanos)
        if u.customer:
            self._join(callers.customer, u.customer, nanos)
        if u.api_key:
            self._join(callers.api_key, u.api_key, nanos)
        if u.prompt_version:
            self._join(callers.prompt_version, u.prompt_version, nanos)
        if u.caller:
            self._join(callers.caller, u.caller, nanos)

    def _join(self, names: Names, name: str, nanos: int) -> None:
        spent = names.get(name)
        if spent is not None:
            spent.calls += 1
            spent.nanos += nanos
        elif self.names < NAMES_PER_MINUTE_MAX:
            self.names += 1
            names[name] = Spent(1, nanos)
        else:
            self.dropped += 1

    def heaviest(self, arrival_minute: int) -> list[Heaviest]:
        """Per agent and kind the names that cost most, and a remainder."""
        said: list[Heaviest] = []
        for (tenant, agent), callers in self.agents.items():
            kinds = {kind: _top(names) for kind in Callers.__struct_fields__ if (names := getattr(callers, kind))}
            if kinds:
                said.append(Heaviest(tenant, agent, arrival_minute, kinds))
        return said


def _top(names: Names) -> dict[str, tuple[int, int]]:
    if len(names) <= HEAVIEST_MAX:
        return {name: (s.calls, s.nanos) for name, s in names.items()}
    ranked = sorted(names.items(), key=lambda n: (-n[1].nanos, -n[1].calls, n[0]))
    top = {name: (s.calls, s.nanos) for name, s in ranked[:HEAVIEST_MAX]}
    rest = [s for _, s in ranked[HEAVIEST_MAX:]]
    top[REST] = (sum(s.calls for s in rest), sum(s.nanos for s in rest))
    return top
