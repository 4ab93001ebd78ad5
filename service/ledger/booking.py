"""Rows of the logs become rows of the books, each exactly once: how far was read is saved in the transaction that books it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, delete, select, update

from service.facts import Control, Decision, Envelope, PricedLate, Receipt, decode_journal, decode_outbox
from service.ledger import sums
from service.ledger.decisions import Place, book_decisions, book_said
from service.ledger.sql import lock, put
from service.ledger.subjects import Subjects
from service.ledger.tables import audit, meta, places, subjects
from service.log.ports import JOURNAL, Row

BEFORE_ALL: Final = -1


def book(db: Connection, known: Subjects, topic: str, partition: int, rows: Sequence[Row]) -> int:
    """Books rows of a partition of `journal` or `outbox` and returns the next offset to read; rows that were booked before change nothing."""
    put(db, places, [_place(topic, partition, 0)], keep_first=True)
    this = (places.c.topic == topic, places.c.partition == partition)
    next_offset, decided_at = db.execute(select(places.c.next_offset, places.c.decided_at).where(*this).with_for_update()).one()
    new = [row for row in rows if row.offset >= next_offset]
    if not new:
        return int(next_offset)
    if topic == JOURNAL:
        _book_journal(db, known, partition, new)
    else:
        decided_at = _book_outbox(db, known, partition, new, decided_at)
    following = new[-1].offset + 1
    db.execute(update(places).where(*this).values(next_offset=following, decided_at=decided_at))
    return following


def empty(db: Connection, begins: Mapping[tuple[str, int], int]) -> None:
    """Forgets everything but the audit, and the subjects' numbers, which other processes have in memory; partitions will be read from where they begin.

    Who books meanwhile writes its place first, and so is waited for, or waits before it has touched anything.
    """
    lock(db, places)
    for table in meta.sorted_tables:
        if table not in (subjects, audit):
            db.execute(delete(table))
    put(db, places, [_place(topic, partition, first) for (topic, partition), first in begins.items() if first])


def _place(topic: str, partition: int, next_offset: int) -> dict[str, str | int]:
    return {"topic": topic, "partition": partition, "next_offset": next_offset, "decided_at": BEFORE_ALL}


def _book_journal(db: Connection, known: Subjects, partition: int, rows: Sequence[Row]) -> None:
    envelopes: list[Envelope] = []
    said: list[tuple[int, Control | Receipt]] = []
    for row in rows:
        fact = decode_journal(row.value)
        if isinstance(fact, Envelope):
            envelopes.append(fact)
        elif isinstance(fact, Control | Receipt):
            said.append((row.arrival_ms, fact))
    sums.project(db, known, partition, envelopes)
    book_said(db, said)


def _book_outbox(db: Connection, known: Subjects, partition: int, rows: Sequence[Row], decided_at: int) -> int:
    """An answer to a journal row that was answered before is an echo. Returns the last journal row that is answered now."""
    decided: list[tuple[Place, Decision]] = []
    for row in rows:
        answer = decode_outbox(row.value)
        if answer.at > decided_at:
            decided_at = answer.at
            decided += [(Place(partition, answer.at, n), decision) for n, decision in enumerate(answer.decisions)]
    book_decisions(db, decided)
    late = [(it.cell, it.event_minute, it.nanos) for _, it in decided if isinstance(it, PricedLate)]
    sums.project(db, known, partition, [], late)
    return decided_at
