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
    """The first offset that is young enough to stay, 0 where nothing is old; a search by halves, since arrival never goes back."""
    low, high = await log.span(topic, partition)
    first, high = low, min(high, at_most)
    while low < high:
        middle = (low + high) // 2
        rows = await log.read(topic, partition, middle, 1)
        if rows and rows[0].arrival_ms < before_ms:
            low = middle + 1
        else:
            high = middle
    return low if low > first else 0
