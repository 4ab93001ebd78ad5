"""Exact totals of the scopes that no cell names (users, keys, labels, runs) and that a limit of the policy asks for."""

from __future__ import annotations

from service.facts import MINUTE_MS, Member
from service.meter.cells import MEMBERS_PER_MINUTE_MAX, OTHER, OpenShare
from service.meter.state import Meter
from service.records import Usage


def add(meter: Meter, offset: int, u: Usage, nanos: int, tokens: int, event_ms: int) -> None:
    """The record joins each member it belongs to, once."""
    event_minute = event_ms // MINUTE_MS
    for kind, name in meter.plan.members_of(u):
        share = _open(meter, Member(u.tenant, kind, name), event_minute)
        share.records += 1
        share.nanos += nanos
        share.tokens += tokens
        share.last_ms = max(share.last_ms, event_ms)
        share.offset = offset
        if not share.dirty:
            share.dirty = True
            meter.minute.dirty_members.append(share)


def _open(meter: Meter, member: Member, event_minute: int) -> OpenShare:
    """The member's open total; beyond MEMBERS_PER_MINUTE_MAX it is one of `other`."""
    members = meter.minute.members
    share = members.get((member, event_minute))
    if share is None:
        if len(members) >= MEMBERS_PER_MINUTE_MAX:
            meter.counts.members_folded += 1
            member = Member(member.tenant, member.kind, OTHER)
        share = members.setdefault((member, event_minute), OpenShare(member, event_minute))
    return share
