"""The open arrival minute of one partition: absolute totals by cell, by member and by who called.

A cell's totals only grow while its arrival minute is open; when the minute is over they are said once more, whole, and
forgotten here. So a late record (hours, days) needs no special path: it opens its cell again under a new arrival minute.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct, field

from service.facts import Cell, Heaviest, Measures, Member, Progress, Share, Tally
from service.prices import Rates

CELLS_PER_MINUTE_MAX: Final = 20_000  # per partition; beyond it an agent's name folds into `other`
MEMBERS_PER_MINUTE_MAX: Final = 20_000
CALLERS_PER_MINUTE_MAX: Final = 20_000
HEAVIEST_MAX: Final = 8
OTHER: Final = "other"
HEAVY_KINDS: Final = ("user", "customer", "api_key", "prompt_version", "caller")

CellKey = tuple[str, str, str, str, str, str, str, str, str, bool, int]
MemberKey = tuple[str, str, str, int]
CallerKey = tuple[str, str, str, str, str, str, str]


class Open(Struct, gc=False):
    """One cell of one event minute while its arrival minute is open; what is the same for all its records is looked up once."""

    cell: Cell
    event_minute: int
    rates: Rates | None
    planned: bool
    sums: Measures
    offset: int = -1
    dirty: bool = False


class OpenShare(Struct, gc=False):
    """The same for a member."""

    member: Member
    event_minute: int
    records: int = 0
    nanos: int = 0
    tokens: int = 0
    last_ms: int = 0
    offset: int = -1
    dirty: bool = False


class Minute(Struct):
    """Everything open: `callers` counts [calls, nanos] per (tenant, agent, user, customer, api_key, prompt_version, caller)."""

    number: int = -1
    cells: dict[CellKey, Open] = field(default_factory=dict)
    members: dict[MemberKey, OpenShare] = field(default_factory=dict)
    callers: dict[CallerKey, list[int]] = field(default_factory=dict)
    dirty: list[Open] = field(default_factory=list)
    dirty_members: list[OpenShare] = field(default_factory=list)


def progress(minute: Minute, *, members: bool) -> list[Progress | Share]:
    """What changed since the last mark, of cells and, where it is their turn, of members."""
    facts: list[Progress | Share] = []
    for o in minute.dirty:
        o.dirty = False
        s = o.sums
        tokens = s.input + s.cache_read + s.cache_write + s.output
        facts.append(Progress(o.cell, o.event_minute, minute.number, o.offset, s.records, s.nanos, tokens, s.last_ms, *_kinds(s)))
    minute.dirty.clear()
    if members:
        facts.extend(_share(minute, m) for m in minute.dirty_members)
        minute.dirty_members.clear()
    return facts


def _kinds(s: Measures) -> tuple[int, int, int, int, int]:
    return s.input, s.cache_read, s.cache_write, s.output, s.reasoning


def last_word(minute: Minute) -> list[Tally | Share | Heaviest]:
    """The whole minute, once, as its last word; the minute is empty afterwards."""
    facts: list[Tally | Share | Heaviest] = [Tally(o.cell, o.event_minute, minute.number, o.offset, o.sums) for o in minute.cells.values()]
    facts += [_share(minute, m) for m in minute.members.values()]
    facts += heaviest(minute)
    minute.cells.clear()
    minute.members.clear()
    minute.callers.clear()
    minute.dirty.clear()
    minute.dirty_members.clear()
    return facts


def _share(minute: Minute, m: OpenShare) -> Share:
    m.dirty = False
    return Share(m.member, m.event_minute, minute.number, m.offset, m.records, m.nanos, m.tokens, m.last_ms)


def heaviest(minute: Minute) -> list[Heaviest]:
    """Per agent and kind the members that cost most, and a remainder."""
    agents: dict[tuple[str, str], dict[str, dict[str, list[int]]]] = {}
    for (tenant, agent, *names), (calls, nanos) in minute.callers.items():
        kinds = agents.setdefault((tenant, agent), {})
        for kind, name in zip(HEAVY_KINDS, names, strict=True):
            if name:
                known = kinds.setdefault(kind, {}).setdefault(name, [0, 0])
                known[0] += calls
                known[1] += nanos
    return [
        Heaviest(tenant, agent, minute.number, {kind: _top(members) for kind, members in kinds.items()}) for (tenant, agent), kinds in agents.items() if kinds
    ]


def _top(members: dict[str, list[int]]) -> dict[str, tuple[int, int]]:
    if len(members) <= HEAVIEST_MAX:
        return {name: (calls, nanos) for name, (calls, nanos) in members.items()}
    ranked = sorted(members.items(), key=lambda m: (-m[1][1], -m[1][0], m[0]))
    top = {name: (calls, nanos) for name, (calls, nanos) in ranked[:HEAVIEST_MAX]}
    rest = ranked[HEAVIEST_MAX:]
    top[OTHER] = (sum(v[0] for _, v in rest), sum(v[1] for _, v in rest))
    return top
