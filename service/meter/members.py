"""Exact totals of the scopes that no cell names (users, keys, labels, runs) and that a limit of the policy asks for."""

from __future__ import annotations

from service.facts import Member, Scope
from service.meter.cells import MEMBERS_PER_MINUTE_MAX, OTHER, MemberKey, Open, OpenShare
from service.meter.state import Meter
from service.records import Usage


def add(meter: Meter, offset: int, u: Usage, nanos: int, tokens: int, event_ms: int, event_minute: int) -> None:
    """The record joins each member it belongs to, once."""
    for kind, names in meter.plan.plain_members:
        name: str = getattr(u, kind)
        if name and (names is None or name in names):
            _join(meter, (u.tenant, kind, name, event_minute), offset, nanos, tokens, event_ms)
    if meter.plan.patterned_members:
        for kind, name in meter.plan.patterned(u):
            _join(meter, (u.tenant, kind, name, event_minute), offset, nanos, tokens, event_ms)


def _join(meter: Meter, key: MemberKey, offset: int, nanos: int, tokens: int, event_ms: int) -> None:
    minute = meter.minute
    share = minute.members.get(key) or _open(meter, *key)
    share.records += 1
    share.nanos += nanos
    share.tokens += tokens
    share.offset = offset
    if event_ms > share.last_ms:  # noqa: PLR1730 -- twice as fast as max()
        share.last_ms = event_ms
    if not share.dirty:
        share.dirty = True
        minute.dirty_members.append(share)


def wait_for_price(meter: Meter, cell: Open, u: Usage) -> None:
    """The record's tokens, which nobody could price, wait for a price beside each member it belongs to."""
    if cell.unpriced is None:
        cell.unpriced = {}
    plain = [(kind, getattr(u, kind)) for kind, names in meter.plan.plain_members if getattr(u, kind) and (names is None or getattr(u, kind) in names)]
    known = meter.minute.members
    for kind, name in (*plain, *meter.plan.patterned(u)):
        folded = len(known) >= MEMBERS_PER_MINUTE_MAX and (u.tenant, kind, name, cell.event_minute) not in known
        tokens = cell.unpriced.setdefault(Scope(kind, OTHER if folded else name), [0, 0, 0, 0])
        for at, more in enumerate((u.input_tokens, u.cache_read_tokens, u.cache_write_tokens, u.output_tokens)):
            tokens[at] += more


def _open(meter: Meter, tenant: str, kind: str, name: str, event_minute: int) -> OpenShare:
    """A member's total, opened; beyond MEMBERS_PER_MINUTE_MAX it is one of `other`."""
    members = meter.minute.members
    if len(members) >= MEMBERS_PER_MINUTE_MAX:
        meter.counts.members_folded += 1
        name = OTHER
    return members.setdefault((tenant, kind, name, event_minute), OpenShare(Member(tenant, kind, name), event_minute))
