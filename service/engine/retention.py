"""Logs are kept for named days, and never less than what a restored owner would have to read again."""

from __future__ import annotations

from typing import Final, NamedTuple

from service.engine.owners import Owners
from service.log.ports import JOURNAL, OUTBOX, STREAM, Log

DAY_MS: Final = 86_400_000


class Kept(NamedTuple):
    """How long the rows of each log stay, in days."""

    stream_days: int = 7
    journal_days: int = 35
    outbox_days: int = 35


async def trim(log: Log, owners: Owners, kept: Kept, now_ms: int) -> None:
    """Forgets what is older; an owner is saved first, so that its snapshot needs none of it."""
    days = {STREAM: kept.stream_days, JOURNAL: kept.journal_days}
    for owner in owners.all():
        before = await _older(log, owner.fold.source, owner.partition, now_ms - days[owner.fold.source] * DAY_MS, owner.offset)
        if before:
            await owner.save(now_ms)
            await log.trim(owner.fold.source, owner.partition, before)
    for partition in owners.wardens:
        before = await _older(log, OUTBOX, partition, now_ms - kept.outbox_days * DAY_MS, 1 << 62)
        if before:
            await log.trim(OUTBOX, partition, before)


async def _older(log: Log, topic: str, partition: int, before_ms: int, at_most: int) -> int:
    """The first offset that is young enough to stay, 0 where nothing is old."""
    first, _ = await log.span(topic, partition)
    young = min(await log.since(topic, partition, before_ms), at_most)
    return young if young > first else 0
