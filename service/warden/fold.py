"""The warden's fold: one row of the journal in, what it decides out.

Tallies are absolute and the greatest offset wins, so hearing one twice, or from an owner that woke up late, changes nothing. Budget
lines and caps are decided as they are heard; windows close, silence is judged and stops are proved by the least mark of all stream
partitions, in the log's own time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from service.facts import (
    MINUTE_MS,
    Cell,
    Control,
    Envelope,
    Fact,
    Finding,
    Heaviest,
    JournalRow,
    Member,
    Outbox,
    PolicySet,
    PricedLate,
    Progress,
    Purpose,
    Receipt,
    RunSpend,
    Scope,
    Share,
    Tally,
    Tick,
)
from service.prices import cost
from service.warden import budgets, controls, findings, incidents, orders, windows
from service.warden.plan import compile_plan
from service.warden.state import Heard, Tenant, Warden

VERSION: Final = 1
PURPOSES_KEPT: Final = 2_000
UNPRICED_MAX: Final = 50_000
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


def hear(w: Warden, arrival_ms: int, row: JournalRow) -> list:  # type: ignore[type-arg]
    """Folds one row and returns its decisions; the list is the state's own until `w.out` is replaced."""
    w.now_ms = max(w.now_ms, arrival_ms)
    if type(row) is Envelope:
        _envelope(w, row)
    elif isinstance(row, PolicySet):
        _adopt(w, row)
    elif isinstance(row, Control):
        controls.obey(w, tenant(w, row.tenant), row)
    elif isinstance(row, Receipt):
        for t in w.tenants.values():
            if row.id in t.orders:
                orders.receipt(w, t, row)
    else:
        assert isinstance(row, Tick)
    minute = w.now_ms // MINUTE_MS
    if minute > w.minute:
        w.minute = minute
        for t in w.tenants.values():
            incidents.housekeeping(w, t)
    return w.out


def tenant(w: Warden, name: str) -> Tenant:
    """A tenant's books, begun at its first fact."""
    t = w.tenants.get(name)
    if t is None:
        t = w.tenants[name] = Tenant(name)
    return t


def _envelope(w: Warden, e: Envelope) -> None:
    if not w.marks:
        w.marks = [0] * w.partitions
    known_minute = w.marks[e.partition] // MINUTE_MS
    for fact in e.facts:
        _fact(w, e.partition, known_minute, fact)
    if e.mark_ms > w.marks[e.partition]:
        w.counts[e.partition] = e.counts
        if e.mark_ms // MINUTE_MS > known_minute:
            for t in w.tenants.values():
                _forget_heard(t, e.partition, e.mark_ms // MINUTE_MS)
        w.marks[e.partition] = e.mark_ms
        windows.close(w)
        if w.now_ms >= w.prove_ms:
            w.prove_ms = w.now_ms + PROVE_EVERY_MS
            for t in w.tenants.values():
                if t.orders:
                    orders.prove(w, t)


def _forget_heard(t: Tenant, p: int, minute: int) -> None:
    """Arrival minutes that are over have had their last word; the open one may have begun in this very envelope."""
    open_minute = t.heard.get(p)
    if open_minute:
        t.heard[p] = {key: heard for key, heard in open_minute.items() if key[2] >= minute}


def _fact(w: Warden, p: int, known_minute: int, fact: Fact) -> None:
    match fact:
        case Progress():
            if fact.arrival_minute >= known_minute:
                t = tenant(w, fact.cell.tenant)
                _sum(w, t, p, fact.cell, (fact.event_minute, fact.arrival_minute), fact.offset, fact.nanos, fact.tokens, fact.records, fact.last_ms, last=False)
        case Tally():
            if fact.arrival_minute >= known_minute:
                _last_word(w, p, fact)
        case Share():
            if fact.arrival_minute >= known_minute:
                t = tenant(w, fact.member.tenant)
                _sum(w, t, p, fact.member, (fact.event_minute, fact.arrival_minute), fact.offset, fact.nanos, fact.tokens, fact.records, fact.last_ms, last=False)
        case Heaviest():
            if fact.arrival_minute >= known_minute:
                windows.callers(tenant(w, fact.tenant), fact)
        case Finding():
            findings.heard(w, tenant(w, fact.tenant), fact)
        case RunSpend():
            findings.run_spent(w, tenant(w, fact.tenant), fact)
        case Purpose():
            t = tenant(w, fact.tenant)
            if all(known.id != fact.id for known in t.purposes):
                t.purposes.append(fact)
                del t.purposes[:-PURPOSES_KEPT]


def _sum(w: Warden, t: Tenant, p: int, key: Cell | Member, minutes: tuple[int, int], offset: int, nanos: int, tokens: int, records: int, last_ms: int, *, last: bool) -> None:
    """Adds what an absolute total says beyond what was known of it, to every limit it counts for; `minutes` are of event and arrival."""
    open_minute = t.heard.get(p)
    if open_minute is None:
        open_minute = t.heard[p] = {}
    known = open_minute.get((key, *minutes))
    if known is None:
        more_nanos, more_tokens = nanos, tokens
        if not last:
            open_minute[(key, *minutes)] = Heard(offset, nanos, tokens, records)
    else:
        if offset < known.offset or (offset == known.offset and not last):
            return
        more_nanos, more_tokens = nanos - known.nanos, tokens - known.tokens
        known.offset, known.nanos, known.tokens, known.records = offset, nanos, tokens, records
    if not more_nanos and not more_tokens:
        return
    if isinstance(key, Cell):
        view = w.plan.view(key)
        limits = view.limits
        if t.tracked:
            for scope in view.scopes:
                if scope in t.tracked:
                    orders.spent(t, scope, more_nanos, last_ms)
    else:
        limits = tuple(w.plan.member_limits(key.tenant, key.kind, key.name))
        scope = Scope(key.kind, key.name)
        if scope in t.tracked:
            orders.spent(t, scope, more_nanos, last_ms)
    for limit, member in limits:
        more = more_tokens if limit.tokens else more_nanos
        if more:
            budgets.add(w, t, limit, member, minutes[0], more, last_ms)


def _last_word(w: Warden, p: int, fact: Tally) -> None:
    s = fact.sums
    t = tenant(w, fact.cell.tenant)
    tokens = s.input + s.cache_read + s.cache_write + s.output
    _sum(w, t, p, fact.cell, (fact.event_minute, fact.arrival_minute), fact.offset, s.nanos, tokens, s.records, s.last_ms, last=True)
    t.heard[p].pop((fact.cell, fact.event_minute, fact.arrival_minute), None)
    for scope in w.plan.view(fact.cell).scopes:
        total = t.totals.get(scope)
        if total is None:
            t.totals[scope] = [s.records, s.nanos]
        else:
            total[0] += s.records
            total[1] += s.nanos
    waiting = (s.unpriced_input, s.unpriced_cache_read, s.unpriced_cache_write, s.unpriced_output)
    if any(waiting) and fact.cell.model and len(t.unpriced) < UNPRICED_MAX:
        known = t.unpriced.setdefault((fact.cell, fact.event_minute), [0, 0, 0, 0])
        for at, more in enumerate(waiting):
            known[at] += more
        _price_late(w, t, fact.cell, fact.event_minute)  # its price may have come while its minute was open
    windows.take(w, t, fact)


def _adopt(w: Warden, policy: PolicySet) -> None:
    """A policy not newer than the one in force changes nothing; raising a limit never tells a line again."""
    if w.policy is not None and policy.version <= w.policy.version:
        return
    w.policy = policy
    w.plan = compile_plan(policy)
    for t in w.tenants.values():
        for (name, _, _), period in t.periods.items():
            limit = w.plan.limit(name)
            if limit is not None:
                budgets.rearm(limit, period)
        for cell, event_minute in list(t.unpriced):
            _price_late(w, t, cell, event_minute)


def _price_late(w: Warden, t: Tenant, cell: Cell, event_minute: int) -> None:
    """Tokens that had no price are counted, once, as soon as the policy knows one; caps do not look back."""
    rates = w.plan.book.rates(cell.provider, cell.model, event_minute * MINUTE_MS)
    if rates is None:
        return
    tokens = t.unpriced.pop((cell, event_minute))
    nanos, _ = cost(rates, tokens[0], tokens[1], tokens[2], tokens[3], cell.batch)
    view = w.plan.view(cell)
    for scope in view.scopes:
        t.totals[scope][1] += nanos
    for limit, member in view.limits:
        if not limit.tokens:
            budgets.add(w, t, limit, member, event_minute, nanos, event_minute * MINUTE_MS)
    w.out.append(PricedLate(w.now_ms, cell, event_minute, nanos))
