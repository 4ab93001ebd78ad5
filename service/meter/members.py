"""Exact totals of the scopes that no cell names (users, keys, labels, runs) and that a limit of the policy asks for."""

from __future__ import annotations

from service.facts import MINUTE_MS, Member
from service.meter.cells import MEMBERS_PER_MINUTE_MAX, OTHER, OpenShare
from service.meter.state import Meter
from service.records import Usage


def add(meter: Meter, offset: int, u: Usage, nanos: int, tokens: int, event_ms: int) -> None:
    """The record joins each member it belongs to, once."""
    event_minute = event_ms // MINUTE_MS
    minute = meter.minute
    for kind, name in meter.plan.members_of(u):
        share = minute.members.get((u.tenant, kind, name, event_minute))
        if share is None:
            share = _open(meter, u.tenant, kind, name, event_minute)
        share.records += 1
        share.nanos += nanos
        share.tokens += tokens
        share.offset = offset
        if event_ms > share.last_ms:  # noqa: PLR1730 -- twice as fast as max()
            share.last_ms = event_ms
        if not share.dirty:
            share.dirty = True
            minute.dirty_members.append(share)


def _open(meter: Meter, tenant: str, kind: str, name: str, event_minute: int) -> OpenShare:
    """A member's total, opened; beyond MEMBERS_PER_MINUTE_MAX it is one of `other`."""
    members = meter.minute.members
    if len(members) >= MEMBERS_PER_MINUTE_MAX:
        meter.counts.members_folded += 1
        name = OTHER
    return members.setdefault((tenant, kind, name, event_minute), OpenShare(Member(tenant, kind, name), event_minute))
