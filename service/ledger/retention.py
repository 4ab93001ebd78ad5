"""How long minutes are kept: after that the hour is the finest that is known, and every figure is as exact as before.

Every minute was also booked into its hour. First it is written down from which minute on minutes are known, which only rises and by which
the questions go; then they are forgotten in bounded steps, and it does not matter how far that has come. What is late for a minute that is
forgotten stands in its hour, and its row goes with the next round.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, delete, select, tuple_

from service.ledger.sql import put_newer
from service.ledger.tables import kept, minutes, subjects

ROWS_AT_ONCE: Final = 5_000
SUBJECTS_AT_ONCE: Final = 200
_MINUTE: Final = "minute"


def minutes_since(db: Connection) -> int:
    """From which minute on minutes are known, the beginning of an hour; 0 where all are."""
    return db.execute(select(kept.c.since).where(kept.c.grain == _MINUTE)).scalar() or 0


def forget_minutes(db: Connection, before: int, subject: int) -> int | None:
    """One step of a round that begins at subject 0: at which subject the next one goes on, None at the end.

    By subject, because that is how minutes are found quickly; nobody pays for an index of their times when they are booked.
    """
    assert before % 60 == 0, before
    put_newer(db, kept, [{"grain": _MINUTE, "since": before}], "since")
    some: Sequence[int] = db.execute(select(subjects.c.id).where(subjects.c.id >= subject).order_by(subjects.c.id).limit(SUBJECTS_AT_ONCE + 1)).scalars().all()
    old = select(minutes.c.subject, minutes.c.minute).where(minutes.c.subject.in_(some[:SUBJECTS_AT_ONCE]), minutes.c.minute < before).limit(ROWS_AT_ONCE)
    gone = db.execute(delete(minutes).where(tuple_(minutes.c.subject, minutes.c.minute).in_(old))).rowcount
    if gone == ROWS_AT_ONCE:
        return some[0]
    return some[SUBJECTS_AT_ONCE] if len(some) > SUBJECTS_AT_ONCE else None
