"""The books: built only from facts, each heard exactly once, because how far was read is saved in the transaction that books it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import DBAPIError

from service.books import IncidentStory, ListQuestion, OrderStory, Page, Spend, SpendQuestion
from service.facts import Control, Counts, Decision, Envelope, Incident, PricedLate, Receipt, decode_journal, decode_outbox
from service.ledger import listing, retention, spending, sums
from service.ledger.decisions import Place, book_decisions, book_said
from service.ledger.sql import engine_of, put, reading, writing
from service.ledger.subjects import Subjects
from service.ledger.tables import meta, places
from service.log.ports import JOURNAL, OUTBOX, LogError, Row

BEFORE_ALL: Final = -1


class Ledger:
    """Keeps and answers `service.books.Books`. One thread or process books a partition at a time; any number may ask.

    `url` as SQLAlchemy writes databases: `sqlite:///DIR/ledger.db` or `postgresql+psycopg://...`; raises LogError when there is none.
    """

    def __init__(self, url: str) -> None:
        self._engine = engine_of(url)
        self._writer, self._reader = writing(self._engine), reading(self._engine)
        self._subjects = Subjects()
        with _telling("cannot open the books"), self._writer.begin() as db:
            meta.create_all(db)

    def close(self) -> None:
        """Lets go of the database."""
        self._engine.dispose()

    # ------------------------------------------------------------ booking

    def next_offset(self, topic: str, partition: int) -> int:
        """From where to go on reading a partition of `journal` or `outbox`."""
        with self._asking() as db:
            asked = select(places.c.next_offset).where(places.c.topic == topic, places.c.partition == partition)
            return db.execute(asked).scalar() or 0

    def apply(self, partition: int, rows: Sequence[Row]) -> int:
        """Books rows of a journal partition and returns the next offset to read; rows that were booked before change nothing.

        Raises LogError when the database cannot be written, and then nothing of the call is booked.
        """
        with self._booking(JOURNAL, partition, rows) as (db, new, _):
            envelopes: list[Envelope] = []
            said: list[tuple[int, Control | Receipt]] = []
            for row in new:
                fact = decode_journal(row.value)
                if isinstance(fact, Envelope):
                    envelopes.append(fact)
                elif isinstance(fact, Control | Receipt):
                    said.append((row.arrival_ms, fact))
            sums.project(db, self._subjects, partition, envelopes)
            book_said(db, said)
        return self.next_offset(JOURNAL, partition)

    def apply_outbox(self, partition: int, rows: Sequence[Row]) -> int:
        """The same for rows of an outbox partition; an answer to a journal row that was answered before is an echo."""
        with self._booking(OUTBOX, partition, rows) as (db, new, before):
            decided_at = before
            decided: list[tuple[Place, Decision]] = []
            for row in new:
                answer = decode_outbox(row.value)
                if answer.at > decided_at:
                    decided_at = answer.at
                    decided += [(Place(partition, answer.at, n), decision) for n, decision in enumerate(answer.decisions)]
            book_decisions(db, decided)
            late = [(it.cell, it.event_minute, it.nanos) for _, it in decided if isinstance(it, PricedLate)]
            sums.project(db, self._subjects, partition, [], late)
            db.execute(update(places).where(places.c.topic == OUTBOX, places.c.partition == partition).values(decided_at=decided_at))
        return self.next_offset(OUTBOX, partition)

    def forget_minutes(self, before: int, subject: int = 0) -> int | None:
        """Keeps only by the hour what lies before a minute that begins an hour, in steps: where the next step goes on, None at the end.

        Raises LogError when the database cannot be written.
        """
        with _telling("cannot forget minutes"), self._writer.begin() as db:
            return retention.forget_minutes(db, before, subject)

    @contextmanager
    def _booking(self, topic: str, partition: int, rows: Sequence[Row]) -> Iterator[tuple[Connection, list[Row], int]]:
        """One transaction: the rows not booked yet, what was decided last, and at its end how far was read."""
        try:
            with _telling(f"cannot book {topic} {partition}"), self._writer.begin() as db:
                put(db, places, [{"topic": topic, "partition": partition, "next_offset": 0, "decided_at": BEFORE_ALL}], keep_first=True)
                this = (places.c.topic == topic, places.c.partition == partition)
                next_offset, decided_at = db.execute(select(places.c.next_offset, places.c.decided_at).where(*this).with_for_update()).one()
                new = [row for row in rows if row.offset >= next_offset]
                yield db, new, decided_at
                if new:
                    db.execute(update(places).where(*this).values(next_offset=new[-1].offset + 1))
        except BaseException:
            self._subjects.forget()
            raise

    # ------------------------------------------------------------ questions: each raises LogError when the database cannot be asked

    @contextmanager
    def _asking(self) -> Iterator[Connection]:
        with _telling("cannot ask the books"), self._reader.begin() as db:
            yield db

    def spend(self, asked: SpendQuestion) -> Spend:
        """Exact sums, as far as the journal has been booked; where minutes are no longer kept, of whole hours."""
        with self._asking() as db:
            return spending.spend(db, asked)

    def incidents(self, asked: ListQuestion) -> Page[Incident]:
        """The latest step of each incident; raises BadCursorError."""
        with self._asking() as db:
            return listing.list_incidents(db, asked)

    def incident(self, incident_id: str, tenant: str | None) -> IncidentStory | None:
        """One incident's story."""
        with self._asking() as db:
            return listing.find_incident(db, incident_id, tenant)

    def orders(self, asked: ListQuestion) -> Page[OrderStory]:
        """Orders with their states; raises BadCursorError."""
        with self._asking() as db:
            return listing.list_orders(db, asked)

    def order(self, order_id: str, tenant: str | None) -> OrderStory | None:
        """One order."""
        with self._asking() as db:
            return listing.find_order(db, order_id, tenant)

    def paused(self, asked: ListQuestion, now_ms: int) -> Page[OrderStory]:
        """The pauses that hold now; raises BadCursorError."""
        with self._asking() as db:
            return listing.list_paused(db, asked, now_ms)

    def counts(self) -> dict[int, Counts]:
        """What each stream partition has heard since its beginning."""
        with self._asking() as db:
            return sums.counts_of(db)


@contextmanager
def _telling(what: str) -> Iterator[None]:
    """Turns what the database says into a LogError."""
    try:
        yield
    except DBAPIError as error:
        raise LogError(f"{what}: {error.orig}") from error
