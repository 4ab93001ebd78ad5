"""The books, built anew from the logs: what they say afterwards is what the logs say, whatever became of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from service.ledger import Ledger
from service.log.ports import JOURNAL, OUTBOX, Log, LogError
from service.records import rfc3339

ROWS_AT_ONCE: Final = 10_000


class Source(NamedTuple):
    """A partition to be booked: rows from `first` on, before `end`."""

    topic: str
    partition: int
    first: int
    end: int


async def sources_of(log: Log, partitions: int) -> list[Source]:
    """Both logs of so many partitions, as far as they have come."""
    return [Source(topic, number, *await log.span(topic, number)) for topic in (JOURNAL, OUTBOX) for number in range(partitions)]


async def lost(log: Log, sources: Sequence[Source]) -> list[str]:
    """What was trimmed away, a sentence for each partition; nothing where all is there from the beginning."""
    return [await _loss(log, source) for source in sources if source.first > 0]


async def _loss(log: Log, source: Source) -> str:
    rows = await log.read(source.topic, source.partition, source.first, 1)
    since = f"everything before {rfc3339(rows[0].arrival_ms)}" if rows else "everything"
    return f"{source.topic} {source.partition}: {since} has been trimmed away ({source.first:,} rows)"


async def rebuild(log: Log, ledger: Ledger, sources: Sequence[Source], booked: Callable[[int], object] = lambda _: None) -> None:
    """Books all of the sources in one transaction; until its end everyone sees what stood there before, and a failure leaves that.

    A service may run on the books: it waits, and goes on from where this has come to. `booked` hears of so many rows more. Raises LogError.
    """
    with ledger.anew({(it.topic, it.partition): it.first for it in sources}) as book:
        for topic, partition, first, end in sources:
            offset = first
            while offset < end:
                rows = await log.read(topic, partition, offset, min(ROWS_AT_ONCE, end - offset))
                if not rows:
                    raise LogError(f"{topic} {partition}: offset {offset} cannot be read, though there are rows up to {end}")
                offset = book(topic, partition, rows)
                booked(len(rows))
