"""What the calendar expected of a window, up to what it allowed: the policy's `planned` entries, and what people announced.

Planned spend is out of what detectors look at in every scope it counts in; budgets count it. What goes beyond an entry's
`extra_usd` is as surprising as any other spend. Cells are looked at in their own order, so that it does not matter who was heard first.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from zlib import crc32

from msgspec.structs import replace

from service.facts import CELL_KINDS, Cell
from service.policy import Match, Planned, matches
from service.warden.plan import TOTALLED
from service.warden.state import Tenant, Warden, Window

ALL: Final = 1 << 62


def allow(w: Warden, t: Tenant, window: Window, start_ms: int, end_ms: int) -> None:
    """Sets the planned part of each cell of a closed window to what the entries that hold then still allow."""
    entries = [entry for entry in w.plan.policy.planned if entry.from_ms < end_ms and entry.to_ms > start_ms]
    announced = [place for place, (_, from_ms, until_ms, _) in enumerate(t.plans) if from_ms < end_ms and until_ms > start_ms]
    if not entries and not announced:
        return
    for cell in sorted(window.cells):
        sums = window.cells[cell]
        by_policy = _of_entries(t, entries, cell, sums.planned_nanos)
        planned = by_policy + _of_people(w, t, announced, cell, sums.nanos - by_policy)
        if planned != sums.planned_nanos:
            window.cells[cell] = replace(sums, planned_nanos=planned)


def _of_entries(t: Tenant, entries: list[Planned], cell: Cell, nanos: int) -> int:
    """How much of a cell's matching records is covered by the first entry that is about it."""
    entry = next((e for e in entries if nanos > 0 and matches(_cell_part(e.match), _attributes(cell))), None)
    if entry is None or entry.extra_nanos is None:
        return nanos
    used = t.planned_used.get(key := _key(entry), 0)
    covered = min(nanos, entry.extra_nanos - used)
    t.planned_used[key] = used + covered
    return covered


def _of_people(w: Warden, t: Tenant, announced: list[int], cell: Cell, nanos: int) -> int:
    """How much of the rest somebody announced; what is taken of it is left out of the announcement."""
    covered = 0
    for place in announced:
        scope, from_ms, until_ms, extra = t.plans[place]
        if nanos > covered and scope in w.plan.view(cell).scopes:
            more = min(nanos - covered, ALL if extra is None else extra)
            covered += more
            t.plans[place] = (scope, from_ms, until_ms, None if extra is None else extra - more)
    return covered


def _attributes(cell: Cell) -> dict[str, str]:
    return {"tenant": cell.tenant, **{kind: getattr(cell, kind) for kind in TOTALLED}}


@lru_cache(maxsize=1024)
def _cell_part(match: Match) -> Match:
    """The conditions that a cell can answer; the meter has looked at the others record by record."""
    return Match(tuple(condition for condition in match.conditions if condition[0] in CELL_KINDS))


@lru_cache(maxsize=1024)
def _key(entry: Planned) -> int:
    """The same entry, the same key, whichever policy it stands in."""
    return crc32(entry.model_dump_json().encode())
