"""Absolute totals become differences, once: what a word on a cell or member adds to what was known counts for every limit.

The greatest offset wins within an open arrival minute, and a minute that is over is never heard again; so hearing a word twice, or
from an owner that woke up late, changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from service.facts import MINUTE_MS, Cell, Member, PricedLate, Progress, Scope, Share, Tally
from service.prices import Rates, cost
from service.warden import budgets, days, proof, windows
from service.warden.plan import Limit
from service.warden.state import Heard, Tenant, Warden

UNPRICED_MAX: Final = 50_000  # cells and minutes whose tokens wait for a price; more stay without one, counted
UNPRICED_MEMBERS_MAX: Final = 200_000  # users, keys, labels of these; a further one's budget stays without, counted


def so_far(w: Warden, t: Tenant, p: int, key: Cell | Member, fact: Progress | Share) -> None:
    """The totals so far of a cell or member, `key`."""
    open_minutes = t.heard.get(p)
    if open_minutes is None:
        open_minutes = t.heard[p] = {}
    whole = (key, fact.event_minute, fact.arrival_minute)
    known, nanos, tokens = open_minutes.get(whole), fact.nanos, fact.tokens
    if known is None:
        open_minutes[whole] = Heard(fact.offset, nanos, tokens, fact.records)
    elif fact.offset <= known.offset:
        return
    else:
        more = nanos - known.nanos, tokens - known.tokens
        known.offset, known.nanos, known.tokens, known.records = fact.offset, nanos, tokens, fact.records
        nanos, tokens = more
    _spend(w, t, key, fact.event_minute, nanos, tokens, fact.last_ms)


def last_word(w: Warden, t: Tenant, p: int, fact: Tally) -> None:
    """A cell's totals of an arrival minute that is over: into the limits, the totals, and the window."""
    s = fact.sums
    known = t.heard.get(p, {}).pop((fact.cell, fact.event_minute, fact.arrival_minute), None)
    nanos, tokens = s.nanos, s.input + s.cache_read + s.cache_write + s.output
    if known is not None:
        nanos, tokens = nanos - known.nanos, tokens - known.tokens
    _spend(w, t, fact.cell, fact.event_minute, nanos, tokens, s.last_ms)
    for scope in w.plan.view(fact.cell).scopes:
        total = t.totals.get(scope)
        if total is None:
            t.totals[scope] = [s.records, s.nanos]
        else:
            total[0] += s.records
            total[1] += s.nanos
    days.counted(w, t, fact.cell, fact.event_minute, s)
    _wait_for_price(w, t, fact)
    windows.take(w, t, fact)


def forget(t: Tenant, p: int, minute: int) -> None:
    """Arrival minutes that are over have had their last word; the open one may have begun in this very envelope."""
    open_minutes = t.heard.get(p)
    if open_minutes:
        t.heard[p] = {key: heard for key, heard in open_minutes.items() if key[2] >= minute}


def _spend(w: Warden, t: Tenant, key: Cell | Member, event_minute: int, nanos: int, tokens: int, last_ms: int) -> None:
    """So much more was spent: it counts against orders that stand on its scopes, and against every limit."""
    if not nanos and not tokens:
        return
    if isinstance(key, Cell):
        view = w.plan.view(key)
        scopes, limits = view.scopes, view.limits
        days.spent(w, t, key, event_minute, nanos)
    else:
        scopes, limits = (Scope(key.kind, key.name),), w.plan.member_limits(key)
    if t.tracked:
        for scope in scopes:
            if scope in t.tracked:
                proof.spent(t, scope, nanos, last_ms)
    for limit, member in limits:
        more = tokens if limit.tokens else nanos
        if more:
            budgets.add(w, t, limit, member, event_minute, more, last_ms)


def _wait_for_price(w: Warden, t: Tenant, fact: Tally) -> None:
    s, key = fact.sums, (fact.cell, fact.event_minute)
    waiting = [s.unpriced_input, s.unpriced_cache_read, s.unpriced_cache_write, s.unpriced_output]
    if not any(waiting) or not fact.cell.model:
        return
    if len(t.unpriced) >= UNPRICED_MAX and key not in t.unpriced:
        t.unpriced_folded += 1
        return
    _join(t.unpriced.setdefault(key, [0, 0, 0, 0]), waiting)
    for member, tokens in (fact.unpriced or {}).items():
        _member_waits(t, t.unpriced_of.setdefault(key, {}), member, tokens)
    price_late(w, t, fact.cell, fact.event_minute)  # its price may have come while its minute was open


def _member_waits(t: Tenant, members: dict[Scope, list[int]], member: Scope, tokens: list[int]) -> None:
    if member not in members:
        if t.unpriced_members >= UNPRICED_MEMBERS_MAX:
            t.unpriced_folded += 1
            return
        t.unpriced_members += 1
        members[member] = [0, 0, 0, 0]
    _join(members[member], tokens)


def _join(tokens: list[int], more: list[int]) -> None:
    for at, count in enumerate(more):
        tokens[at] += count


def price_late(w: Warden, t: Tenant, cell: Cell, event_minute: int) -> None:
    """Tokens that had no price are counted, once, as soon as the policy knows one; caps do not look back."""
    rates = w.plan.book.rates(cell.provider, cell.model, event_minute * MINUTE_MS)
    if rates is None:
        return
    nanos = _cost(rates, t.unpriced.pop((cell, event_minute)), batch=cell.batch)
    members = t.unpriced_of.pop((cell, event_minute), {})
    t.unpriced_members -= len(members)
    view = w.plan.view(cell)
    for scope in view.scopes:
        t.totals[scope][1] += nanos
    days.spent(w, t, cell, event_minute, nanos)
    _late(w, t, view.limits, event_minute, nanos)
    for member, part in split(rates, members, batch=cell.batch):
        _late(w, t, w.plan.member_limits(Member(t.name, *member)), event_minute, part)
    w.out.append(PricedLate(w.now_ms, cell, event_minute, nanos))


def _late(w: Warden, t: Tenant, limits: Iterable[tuple[Limit, str]], event_minute: int, nanos: int) -> None:
    for limit, member in limits:
        if not limit.tokens:
            budgets.add(w, t, limit, member, event_minute, nanos, event_minute * MINUTE_MS)


def split(rates: Rates, members: Mapping[Scope, list[int]], *, batch: bool) -> Iterator[tuple[Scope, int]]:
    """What the tokens of each member cost, in nanos, so that those of one kind add up to what their tokens cost together.

    >>> rates = Rates(600, 0, 0, 0)  # pico-dollars a token
    >>> list(split(rates, {Scope("user", name): [1, 0, 0, 0] for name in "abc"}, batch=False))
    [(Scope(kind='user', name='a'), 0), (Scope(kind='user', name='b'), 1), (Scope(kind='user', name='c'), 0)]
    """
    together: dict[str, list[int]] = {}
    paid: dict[str, int] = {}
    for member, tokens in sorted(members.items()):
        so_far = together.setdefault(member.kind, [0, 0, 0, 0])
        _join(so_far, tokens)
        nanos = _cost(rates, so_far, batch=batch)
        yield member, nanos - paid.get(member.kind, 0)
        paid[member.kind] = nanos


def _cost(rates: Rates, tokens: list[int], *, batch: bool) -> int:
    fresh, read, written, output = tokens
    return cost(rates, fresh, read, written, output, batch)[0]
