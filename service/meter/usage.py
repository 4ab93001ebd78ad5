"""One `usage` record: known or new, what it cost, which sums it joins, which run it belongs to.

This is the hot path, some ten microseconds a record; what is the same for all records of a cell is looked up when the cell opens.
"""

from __future__ import annotations

from typing import Final

from service.facts import MINUTE_MS, Cell, Measures
from service.meter import members, shapes
from service.meter.cells import CELLS_PER_MINUTE_MAX, OTHER, CellKey, Open
from service.meter.identities import repeated
from service.meter.once import say_once, say_violations
from service.meter.pricing import by_table, priced
from service.meter.rules import follow, storm
from service.meter.runs import Run
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
    agent, use_case = u.agent or UNATTRIBUTED, u.use_case or UNATTRIBUTED
    event_minute = event_ms // MINUTE_MS
    key = (u.tenant, agent, use_case, u.business_unit or UNATTRIBUTED, u.workflow, u.provider, u.model, u.layer, u.operation, u.batch, event_minute)
    cell = minute.cells.get(key)
    if cell is None:
        cell = _open(meter, key, event_ms, arrival_ms)
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
    who = (u.tenant, agent)
    minute.callers.count(who, u, nanos)
    if plan.members:
        members.add(meter, offset, u, nanos, tokens, event_ms, event_minute)
    root = u.root_execution_id or u.parent_execution_id or u.execution_id
    if root or u.attempt > 1:
        _run(meter, u, root, who, use_case, cell.sums, nanos, event_ms, arrival_ms)


def _add(sums: Measures, u: Usage, nanos: int, event_ms: int) -> None:
    """The record joins its cell's sums."""
    sums.records += 1
    sums.nanos += nanos
    sums.input += u.input_tokens
    sums.cache_read += u.cache_read_tokens
    sums.cache_write += u.cache_write_tokens
    sums.output += u.output_tokens
    sums.duration_ms += int(u.duration_ms)
    if event_ms > sums.last_ms:  # noqa: PLR1730 -- twice as fast as max()
        sums.last_ms = event_ms
    if u.layer == "inference":
        sums.calls += 1
        sums.reasoning += u.reasoning_tokens
        sums.errors += u.status == "error"
        if u.attempt > 1:
            sums.retries += 1
            sums.retry_nanos += nanos
        if u.fallback_from:
            sums.fallbacks += 1
        if u.requested_model and u.requested_model != u.model:
            sums.swapped += 1


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


def _run(meter: Meter, u: Usage, root: str, who: tuple[str, str], use_case: str, sums: Measures, nanos: int, event_ms: int, arrival_ms: int) -> None:
    """The record belongs to its run, and to its agent's evidence of a retry storm."""
    records = meter.habits.agents.get(who) or meter.habits.of(*who)
    if root:
        runs = meter.runs
        live = runs.live.get(u.tenant)
        run = live.get(root) if live is not None else None
        if run is None:
            run = _begin(meter, u, root, who[1], use_case, sums, event_ms)
        if run is not None:
            run.last_minute = meter.minute.number
            own = records if run.agent == who[1] else meter.habits.of(u.tenant, run.agent)
            found = follow(run, u, root, nanos, event_ms, arrival_ms, own)
            if found:
                meter.pending += found
            if run.watched:
                runs.watched.add((u.tenant, root))
            if u.layer == "inference" and u.attempt <= 1:
                _shape(meter, u, root, who[1], run)
    if u.attempt > 1 or (records.storm and u.attempt == 1):
        storming = storm(meter.partition, records, u, who[1], use_case, event_ms, arrival_ms)
        if storming is not None:
            meter.pending.append(storming)


def _shape(meter: Meter, u: Usage, root: str, agent: str, run: Run) -> None:
    """What the call looked like; one of a child is taken for the middle of a run."""
    open_shapes, key = meter.minute.shapes, (u.tenant, agent, u.workflow)
    shape = open_shapes.get(key) or shapes.of(open_shapes, key)
    if shape is None:
        meter.counts.shapes_dropped += 1
    else:
        shapes.count(shape, u, run.calls if u.execution_id in (root, "") else CHILDS_STEP)


def _begin(meter: Meter, u: Usage, root: str, agent: str, use_case: str, sums: Measures, event_ms: int) -> Run | None:
    """A run that was not live; None, counted, where there is no room for one more."""
    limits = meter.plan.limits(u.tenant, agent, use_case, u.business_unit, u.workflow)
    run = meter.runs.begin(u, root, agent, use_case, event_ms, meter.minute.number, limits, meter.habits)
    if run is not None:
        sums.began += 1
        shape = shapes.of(meter.minute.shapes, (u.tenant, agent, u.workflow))
        if shape is None:
            meter.counts.shapes_dropped += 1
        elif not shapes.begun(shape, u.user):
            meter.counts.users_folded += 1
    return run
