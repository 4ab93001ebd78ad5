"""One `usage` record: known or new, what it cost, which sums it joins, which run it belongs to.

This is the hot path, some ten microseconds a record; what is the same for all records of a cell is looked up when the cell opens.
"""

from __future__ import annotations

from typing import Final

from service.facts import MINUTE_MS, Cell, Measures
from service.meter import members, shapes
from service.meter.cells import CELLS_PER_MINUTE_MAX, OTHER, CellKey, Open, Place
from service.meter.habits import Records
from service.meter.identities import repeated
from service.meter.once import say_once, say_violations
from service.meter.pricing import by_table, priced
from service.meter.rules import follow, storm
from service.meter.runs import Run
from service.meter.shapes import OpenShape
from service.meter.state import Meter
from service.money import nanos_of
from service.records import UNATTRIBUTED, Usage, instant

CHECK: Final = 251
CHILDS_STEP: Final = 4


def hear(meter: Meter, offset: int, arrival_ms: int, u: Usage) -> None:
    """Folds one record."""
    event_ms = instant(u.time)
    told = nanos_of(u.cost_usd) if u.cost_usd is not None else None
    tokens = u.input_tokens + u.cache_read_tokens + u.cache_write_tokens + u.output_tokens
    check = (event_ms + 3 * tokens + 5 * u.cache_read_tokens + 7 * u.output_tokens + 13 * (told or 0)) % CHECK
    if repeated(meter, "usage", u, check, event_ms, arrival_ms):
        return
    minute, plan = meter.minute, meter.plan
    event_minute = event_ms // MINUTE_MS
    key = (u.tenant, u.agent, u.use_case, u.business_unit, u.workflow, u.provider, u.model, u.layer, u.operation, u.batch, event_minute)
    place = minute.places.get(key) or _place(meter, key, event_ms, arrival_ms)
    cell = place.cell
    if told is not None:
        nanos = told
    elif cell.rates is not None and u.cost is None:
        nanos = by_table(cell.rates, u)
    else:
        nanos = _untold(meter, u, cell, event_ms, arrival_ms)
    _add(cell.sums, u, nanos, event_ms)
    if cell.planned or (plan.planned_by_member and plan.is_planned(u, event_ms)):
        cell.sums.planned_nanos += nanos
    cell.offset = offset
    if not cell.dirty:
        cell.dirty = True
        minute.dirty.append(cell)
    callers = place.callers
    if callers is None:
        callers = place.callers = minute.callers.of(u.tenant, place.agent)
    if callers is not None:
        minute.callers.count(callers, u, nanos)
    if plan.members:
        members.add(meter, offset, u, nanos, tokens, event_ms, event_minute)
    root = u.root_execution_id or u.parent_execution_id or u.execution_id
    if root or u.attempt > 1:
        _run(meter, u, root, place, nanos, event_ms, arrival_ms)


def _add(sums: Measures, u: Usage, nanos: int, event_ms: int) -> None:
    """The record joins its cell's sums; what is nothing for most records is not added, for to write costs four times as much as to look."""
    sums.records += 1
    sums.nanos += nanos
    sums.input += u.input_tokens
    sums.cache_read += u.cache_read_tokens
    if u.cache_write_tokens:
        sums.cache_write += u.cache_write_tokens
    sums.output += u.output_tokens
    sums.duration_ms += int(u.duration_ms)
    if event_ms > sums.last_ms:  # noqa: PLR1730 -- twice as fast as max()
        sums.last_ms = event_ms
    if u.layer == "inference":
        sums.calls += 1
        if u.reasoning_tokens:
            sums.reasoning += u.reasoning_tokens
        if u.status == "error":
            sums.errors += 1
        if u.attempt > 1:
            sums.retries += 1
            sums.retry_nanos += nanos
        if u.fallback_from:
            sums.fallbacks += 1
        if u.requested_model and u.requested_model != u.model:
            sums.swapped += 1


def _place(meter: Meter, key: CellKey, event_ms: int, arrival_ms: int) -> Place:
    """Where records with these attributes, as they say them, go; kept unless its cell has been folded into another."""
    minute = meter.minute
    named = (key[0], key[1] or UNATTRIBUTED, key[2] or UNATTRIBUTED, key[3] or UNATTRIBUTED, *key[4:])
    cell = minute.cells.get(named) or _open(meter, named, event_ms, arrival_ms)
    place = Place(cell, named[1], named[2])
    if named in minute.cells and len(minute.places) < CELLS_PER_MINUTE_MAX:
        minute.places[key] = place
    return place


def _open(meter: Meter, key: CellKey, event_ms: int, arrival_ms: int) -> Open:
    """A cell that this minute has not seen; beyond CELLS_PER_MINUTE_MAX its agent and workflow fold into `other`."""
    minute, plan = meter.minute, meter.plan
    if len(minute.cells) >= CELLS_PER_MINUTE_MAX:
        meter.counts.cells_folded += 1
        key = (key[0], OTHER, key[2], key[3], OTHER, *key[5:])
        known = minute.cells.get(key)
        if known is not None:
            return known
    cell = Cell(*key[:10])
    opened = Open(cell, key[10], plan.rates(cell.provider, cell.model, key[10]), plan.is_planned_cell(cell, event_ms), Measures())
    minute.cells[key] = opened
    say_violations(meter, cell, event_ms, arrival_ms)
    return opened


def _untold(meter: Meter, u: Usage, cell: Open, event_ms: int, arrival_ms: int) -> int:
    """What a record costs that neither says it in dollars nor has a price per token; 0, counted and said where nobody knows."""
    nanos = priced(meter.plan, u, cell, event_ms)
    if nanos is not None:
        return nanos
    meter.counts.unpriced += 1
    if meter.plan.members and u.cost is None and u.model:
        members.wait_for_price(meter, cell, u)
    say_once(meter, cell.cell, u, event_ms, arrival_ms)
    return 0


def _run(meter: Meter, u: Usage, root: str, place: Place, nanos: int, event_ms: int, arrival_ms: int) -> None:
    """The record belongs to its run, and to its agent's evidence of a retry storm."""
    agent, records = place.agent, place.records or _records(meter, u.tenant, place)
    if root:
        run = (place.live or _live(meter, u.tenant, place)).get(root)
        if run is None:
            run = _begin(meter, u, root, place, event_ms)
        if run is not None:
            run.last_minute = meter.minute.number
            own = records if run.agent == agent else meter.habits.of(u.tenant, run.agent)
            found = follow(run, u, root, nanos, event_ms, arrival_ms, own, records)
            if found:
                meter.pending += found
            if run.watched:
                meter.runs.watched.add((u.tenant, root))
            if u.layer == "inference" and u.attempt <= 1:
                shape = place.shape or _shape(meter, u, place)
                if shape is not None:  # one call of a child is taken for the middle of a run
                    shapes.count(shape, u, run.calls if u.execution_id in (root, "") else CHILDS_STEP)
    if u.attempt > 1 or (records.storm and u.attempt == 1):
        storming = storm(meter.partition, records, u, agent, place.use_case, event_ms, arrival_ms)
        if storming is not None:
            meter.pending.append(storming)


def _live(meter: Meter, tenant: str, place: Place) -> dict[str, Run]:
    """The tenant's live runs; before its first one there are none to go on with."""
    place.live = meter.runs.live.get(tenant)
    return place.live or {}


def _records(meter: Meter, tenant: str, place: Place) -> Records:
    """The agent's own past; where there was no room for it, it is begun anew for each record."""
    records = meter.habits.of(tenant, place.agent)
    place.records = meter.habits.agents.get((tenant, place.agent))
    return records


def _shape(meter: Meter, u: Usage, place: Place) -> OpenShape | None:
    """What the agent's calls in this workflow look like; None, counted, where there is no room for one more."""
    place.shape = shapes.of(meter.minute.shapes, (u.tenant, place.agent, u.workflow))
    if place.shape is None:
        meter.counts.shapes_dropped += 1
    return place.shape


def _begin(meter: Meter, u: Usage, root: str, place: Place, event_ms: int) -> Run | None:
    """A run that was not live; None, counted, where there is no room for one more."""
    limits = meter.plan.limits(u.tenant, place.agent, place.use_case, u.business_unit, u.workflow)
    run = meter.runs.begin(u, root, place.agent, place.use_case, event_ms, meter.minute.number, limits, meter.habits)
    if run is not None:
        place.cell.sums.began += 1
        shape = place.shape or _shape(meter, u, place)
        if shape is not None and not shapes.begun(shape, u.user):
            meter.counts.users_folded += 1
    return run
