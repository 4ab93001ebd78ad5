"""The meter's fold: `hear` one row of the stream, speak at marks.

Law of this file: facts are said when the arrival of a row passes a mark (every MARK_MS of the log's time), never because a
batch ends; so the same rows give the same facts however they are cut. The state is changed in place and belongs to the fold:
a caller that fails in between throws it away and restores an older one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from service.facts import MARK_MS, MINUTE_MS, Envelope, Fact, PolicySet, Purpose, RunSpend, Scope, Tick
from service.meter import shapes, usage
from service.meter.cells import last_word, progress
from service.meter.identities import repeated
from service.meter.plan import compile_plan
from service.meter.pricing import list_tokens
from service.meter.rules import is_stuck
from service.meter.runs import Run
from service.meter.state import Meter
from service.records import Change, Outcome, Usage, instant

VERSION: Final = 1
EMPTY_MARK_MS: Final = 1000  # a quiet partition still says once a second how far it has heard
MEMBERS_MARK_MS: Final = 1000  # users, keys and labels are many: what they spent is said at one mark in five
SAID_MINUTES: Final = 2 * 1440
Item = Usage | Outcome | Change | Tick | PolicySet


def fold(meter: Meter, items: Iterable[tuple[int, int, Item]]) -> list[Envelope]:
    """Folds rows (offset, arrival_ms, item) of one partition; returns what was said at the marks passed on the way."""
    out: list[Envelope] = []
    for offset, arrival_ms, item in items:
        hear(meter, offset, arrival_ms, item, out)
    return out


def hear(meter: Meter, offset: int, arrival_ms: int, item: Item, out: list[Envelope]) -> None:
    """Folds one row; appends to `out` what a mark that it passes makes the meter say.

    A log whose clock was set back, or whose next leader's is behind, does not take the meter back with it.
    """
    if arrival_ms < meter.arrival_ms:
        arrival_ms = meter.arrival_ms
    elif arrival_ms > meter.arrival_ms:
        meter.arrival_ms = arrival_ms
    if arrival_ms >= meter.next_mark_ms:
        _speak(meter, arrival_ms, out)
        if meter.coming is not None and arrival_ms >= meter.coming.from_ms:
            adopt(meter, meter.coming)
    meter.heard = offset
    if type(item) is Usage:
        usage.hear(meter, offset, arrival_ms, item)
    elif isinstance(item, PolicySet):
        _take_policy(meter, arrival_ms, item)
    elif isinstance(item, Outcome | Change):
        _other(meter, arrival_ms, item)


def policy_version(meter: Meter) -> int:
    """Of the newest policy heard of, in force or coming; 0 before the first."""
    newest = meter.coming or meter.policy
    return newest.version if newest is not None else 0


def _take_policy(meter: Meter, arrival_ms: int, policy: PolicySet) -> None:
    """A policy not newer than the newest one heard of changes nothing; the first one holds at once."""
    if policy.version <= policy_version(meter):
        return
    if meter.policy is None or arrival_ms >= policy.from_ms:
        adopt(meter, policy)
    else:
        meter.coming = policy


def adopt(meter: Meter, policy: PolicySet) -> None:
    """From here on this policy is in force, also for the cells that are open."""
    meter.policy, meter.coming = policy, None
    meter.plan = compile_plan(policy)
    for open_cell in meter.minute.cells.values():
        open_cell.rates = meter.plan.rates(open_cell.cell.provider, open_cell.cell.model, open_cell.event_minute)


def _other(meter: Meter, arrival_ms: int, r: Outcome | Change) -> None:
    event_ms = instant(r.time)
    if repeated(meter, "outcome" if isinstance(r, Outcome) else "change", r, event_ms % 251, event_ms, arrival_ms):
        return
    match r:
        case Outcome():
            root = r.root_execution_id or r.execution_id
            run = meter.runs.live.get(r.tenant, {}).get(root)
            if run is not None:
                _ended(meter, r.tenant, run)
                meter.runs.end(r.tenant, run, meter.habits)
                if run.watched:
                    meter.runs.watched.add((r.tenant, root))
        case Change():
            for scope_kind, name in sorted((r.scope or {"total": "total"}).items()):
                meter.pending.append(Purpose(r.id, r.tenant, r.what, Scope(scope_kind, name), event_ms, r.ref, r.by))


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
        members = mark_ms // MEMBERS_MARK_MS > meter.members_ms // MEMBERS_MARK_MS
        facts += progress(meter.minute, members=members)
        if members:
            meter.members_ms = mark_ms
    if meter.runs.watched:
        facts += _watched(meter)
    if facts or mark_ms - meter.said_ms >= EMPTY_MARK_MS:
        meter.said_ms = mark_ms
        out.append(Envelope(meter.partition, mark_ms, meter.heard, facts, msgspec.structs.replace(meter.counts)))


def _turn(meter: Meter, minute: int) -> list[Fact]:
    """The arrival minute is over: its last word, and what is due once a minute."""
    meter.counts.names_dropped += meter.minute.callers.dropped
    for cell in meter.minute.cells.values():
        list_tokens(cell)
    facts: list[Fact] = [*last_word(meter.minute)]
    meter.minute.number = minute
    for tenant, root, run in meter.runs.silent(minute):
        _ended(meter, tenant, run)
        meter.runs.forget(tenant, root, run, meter.habits)
        if run.watched:
            facts.append(_run_spend(tenant, root, run, meter.heard))
    meter.counts.runs_dropped = meter.runs.dropped
    meter.counts.repeats_forgotten += meter.repeats.forget(minute * MINUTE_MS)
    if minute % 60 == 0:
        meter.said = {finding: at for finding, at in meter.said.items() if at > minute - SAID_MINUTES}
    return facts


def _ended(meter: Meter, tenant: str, run: Run) -> None:
    """A run is over, for the first time: how long it was is part of what its agent's runs look like."""
    if not run.ended and run.calls:
        shape = shapes.of(meter.minute.shapes, (tenant, run.agent, run.workflow))
        if shape is None:
            meter.counts.shapes_dropped += 1
        else:
            shapes.ended(shape, run)


def _watched(meter: Meter) -> list[RunSpend]:
    live = meter.runs.live
    facts = [_run_spend(tenant, root, live[tenant][root], meter.heard) for tenant, root in sorted(meter.runs.watched)]
    meter.runs.watched.clear()
    return facts


def _run_spend(tenant: str, root: str, run: Run, offset: int) -> RunSpend:
    return RunSpend(
        tenant, root, run.agent, offset, run.nanos, run.calls, run.last_ms, run.ended, is_stuck(run), len(run.children or ()), run.growth_percent, run.repeats
    )


__all__ = ["Meter", "adopt", "fold", "hear", "policy_version"]
