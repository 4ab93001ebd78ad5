"""The meter's fold: `hear` one row of the stream, speak at marks.

Law of this file: facts are said when the arrival of a row passes a mark (every MARK_MS of the log's time), never because a
batch ends; so the same rows give the same facts however they are cut. The state is changed in place and belongs to the fold:
a caller that fails in between throws it away and restores an older one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Struct, field

from service.facts import MARK_MS, MINUTE_MS, Cell, Counts, Envelope, Fact, Finding, Kind, Measures, Member, PolicySet, Purpose, RunSpend, Scope, Tick, ident
from service.meter.cells import (
    CALLERS_PER_MINUTE_MAX,
    CELLS_PER_MINUTE_MAX,
    MEMBERS_PER_MINUTE_MAX,
    OTHER,
    Minute,
    Open,
    OpenShare,
    last_word,
    progress,
)
from service.meter.habits import Habits
from service.meter.plan import EMPTY_PLAN, Plan, attributes_of_usage, compile_plan, member_kind
from service.meter.repeats import HORIZON_MS, Repeats, identity
from service.meter.runs import Run, Runs, follow, storm
from service.money import nanos_of
from service.prices import quantity_nanos
from service.records import UNATTRIBUTED, Change, Outcome, Usage, instant

VERSION: Final = 1
LATE_MS: Final = 10 * 60 * 1000
EMPTY_MARK_MS: Final = 1000  # a quiet partition still says once a second how far it has heard
Item = Usage | Outcome | Change | Tick | PolicySet


class Meter(Struct):
    """The state of one stream partition."""

    partition: int
    policy: PolicySet | None = None
    next_mark_ms: int = 0
    said_ms: int = 0
    heard: int = -1
    counts: Counts = field(default_factory=Counts)
    repeats: Repeats = field(default_factory=Repeats)
    minute: Minute = field(default_factory=Minute)
    runs: Runs = field(default_factory=Runs)
    habits: Habits = field(default_factory=Habits)
    pending: list[Fact] = field(default_factory=list)
    said: dict[str, int] = field(default_factory=dict)
    plan: Plan = EMPTY_PLAN


def fold(meter: Meter, items: Iterable[tuple[int, int, Item]]) -> list[Envelope]:
    """Folds rows (offset, arrival_ms, item) of one partition; returns what was said at the marks passed on the way."""
    out: list[Envelope] = []
    for offset, arrival_ms, item in items:
        hear(meter, offset, arrival_ms, item, out)
    return out


def hear(meter: Meter, offset: int, arrival_ms: int, item: Item, out: list[Envelope]) -> None:
    """Folds one row; appends to `out` what a mark that it passes makes the meter say."""
    if arrival_ms >= meter.next_mark_ms:
        _speak(meter, arrival_ms, out)
    meter.heard = offset
    if type(item) is Usage:
        _usage(meter, offset, arrival_ms, item)
    elif type(item) is PolicySet:
        adopt(meter, item)
    elif type(item) is not Tick:
        _other(meter, arrival_ms, item)


def adopt(meter: Meter, policy: PolicySet) -> None:
    """A policy not newer than the one in force changes nothing."""
    if meter.policy is None or policy.version > meter.policy.version:
        meter.policy = policy
        meter.plan = compile_plan(policy)
        for open_cell in meter.minute.cells.values():
            open_cell.rates = meter.plan.rates(open_cell.cell.provider, open_cell.cell.model, open_cell.event_minute)


# ---------------------------------------------------------------- speaking


def _speak(meter: Meter, arrival_ms: int, out: list[Envelope]) -> None:
    mark_ms = arrival_ms // MARK_MS * MARK_MS
    meter.next_mark_ms = mark_ms + MARK_MS
    minute = arrival_ms // MINUTE_MS
    facts: list[Fact] = meter.pending
    meter.pending = []
    if minute > meter.minute.number:
        facts += _turn(meter, minute)
    elif meter.minute.dirty or meter.minute.dirty_members:
        facts += progress(meter.minute)
    if meter.runs.watched:
        facts += _watched(meter)
    if facts or mark_ms - meter.said_ms >= EMPTY_MARK_MS:
        meter.said_ms = mark_ms
        out.append(Envelope(meter.partition, mark_ms, meter.heard, facts, msgspec.structs.replace(meter.counts)))


def _turn(meter: Meter, minute: int) -> list[Fact]:
    """The arrival minute is over: its last word, and what is due once a minute."""
    facts: list[Fact] = [*last_word(meter.minute)]
    meter.minute.number = minute
    facts += [_run_spend(tenant, root, run, meter.heard) for tenant, root, run in meter.runs.sweep(minute, meter.habits)]
    meter.counts.runs_dropped = meter.runs.dropped
    meter.counts.repeats_forgotten += meter.repeats.forget(minute * MINUTE_MS)
    if minute % 60 == 0:
        meter.said = {id: at for id, at in meter.said.items() if at > minute - 2880}
    return facts


def _watched(meter: Meter) -> list[RunSpend]:
    live = meter.runs.live
    facts = [_run_spend(tenant, root, live[tenant][root], meter.heard) for tenant, root in sorted(meter.runs.watched)]
    meter.runs.watched.clear()
    return facts


def _run_spend(tenant: str, root: str, run: Run, offset: int) -> RunSpend:
    return RunSpend(tenant, root, run.agent, offset, run.nanos, run.calls, run.last_ms, run.ended)


# ---------------------------------------------------------------- hearing


def _repeated(meter: Meter, kind: str, r: Usage | Outcome | Change, check: int, event_ms: int, arrival_ms: int) -> bool:
    """Whether this identity has been heard; if not, it has been now."""
    counts = meter.counts
    counts.records += 1
    digest = identity(r.tenant, kind, r.source, r.id)
    known = meter.repeats.known.get(digest)
    if known is not None:
        counts.duplicates += 1
        counts.conflicts += known != check
        return True
    if event_ms < arrival_ms - LATE_MS:
        counts.late += 1
        counts.unchecked += event_ms < arrival_ms - HORIZON_MS
    meter.repeats.remember(digest, check, arrival_ms)
    counts.accepted += 1
    return False


def _usage(meter: Meter, offset: int, arrival_ms: int, u: Usage) -> None:
    event_ms = instant(u.time)
    told = nanos_of(u.cost_usd) if u.cost_usd is not None else None
    fresh, read, write, produced = u.input_tokens, u.cache_read_tokens, u.cache_write_tokens, u.output_tokens
    if _repeated(meter, "usage", u, (event_ms + 3 * fresh + 5 * read + 7 * write + 11 * produced + 13 * (told or 0)) % 251, event_ms, arrival_ms):
        return
    agent, use_case = u.agent or UNATTRIBUTED, u.use_case or UNATTRIBUTED
    event_minute = event_ms // MINUTE_MS
    key = (u.tenant, agent, use_case, u.business_unit or UNATTRIBUTED, u.workflow, u.provider, u.model, u.layer, u.operation, u.batch, event_minute)
    cell = meter.minute.cells.get(key)
    if cell is None:
        cell = _open(meter, key, u, event_ms, arrival_ms)
    sums = cell.sums
    listed = 0
    rates = cell.rates
    if rates is not None:
        a, b, c, d = fresh * rates.input, read * rates.cache_read, write * rates.cache_write, produced * rates.output
        if u.batch:
            n, m = rates.batch_numerator, rates.batch_denominator
            listed = (a + b + c + d) * n // (m * 1000)
            a, b, c, d = a * n // m, b * n // m, c * n // m, d * n // m
        else:
            listed = (a + b + c + d) // 1000
        sums.input_pico += a
        sums.cache_read_pico += b
        sums.cache_write_pico += c
        sums.output_pico += d
        sums.list_nanos += listed
    nanos = told if told is not None else _priced(meter, u, cell, listed, event_ms, arrival_ms)
    sums.records += 1
    sums.nanos += nanos
    sums.input += fresh
    sums.cache_read += read
    sums.cache_write += write
    sums.output += produced
    if event_ms > sums.last_ms:
        sums.last_ms = event_ms
    if u.layer == "inference":
        sums.calls += 1
        _call_sums(sums, u, nanos)
    sums.duration_ms += int(u.duration_ms)
    if cell.planned or meter.plan.planned_by_member:
        sums.planned_nanos += nanos if cell.planned or meter.plan.is_planned(u, event_ms) else 0
    cell.offset = offset
    if not cell.dirty:
        cell.dirty = True
        meter.minute.dirty.append(cell)
    caller = (u.tenant, agent, u.user, u.customer, u.api_key, u.prompt_version, u.caller)
    known = meter.minute.callers.get(caller)
    if known is not None:
        known[0] += 1
        known[1] += nanos
    elif len(meter.minute.callers) < CALLERS_PER_MINUTE_MAX:
        meter.minute.callers[caller] = [1, nanos]
    if meter.plan.members:
        _members(meter, offset, u, nanos, fresh + read + write + produced, event_ms)
    root = u.root_execution_id or u.parent_execution_id or u.execution_id
    if root:
        _run(meter, u, root, agent, use_case, sums, nanos, event_ms, arrival_ms)
    if u.attempt > 1:
        found = storm(meter.habits.of(u.tenant, agent), u, agent, use_case, event_ms, arrival_ms)
        if found is not None:
            meter.pending.append(found)


def _call_sums(sums: Measures, u: Usage, nanos: int) -> None:
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


def _run(meter: Meter, u: Usage, root: str, agent: str, use_case: str, sums: Measures, nanos: int, event_ms: int, arrival_ms: int) -> None:
    runs = meter.runs
    live = runs.live.get(u.tenant)
    run = live.get(root) if live is not None else None
    if run is None:
        limits = meter.plan.limits(u.tenant, agent, use_case, u.business_unit, u.workflow)
        run = runs.begin(u, root, agent, use_case, event_ms, meter.minute.number, limits, meter.habits)
        if run is None:
            return
        sums.began += 1
    run.last_minute = meter.minute.number
    records = meter.habits.of(u.tenant, run.agent)
    found = follow(run, u, root, nanos, event_ms, arrival_ms, records)
    if found:
        meter.pending += found
    if run.watched:
        runs.watched.add((u.tenant, root))
    if u.attempt == 1 and records.storm:
        storm(records, u, agent, use_case, event_ms, arrival_ms)


def _open(meter: Meter, key: tuple[str, str, str, str, str, str, str, str, str, bool, int], u: Usage, event_ms: int, arrival_ms: int) -> Open:
    """A cell that this minute has not seen: what is the same for all its records is looked up here."""
    minute = meter.minute
    event_minute = key[10]
    if len(minute.cells) >= CELLS_PER_MINUTE_MAX:
        meter.counts.cells_folded += 1
        key = (key[0], OTHER, key[2], key[3], OTHER, *key[5:])
        known = minute.cells.get(key)
        if known is not None:
            return known
    cell = Cell(*key[:10])
    plan = meter.plan
    opened = Open(cell, event_minute, plan.rates(cell.provider, cell.model, event_minute), plan.is_planned_cell(cell, event_ms), Measures())
    minute.cells[key] = opened
    for kind, detail, action in plan.violations(cell):
        _once(meter, kind, cell, event_ms, arrival_ms, detail, action)
    return opened


def _priced(meter: Meter, u: Usage, cell: Open, listed: int, event_ms: int, arrival_ms: int) -> int:
    """What a record without a told cost in dollars costs; 0 and counted where nobody knows."""
    plan = meter.plan
    if u.cost is not None:
        converted = plan.convert(u.cost, u.currency, event_ms)
        if converted is not None:
            return converted
    elif cell.rates is not None:
        return listed
    elif u.quantity is not None and u.unit:
        unit_pico = plan.unit_pico(u.operation, u.unit, event_ms)
        cell.sums.quantity_milli += round(u.quantity * 1000)
        if unit_pico is not None:
            return quantity_nanos(u.quantity, unit_pico)
        if not u.quantity:
            return 0
    elif not u.input_tokens + u.cache_read_tokens + u.cache_write_tokens + u.output_tokens:
        return 0
    sums = cell.sums
    sums.unpriced += 1
    if u.cost is None:  # what was told in a currency without a rate is not to be guessed from its tokens
        sums.unpriced_input += u.input_tokens
        sums.unpriced_cache_read += u.cache_read_tokens
        sums.unpriced_cache_write += u.cache_write_tokens
        sums.unpriced_output += u.output_tokens
    meter.counts.unpriced += 1
    what = f"no rate for {u.currency}" if u.cost is not None else f"no price for {u.model or u.operation + ' per ' + u.unit}"
    _once(meter, Kind.UNPRICED, cell.cell, event_ms, arrival_ms, what, "")
    return 0


def _once(meter: Meter, kind: Kind, cell: Cell, event_ms: int, arrival_ms: int, detail: str, action: str) -> None:
    """A finding about an agent's use of a model, said once a day."""
    scope = Scope("agent", cell.agent)
    fid = ident("fnd", cell.tenant, kind, cell.agent, cell.workflow if kind != Kind.UNPRICED else "", cell.model, event_ms // 86_400_000)
    if fid in meter.said:
        return
    meter.said[fid] = arrival_ms // MINUTE_MS
    meter.pending.append(
        Finding(
            id=fid,
            tenant=cell.tenant,
            kind=kind,
            scope=scope,
            time_ms=event_ms,
            arrival_ms=arrival_ms,
            agent=cell.agent,
            use_case=cell.use_case,
            business_unit=cell.business_unit,
            workflow=cell.workflow,
            detail=detail,
            driver="price" if kind == Kind.UNPRICED else "model_mix",
            action=action,
            dimensions=[Scope("model", cell.model)] if cell.model else [],
        )
    )


def _members(meter: Meter, offset: int, u: Usage, nanos: int, tokens: int, event_ms: int) -> None:
    """Exact totals of the scopes that no cell names and that a limit asks for."""
    attributes = attributes_of_usage(u)
    done: set[Member] = set()
    for pattern in meter.plan.members:
        scope = pattern.member(attributes)
        if scope is None or (pattern.name != "*" and scope.name != pattern.name):
            continue
        member = Member(u.tenant, member_kind(pattern), scope.name)
        if member in done:
            continue
        done.add(member)
        share = _share(meter, member, event_ms // MINUTE_MS)
        share.records += 1
        share.nanos += nanos
        share.tokens += tokens
        share.last_ms = max(share.last_ms, event_ms)
        share.offset = offset
        if not share.dirty:
            share.dirty = True
            meter.minute.dirty_members.append(share)


def _share(meter: Meter, member: Member, event_minute: int) -> OpenShare:
    members = meter.minute.members
    share = members.get((member, event_minute))
    if share is None:
        if len(members) >= MEMBERS_PER_MINUTE_MAX:
            meter.counts.members_folded += 1
            member = Member(member.tenant, member.kind, OTHER)
        share = members.setdefault((member, event_minute), OpenShare(member, event_minute))
    return share


def _other(meter: Meter, arrival_ms: int, r: Outcome | Change) -> None:
    event_ms = instant(r.time)
    kind = "outcome" if isinstance(r, Outcome) else "change"
    if _repeated(meter, kind, r, event_ms % 251, event_ms, arrival_ms):
        return
    match r:
        case Outcome():
            root = r.root_execution_id or r.execution_id
            run = meter.runs.live.get(r.tenant, {}).get(root)
            if run is not None:
                meter.runs.end(r.tenant, run, meter.habits)
                if run.watched:
                    meter.runs.watched.add((r.tenant, root))
        case Change():
            for scope_kind, name in sorted((r.scope or {"total": "total"}).items()):
                meter.pending.append(Purpose(r.id, r.tenant, r.what, Scope(scope_kind, name), event_ms, r.ref, r.by))
