"""The rows of the logs: what the stream and the journal hold."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from service.facts.names import Scope
from service.facts.said import Counts, Fact
from service.records import Change, Outcome, Usage


class Tick(Struct, array_like=True, tag="k", gc=False):
    """Time has passed: appended by the owner so that a quiet partition goes on."""


class PolicySet(Struct, array_like=True, tag="p"):
    """A policy takes effect at the first arrival from `from_ms` on, so that all partitions change at the same time of the log.

    `body` is the whole policy as `service.policy.dump` writes it; `by` is who applied it, where a person did.
    """

    version: int
    digest: str
    body: bytes
    from_ms: int = 0
    by: str = ""


class Envelope(Struct, array_like=True, tag="e"):
    """All facts that one stream partition says at one mark, to one journal partition.

    `mark_ms`: all that arrived before it has been heard; `offset`: up to which row of the stream.
    """

    partition: int
    mark_ms: int
    offset: int
    facts: list[Fact]
    counts: Counts


ControlAction: TypeAlias = Literal["acknowledge", "snooze", "pause", "throttle", "degrade", "resume", "verdict", "plan", "note", "ticket"]


class Control(Struct, array_like=True, tag="a"):
    """What a person asked for."""

    id: str
    tenant: str
    action: ControlAction
    by: str
    incident: str = ""
    order: str = ""
    scope: Scope | None = None
    reason: str = ""
    until_ms: int | None = None
    approved_by: str = ""
    verdict: str = ""
    from_ms: int | None = None
    extra_nanos: int | None = None


class Receipt(Struct, array_like=True, tag="v"):
    """How a delivery ended: `delivered`, `accepted`, `refused` or `failed`, for an order or a notice, at a receiver."""

    id: str
    receiver: str
    state: str
    reason: str = ""
    tenant: str = ""


StreamRow: TypeAlias = Usage | Outcome | Change
StreamItem: TypeAlias = Tick | PolicySet
JournalRow: TypeAlias = Envelope | Tick | PolicySet | Control | Receipt
