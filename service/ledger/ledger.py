"""The books: built only from facts, each heard exactly once, because how far was read is saved in the transaction that books it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

from sqlalchemy import Connection, event, select
from sqlalchemy.exc import DBAPIError

from service.books import Cells, CellsQuestion, IncidentStory, ListQuestion, OrderStory, Page, Spend, SpendQuestion
from service.facts import Audited, Counts, Incident, Notice, Scope
from service.ledger import audit, cells, listing, retention, spending, sums
from service.ledger.audit import Kept
from service.ledger.booking import BEFORE_ALL, book, empty
from service.ledger.sql import engine_of, make, reading, told, writing
from service.ledger.subjects import Subjects
from service.ledger.tables import meta, places
from service.log.ports import JOURNAL, OUTBOX, LogError, Row


class Ledger:
    """Keeps and answers `service.books.Books`. One thread or process books a partition at a time; any number may ask.

    `url` as SQLAlchemy writes databases: `sqlite:///DIR/ledger.db` or `postgresql+psycopg://...`; raises LogError when there is none.
    """

    def __init__(self, url: str) -> None:
        self._engine = engine_of(url)
        self._writer, self._reader = writing(self._engine), reading(self._engine)
        self._subjects = Subjects()
        event.listen(self._engine, "connect", self._subjects.doubt)
        with _telling("cannot open the books"):
            make(self._writer, meta)

    def close(self) -> None:
        """Lets go of the database."""
        self._engine.dispose()

    # ------------------------------------------------------------ booking

    def next_offset(self, topic: str, partition: int) -> int:
        """From where to go on reading a partition of `journal` or `outbox`."""
        with self._asking() as db:
            asked = select(places.c.next_offset).where(places.c.topic == topic, places.c.partition == partition)
            return db.execute(asked).scalar() or 0

    def answered(self, partition: int) -> int:
        """The last row of a journal partition of which the answer is booked; below 0 where none is."""
        with self._asking() as db:
            found = db.execute(select(places.c.decided_at).where(places.c.topic == OUTBOX, places.c.partition == partition)).scalar()
            return BEFORE_ALL if found is None else found

    def apply(self, partition: int, rows: Sequence[Row]) -> int:
        """Books rows of a journal partition and returns the next offset to read; rows that were booked before change nothing.

        Raises LogError when the database cannot be written, and then nothing of the call is booked.
        """
        return self._book(JOURNAL, partition, rows)

    def apply_outbox(self, partition: int, rows: Sequence[Row]) -> int:
        """The same for rows of an outbox partition; an answer to a journal row that was answered before is an echo."""
        return self._book(OUTBOX, partition, rows)

    def _book(self, topic: str, partition: int, rows: Sequence[Row]) -> int:
        try:
            with _telling(f"cannot book {topic} {partition}"), self._writer.begin() as db:
                return book(db, self._subjects, topic, partition, rows)
        except BaseException:
            self._subjects.doubt()
            raise

    @contextmanager
    def anew(self, begins: Mapping[tuple[str, int], int]) -> Iterator[Callable[[str, int, Sequence[Row]], int]]:
        """Empties the books and gives what books rows of a partition, all in one transaction: until it ends everyone sees what stood there.

        `begins` says for a topic and partition from which offset on there are rows. Raises LogError, and then the books are as they were.
        """
        with _telling("cannot rebuild the books"), self._writer.begin() as db:
            empty(db, begins)
            yield partial(book, db, Subjects())

    def forget_minutes(self, before: int, subject: int = 0) -> int | None:
        """Keeps only by the hour what lies before a minute that begins an hour, in steps: where the next step goes on, None at the end.

        Raises LogError when the database cannot be written.
        """
        with _telling("cannot forget minutes"), self._writer.begin() as db:
            return retention.forget_minutes(db, before, subject)

    # ------------------------------------------------------------ questions: each raises LogError when the database cannot be asked

    @contextmanager
    def _asking(self) -> Iterator[Connection]:
        with _telling("cannot ask the books"), self._reader.begin() as db:
            yield db

    def spend(self, asked: SpendQuestion) -> Spend:
        """Exact sums, as far as the journal has been booked; where minutes are no longer kept, of whole hours."""
        with self._asking() as db:
            return spending.spend(db, asked)

    def began(self, tenant: str, scope: Scope) -> int | None:
        """The first hour with spend of a scope that cells decide."""
        with self._asking() as db:
            return cells.began(db, tenant, scope)

    def cells(self, asked: CellsQuestion) -> Cells:
        """Its cells' spend in some time and in the same ones before."""
        with self._asking() as db:
            return cells.cells(db, asked)

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

    def audit(self, asked: ListQuestion) -> Page[Audited]:
        """Entries of the audit; raises BadCursorError."""
        with self._asking() as db:
            return audit.list_audit(db, asked)

    def whole_audit(self) -> Iterator[Kept]:
        """Every entry there is, in the order in which they were made, of one moment."""
        with self._asking() as db:
            yield from audit.all_entries(db)

    def report(self, report_id: str) -> Notice | None:
        """One of them, by its own id."""
        with self._asking() as db:
            return listing.find_report(db, report_id)

    def reports(self, tenant: str | None = None) -> Iterator[Notice]:
        """Reports that were told, the newest first."""
        with self._asking() as db:
            yield from listing.reports(db, tenant)

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
        raise LogError(f"{what}: {told(error)}") from error
