"""What a scope usually does, beside what it does now: the two sides that a cause is told from."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from msgspec import Struct, field

from service.facts import TOTAL, Cell, Scope
from service.records import UNATTRIBUTED
from service.warden.activity import Activity
from service.warden.state import Series, Window

WEIGHT: Final = 1000  # of one window in a baseline, so that fading loses nothing to rounding
FADE: Final = (6, 7)  # a day: a week is remembered
MEMBERS_MAX: Final = 200
NOBODY: Final = Scope("agent", UNATTRIBUTED)
PLACES_KNOWN: Final = 1_024  # cells of which it is remembered where they count, about 2 kB each
WIDER: Final = {"agent": ("agent", "use_case", "business_unit"), "use_case": ("use_case", "business_unit"), "business_unit": ("business_unit",), "total": ()}
WITHIN: Final = {
    "agent": ("workflow", "model"),
    "use_case": ("agent", "model"),
    "business_unit": ("use_case", "agent", "model"),
    "total": ("business_unit", "use_case", "agent", "model"),
}


class Seen(Struct):
    """One scope's window: what was done, by whom, what the calendar `planned` of it, what was `told` of its agents, and the `most` that it teaches (0: all of it)."""

    scope: Scope
    attributes: dict[str, str]
    activity: Activity = field(default_factory=Activity)
    nanos: int = 0
    planned: int = 0
    told: int = 0
    most: int = 0
    members: dict[Scope, int] = field(default_factory=dict)

    @property
    def heard_nanos(self) -> int:
        """What detectors hear: all that nobody knows of yet."""
        return self.nanos - self.planned - self.told


def by_scope(window: Window, only: Scope | None = None) -> dict[Scope, Seen]:
    """The window of each watched scope, or of `only` one: agents, use cases, business units, the total."""
    seen: dict[Scope, Seen] = {}
    for cell, sums in window.cells.items():
        for scope, attributes, members in places(cell):
            if only is not None and scope != only:
                continue
            known = seen.get(scope)
            if known is None:
                known = seen[scope] = Seen(scope, dict(attributes))
            known.activity.take(cell, sums)
            known.nanos += sums.nanos
            known.planned += sums.planned_nanos
            for member in members:
                known.members[member] = known.members.get(member, 0) + sums.nanos
    for (agent, kind, name), (_, nanos) in window.members.items():
        owner = seen.get(Scope("agent", agent))
        if owner is not None:
            owner.members[Scope(kind, name)] = nanos
    if NOBODY in seen:
        seen[NOBODY].activity.began = 0  # runs of many agents, and calls outside of any: here a call is the only unit of work
    return seen


@lru_cache(PLACES_KNOWN)
def places(cell: Cell) -> tuple[tuple[Scope, dict[str, str], tuple[Scope, ...]], ...]:
    """Where a cell counts: each scope, what is wider than it, and which of its members the cell is of."""
    names = {"agent": cell.agent, "use_case": cell.use_case, "business_unit": cell.business_unit, "workflow": cell.workflow, "model": cell.model}
    return tuple(
        (
            TOTAL if kind == "total" else Scope(kind, names[kind]),
            {wider: names[wider] for wider in WIDER[kind]},
            tuple(Scope(inner, names[inner]) for inner in WITHIN[kind] if names[inner]),
        )
        for kind in WIDER
    )


def learn(series: Series, seen: Seen) -> None:
    """An ordinary window joins the baseline; of one that is far beyond what was expected no more than the detector takes in.

    An episode is seldom told in its first window, and that one must not become what is usual.
    """
    weight = WEIGHT
    spent = seen.nanos - seen.planned
    most = min(seen.most or spent, spent - seen.told)
    if most < spent > 0:
        weight = WEIGHT * max(most, 0) // spent
    if not weight:
        return
    series.baseline.join(seen.activity, weight)
    members = series.members
    for member, nanos in seen.members.items():
        if member in members or len(members) < MEMBERS_MAX:
            members[member] = members.get(member, 0) + nanos * weight


def fade(series: Series) -> None:
    """Once a day: the past counts a little less."""
    keep, of = FADE
    series.baseline.fade(keep, of)
    series.members = {member: nanos * keep // of for member, nanos in series.members.items() if nanos > WEIGHT}
