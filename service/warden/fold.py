"""The warden's fold: one row of the journal in, what it decides out.

Budget lines and caps are decided as they are heard; windows close, silence is judged and stops are proved by the least mark of all
stream partitions, in the log's own time. The state is changed in place and belongs to the fold, as the meter's does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from service.facts import (
    MINUTE_MS,
    Control,
    Decision,
    Envelope,
    Fact,
    Finding,
    Heaviest,
    JournalRow,
    Outbox,
    PolicySet,
    Progress,
    Purpose,
    Receipt,
    RunSpend,
    Shape,
    Share,
    Tally,
)
from service.warden import audit, budgets, controls, days, findings, orders, proof, reports, sums, upkeep, windows
from service.warden.plan import compile_plan
from service.warden.state import Tenant, Warden

VERSION: Final = 2
PURPOSES_KEPT: Final = 2_000
PROVE_EVERY_MS: Final = 400


def fold(w: Warden, rows: Iterable[tuple[int, int, JournalRow]]) -> list[Outbox]:
    """Folds rows (offset, arrival_ms, row) of one journal partition; returns what each made it decide."""
    out: list[Outbox] = []
    for offset, arrival_ms, row in rows:
        decisions = hear(w, arrival_ms, row)
        if decisions:
            out.append(Outbox(offset, decisions))
            w.out = []
    return out


def hear(w: Warden, arrival_ms: int, row: JournalRow) -> list[Decision]:
    """Folds one row and returns its decisions; the list is the state's own until `w.out` is replaced."""
    w.now_ms = max(w.now_ms, arrival_ms)
    before = len(w.out)
    match row:
        case Envelope():
            _envelope(w, row)
        case PolicySet():
            _take_policy(w, row)
        case Control():
            t = tenant(w, row.tenant)
            audit.asked(w, t, row, controls.obey(w, t, row))
        case Receipt():
            for t in w.tenants.values():
                if row.id in t.orders:
                    orders.receipt(w, t, row)
        case _:
            pass  # a tick: only time has passed
    if not isinstance(row, Envelope) or row.mark_ms:  # of a mark in several rows the last one speaks for its time
        _time_passes(w)
    audit.ordered(w, before)
    return w.out


def _time_passes(w: Warden) -> None:
    """A policy comes into force, a minute is over."""
    if w.coming is not None and w.now_ms >= w.coming.from_ms:
        _adopt(w, w.coming)
    minute = w.now_ms // MINUTE_MS
    if minute > w.minute:
        w.minute = minute
        for t in w.tenants.values():
            upkeep.each_minute(w, t)
        reports.due(w)


def tenant(w: Warden, name: str) -> Tenant:
    """A tenant's books, begun at its first fact."""
    t = w.tenants.get(name)
    if t is None:
        t = w.tenants[name] = Tenant(name)
    return t


def _envelope(w: Warden, e: Envelope) -> None:
    """All facts of a mark, then what the mark itself decides."""
    if not w.marks:
        w.marks = [0] * w.partitions
    known_minute = w.marks[e.partition] // MINUTE_MS
    for fact in e.facts:
        _fact(w, e.partition, known_minute, fact)
    if e.mark_ms <= w.marks[e.partition]:
        return
    w.counts[e.partition] = e.counts
    if e.mark_ms // MINUTE_MS > known_minute:
        for t in w.tenants.values():
            sums.forget(t, e.partition, e.mark_ms // MINUTE_MS)
    w.marks[e.partition] = e.mark_ms
    windows.close(w)
    if w.now_ms >= w.prove_ms:
        w.prove_ms = w.now_ms + PROVE_EVERY_MS
        for t in w.tenants.values():
            if t.orders:
                proof.prove(w, t)


def _fact(w: Warden, p: int, known_minute: int, fact: Fact) -> None:
    """One fact of partition `p`; totals of an arrival minute before `known_minute` have had their last word."""
    match fact:
        case Progress() | Share() | Tally() | Heaviest() | Shape():
            if fact.arrival_minute >= known_minute:
                _total(w, p, fact)
        case Finding():
            findings.heard(w, tenant(w, fact.tenant), fact)
        case RunSpend():
            findings.run_spent(w, tenant(w, fact.tenant), fact)
        case Purpose():
            t = tenant(w, fact.tenant)
            if all(known.id != fact.id for known in t.purposes):
                t.purposes.append(fact)
                del t.purposes[:-PURPOSES_KEPT]


def _total(w: Warden, p: int, fact: Progress | Tally | Share | Heaviest | Shape) -> None:
    match fact:
        case Progress():
            sums.so_far(w, tenant(w, fact.cell.tenant), p, fact.cell, fact)
        case Share():
            sums.so_far(w, tenant(w, fact.member.tenant), p, fact.member, fact)
        case Tally():
            sums.last_word(w, tenant(w, fact.cell.tenant), p, fact)
        case Heaviest():
            windows.callers(tenant(w, fact.tenant), fact)
        case Shape():
            windows.looks(tenant(w, fact.tenant), fact)


def policy_version(w: Warden) -> int:
    """Of the newest policy heard of, in force or coming; 0 before the first."""
    newest = w.coming or w.policy
    return newest.version if newest is not None else 0


def _take_policy(w: Warden, policy: PolicySet) -> None:
    """A policy not newer than the newest one heard of changes nothing; the first one holds at once."""
    if policy.version <= policy_version(w):
        return
    audit.published(w, policy)
    if w.policy is None or w.now_ms >= policy.from_ms:
        _adopt(w, policy)
    else:
        w.coming = policy


def _adopt(w: Warden, policy: PolicySet) -> None:
    """From here on this policy is in force; raising a limit never tells a line again."""
    before = w.plan
    w.policy, w.coming, w.plan = policy, None, compile_plan(policy)
    if w.tenants and w.plan.reports and (not before.reports or before.zone != w.plan.zone):
        days.begin(w)
    for t in w.tenants.values():
        for (name, _, _), period in t.periods.items():
            limit = w.plan.limit(name)
            if limit is not None:
                budgets.rearm(limit, period)
        for cell, event_minute in list(t.unpriced):
            sums.price_late(w, t, cell, event_minute)
