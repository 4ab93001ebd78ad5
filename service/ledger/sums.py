"""What the meters said, as sums by minute and hour.

A last word of an arrival minute is added once: the first envelope whose mark lies beyond that minute brings all of them, and any
later one is an echo, known by the mark. What is said before the last word is absolute and replaced by the greatest offset. This
is how the warden hears them too, so the two cannot disagree.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, delete, select

from service.facts import MINUTE_MS, Cell, Counts, Envelope, Progress, Share, Tally, encode
from service.ledger.sql import add, put, put_newer
from service.ledger.subjects import Subject, Subjects
from service.ledger.tables import SUMS, hours, marks, minutes, open_minutes
from service.money import NANO

_decode_counts: Final = msgspec.msgpack.Decoder(Counts).decode


class _Word(NamedTuple):
    """What is known of a subject in an event minute; `sums` in the order of SUMS."""

    offset: int
    sums: tuple[int, ...]


_At = tuple[Subject, int]


class _Partition:
    """One stream partition as it is heard in a batch."""

    def __init__(self, mark_ms: int) -> None:
        self.mark_ms = mark_ms
        self.counts: Counts | None = None
        self.turned = False
        self.open: dict[_At, _Word] = {}

    def hear(self, envelope: Envelope, closed: dict[_At, list[int]]) -> None:
        known, told = self.mark_ms // MINUTE_MS, envelope.mark_ms // MINUTE_MS
        for fact in envelope.facts:
            if isinstance(fact, Tally | Progress | Share) and fact.arrival_minute >= known:
                self._hear(fact, told, closed)
        if envelope.mark_ms <= self.mark_ms:
            return
        self.mark_ms, self.counts = envelope.mark_ms, envelope.counts
        if told > known:
            self.turned = True
            self.open.clear()

    def _hear(self, fact: Tally | Progress | Share, told: int, closed: dict[_At, list[int]]) -> None:
        at = (fact.member if isinstance(fact, Share) else fact.cell, fact.event_minute)
        word = _Word(fact.offset, _sums(fact))
        if fact.arrival_minute < told:
            _add(closed[at], word.sums)
        elif at not in self.open or self.open[at].offset < fact.offset:
            self.open[at] = word


def project(db: Connection, subjects: Subjects, journal: int, envelopes: Sequence[Envelope], late: Iterable[tuple[Cell, int, int]] = ()) -> None:
    """Books what a journal partition heard. `late`: nano-dollars that belong to a cell and minute beyond what was said."""
    closed: dict[_At, list[int]] = defaultdict(lambda: [0] * len(SUMS))
    partitions = _load(db, journal, {envelope.partition for envelope in envelopes})
    for envelope in envelopes:
        partitions[envelope.partition].hear(envelope, closed)
    for cell, minute, nanos in late:
        _add(closed[cell, minute], _money(0, nanos))
    numbers = subjects.numbers(db, [subject for subject, _ in closed] + [subject for heard in partitions.values() for subject, _ in heard.open])
    _save_closed(db, numbers, closed)
    for partition, heard in partitions.items():
        _save_open(db, numbers, journal, partition, heard)


def counts_of(db: Connection) -> dict[int, Counts]:
    """The newest counts of each stream partition."""
    newest = db.execute(select(marks.c.partition, marks.c.counts).order_by(marks.c.mark_ms))
    return {partition: _decode_counts(body) for partition, body in newest}


def _load(db: Connection, journal: int, wanted: set[int]) -> dict[int, _Partition]:
    known = {row.partition: row.mark_ms for row in db.execute(select(marks.c.partition, marks.c.mark_ms).where(marks.c.journal == journal))}
    return {partition: _Partition(known.get(partition, 0)) for partition in sorted(wanted)}


def _save_closed(db: Connection, numbers: dict[Subject, int], closed: dict[_At, list[int]]) -> None:
    by_hour: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0] * len(SUMS))
    rows = []
    for (subject, minute), sums in closed.items():
        rows.append(_row(sums, subject=numbers[subject], minute=minute))
        _add(by_hour[numbers[subject], minute // 60], sums)
    add(db, minutes, rows, SUMS)
    add(db, hours, [_row(sums, subject=number, hour=hour) for (number, hour), sums in by_hour.items()], SUMS)


def _save_open(db: Connection, numbers: dict[Subject, int], journal: int, partition: int, heard: _Partition) -> None:
    if heard.turned:
        db.execute(delete(open_minutes).where(open_minutes.c.journal == journal, open_minutes.c.partition == partition))
    rows = [
        _row(word.sums, journal=journal, partition=partition, subject=numbers[subject], minute=minute, offset=word.offset)
        for (subject, minute), word in heard.open.items()
    ]
    put_newer(db, open_minutes, rows, "offset")
    if heard.counts is not None:
        put(db, marks, [{"journal": journal, "partition": partition, "mark_ms": heard.mark_ms, "counts": encode(heard.counts)}])


def _sums(fact: Tally | Progress | Share) -> tuple[int, ...]:
    match fact:
        case Tally():
            m = fact.sums
            tokens = (m.input + m.cache_read + m.cache_write + m.output, m.input, m.cache_read, m.cache_write, m.output, m.reasoning)
            return (*_money(m.records, m.nanos, *tokens)[:9], m.calls, m.errors, m.retries, m.unpriced)
        case Progress():
            return _money(fact.records, fact.nanos, fact.tokens, fact.input, fact.cache_read, fact.cache_write, fact.output, fact.reasoning)
        case Share():
            return _money(fact.records, fact.nanos, fact.tokens)


def _money(records: int, nanos: int, *tokens: int) -> tuple[int, ...]:
    """A row of SUMS; `tokens` are their total, then their kinds, as far as they are known."""
    known = (records, nanos // NANO, nanos % NANO, *tokens)
    return known + (0,) * (len(SUMS) - len(known))


def _add(sums: list[int], more: Iterable[int]) -> None:
    for at, number in enumerate(more):
        sums[at] += number


def _row(sums: Iterable[int], **keys: int) -> dict[str, Any]:
    return {**dict(zip(SUMS, sums, strict=True)), **keys}
