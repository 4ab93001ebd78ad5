"""What the calendar expected of a window, up to what it allowed: the policy's `planned` entries, and what people announced.

Planned spend is out of what detectors look at in every scope it counts in; budgets count it, and take it out of their paces. What
goes beyond an entry's `extra_usd` is as surprising as any other spend. Cells are looked at in their own order, so that it does not
matter who was heard first. What remains of an entry is awaited by the budgets that it wholly belongs to by its own words: that of
{use_case: kyc} by the budget of this use case and by the total, not by those of its agents. Budgets of scopes that no cell names
(users, keys, labels) know nothing of plans.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final
from zlib import crc32

from msgspec.structs import replace

from service.facts import CELL_KINDS, MINUTE_MS, Cell
from service.policy import ALL as ANY
from service.policy import Match, Planned, matches
from service.warden.forecast import UNPLANNED, Coming, Outlook
from service.warden.plan import TOTALLED, Limit
from service.warden.state import Tenant, Warden, Window

ALL: Final = 1 << 62
WIDTH_MS: Final = 600_000


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
        if planned:
            for limit, member in w.plan.view(cell).limits:
                _take_out(t, limit, member, start_ms // MINUTE_MS, planned)


def _take_out(t: Tenant, limit: Limit, member: str, event_minute: int, nanos: int) -> None:
    """So much of a budget's spend at that minute was planned: it stays in what is spent and leaves the hours that paces are made of."""
    period = t.periods.get((limit.name, member, limit.span(event_minute).key))
    if period is None or limit.tokens or limit.rolling_minutes:
        return
    period.planned += nanos
    bucket = event_minute // limit.bucket_minutes
    if bucket in period.buckets:
        period.buckets[bucket] -= nanos


def lately(w: Warden, t: Tenant) -> dict[tuple[str, str], int]:
    """Nanos in the windows still open that are planned, by limit and member; how much an entry allows is seen when they close."""
    found: dict[tuple[str, str], int] = {}
    if not w.plan.policy.planned and not t.plans:
        return found
    for number, window in t.windows.items():
        announced = [scope for scope, from_ms, until_ms, extra in t.plans if from_ms < (number + 1) * WIDTH_MS and until_ms > number * WIDTH_MS and extra != 0]
        for cell, sums in window.cells.items():
            view = w.plan.view(cell)
            nanos = sums.nanos if any(scope in view.scopes for scope in announced) else sums.planned_nanos
            for limit, member in view.limits if nanos else ():
                found[limit.name, member] = found.get((limit.name, member), 0) + nanos
    return found


def outlook(w: Warden, t: Tenant, limit: Limit, member: str, known: dict[tuple[str, str], int] | None = None) -> Outlook:
    """What is planned for a member of a budget; `known`: what `lately` says, where many are asked about."""
    if limit.tokens or limit.rolling_minutes:
        return UNPLANNED
    open_nanos = spent = (lately(w, t) if known is None else known).get((limit.name, member), 0)
    coming: list[Coming] = []
    for attributes, from_ms, to_ms, nanos in _plans(w, t):
        scope = limit.pattern.member({**attributes, "tenant": t.name})
        if scope is not None and scope.name == member and to_ms > w.now_ms:
            gone = min(spent, nanos)
            spent -= gone
            if nanos > gone:
                coming.append(Coming(max(from_ms, w.now_ms), to_ms, nanos - gone))
    return Outlook(open_nanos, tuple(coming))


def _plans(w: Warden, t: Tenant) -> Iterator[tuple[dict[str, str], int, int, int]]:
    """Every plan with a sum: whose spend it is about, from when, until when, and what is left of it."""
    for entry in w.plan.policy.planned:
        about = {key: values[0] for key, values in entry.match.conditions if len(values) == 1 and values[0] != ANY}
        if entry.extra_nanos is not None and about.get("tenant", t.name) == t.name:
            yield about, entry.from_ms, entry.to_ms, entry.extra_nanos - t.planned_used.get(_key(entry), 0)
    for scope, from_ms, until_ms, extra in t.plans:
        if extra is not None:
            yield {scope.kind: scope.name}, from_ms, until_ms, extra


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
