"""The open arrival minute of one partition: absolute totals by cell and by member, and who called.

A cell's totals only grow while its arrival minute is open; when the minute is over they are said once more, whole, and
forgotten here. So a late record (hours, days) needs no special path: it opens its cell again under a new arrival minute.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct, field

from service.facts import Cell, Heaviest, Measures, Member, Progress, Scope, Shape, Share, Tally
from service.meter import shapes
from service.meter.callers import Breakdowns, Callers
from service.meter.habits import Records
from service.meter.runs import Run
from service.prices import Rates

CELLS_PER_MINUTE_MAX: Final = 20_000  # per partition; beyond it an agent's name folds into `other`
MEMBERS_PER_MINUTE_MAX: Final = 20_000
OTHER: Final = "other"

CellKey = tuple[str, str, str, str, str, str, str, str, str, bool, int]
MemberKey = tuple[str, str, str, int]


class Open(Struct, gc=False):
    """One cell of one event minute while its arrival minute is open; what is the same for all its records is looked up once.

    `unpriced`: as in `Tally`; most cells have a price and so none.
    """

    cell: Cell
    event_minute: int
    rates: Rates | None
    planned: bool
    sums: Measures
    offset: int = -1
    dirty: bool = False
    unpriced: dict[Scope, list[int]] | None = None


class Place(Struct, gc=False):
    """Where the records of one cell go, found by a single look-up. It is never saved: what it points to is, and is found again.

    None: not looked for yet, or no room for it. `agent` and `use_case` are the records' own, also where the cell's agent is `other`.
    """

    cell: Open
    agent: str
    use_case: str
    callers: Callers | None = None
    records: Records | None = None
    live: dict[str, Run] | None = None
    shape: shapes.OpenShape | None = None


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
    """Everything open; what changed since the last mark is `dirty`. `places` are by what records say, where cells call it unattributed."""

    number: int = -1
    cells: dict[CellKey, Open] = field(default_factory=dict)
    members: dict[MemberKey, OpenShare] = field(default_factory=dict)
    callers: Breakdowns = field(default_factory=Breakdowns)
    dirty: list[Open] = field(default_factory=list)
    dirty_members: list[OpenShare] = field(default_factory=list)
    shapes: dict[shapes.ShapeKey, shapes.OpenShape] = field(default_factory=dict)
    places: dict[CellKey, Place] = field(default_factory=dict)


def progress(minute: Minute, *, members: bool) -> list[Progress | Share]:
    """What changed since the last mark, of cells and, where it is their turn, of members."""
    facts: list[Progress | Share] = []
    for o in minute.dirty:
        o.dirty = False
        s = o.sums
        tokens = s.input + s.cache_read + s.cache_write + s.output
        facts.append(
            Progress(
                o.cell,
                o.event_minute,
                minute.number,
                o.offset,
                s.records,
                s.nanos,
                tokens,
                s.last_ms,
                s.input,
                s.cache_read,
                s.cache_write,
                s.output,
                s.reasoning,
            )
        )
    minute.dirty.clear()
    if members:
        facts.extend(_share(minute, m) for m in minute.dirty_members)
        minute.dirty_members.clear()
    return facts


def last_word(minute: Minute) -> list[Tally | Share | Heaviest | Shape]:
    """The whole minute, once, as its last word; the minute is empty afterwards."""
    facts: list[Tally | Share | Heaviest | Shape] = [Tally(o.cell, o.event_minute, minute.number, o.offset, o.sums, o.unpriced) for o in minute.cells.values()]
    facts += [_share(minute, m) for m in minute.members.values()]
    facts += minute.callers.heaviest(minute.number)
    facts += shapes.said(minute.shapes, minute.number)
    minute.cells.clear()
    minute.places.clear()
    minute.members.clear()
    minute.callers = Breakdowns()
    minute.shapes = {}
    minute.dirty.clear()
    minute.dirty_members.clear()
    return facts


def _share(minute: Minute, m: OpenShare) -> Share:
    m.dirty = False
    return Share(m.member, m.event_minute, minute.number, m.offset, m.records, m.nanos, m.tokens, m.last_ms)
