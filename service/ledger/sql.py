"""The little in which the two databases differ: how a connection begins, and how a row is written over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from threading import Lock
from typing import Any, Final

from sqlalchemy import Connection, Engine, MetaData, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

BUSY_MS: Final = 10_000
SERVER_GONE: Final = {"connect_timeout": 10, "tcp_user_timeout": 30_000}  # s and ms: a server that answers nothing is an error, not a wait
_INSERT: Final[Mapping[str, Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def engine_of(url: str) -> Engine:
    """An engine for `sqlite:///FILE` or `postgresql+psycopg://...`; raises ValueError for any other database."""
    backend = make_url(url).get_backend_name()
    if backend not in _INSERT:
        raise ValueError(f"{backend}: the books are kept in sqlite or postgresql")
    if backend == "postgresql":
        engine = create_engine(url, pool_pre_ping=True, connect_args=SERVER_GONE)
        event.listen(engine, "connect", _configure_postgres)
    else:
        engine = create_engine(url)
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin)
    return engine


def told(error: DBAPIError) -> str:
    """What the database says, and what to do where its file is damaged."""
    damaged = getattr(error.orig, "sqlite_errorname", "").startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT"))
    return f"{error.orig}" + ("; move the books' file away while no service runs, then `spendwarden ledger rebuild`" if damaged else "")


def make(engine: Engine, tables: MetaData) -> None:
    """The tables that are missing. Who begins in the same moment as another fails at that, once, and then finds them made."""
    with suppress(IntegrityError, ProgrammingError), engine.begin() as db:
        tables.create_all(db)
    with engine.begin() as db:
        tables.create_all(db)


def opened(url: str, tables: MetaData) -> Engine:
    """An engine on a database that has them."""
    engine = engine_of(url)
    make(writing(engine), tables)
    return engine


def writing(engine: Engine) -> Engine:
    """The same engine, for transactions that write: they take the write lock at once, so that two never meet half way."""
    return engine.execution_options(writes=True)


def reading(engine: Engine) -> Engine:
    """The same engine, for questions: each transaction sees one moment of the books, however many statements it takes."""
    return engine if engine.dialect.name == "sqlite" else engine.execution_options(isolation_level="REPEATABLE READ")


def lock(db: Connection, table: Table) -> None:
    """Waits for whoever writes to the table, and lets nobody write to it until the transaction ends; in SQLite that is so from the beginning."""
    if db.dialect.name == "postgresql":
        db.exec_driver_sql(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE")


def put(db: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, keep_first: bool = False) -> None:
    """Writes rows over those with the same primary key, or only where there is none."""
    if rows:
        insert = _INSERT[db.dialect.name](table)
        others = {column.name: insert.excluded[column.name] for column in table.columns if not column.primary_key}
        keys = list(table.primary_key.columns)
        statement = insert.on_conflict_do_nothing() if keep_first else insert.on_conflict_do_update(index_elements=keys, set_=others)
        db.execute(statement, list(rows))


def put_newer(db: Connection, table: Table, rows: Sequence[Mapping[str, Any]], by: str) -> None:
    """Writes rows over those with the same primary key whose column `by` is smaller."""
    if rows:
        insert = _INSERT[db.dialect.name](table)
        others = {column.name: insert.excluded[column.name] for column in table.columns if not column.primary_key}
        statement = insert.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=others, where=insert.excluded[by] > table.c[by])
        db.execute(statement, list(rows))


def add(db: Connection, table: Table, rows: Sequence[Mapping[str, Any]], sums: Iterable[str]) -> None:
    """Adds the columns `sums` to the rows with the same primary key."""
    if rows:
        insert = _INSERT[db.dialect.name](table)
        more = {name: table.c[name] + insert.excluded[name] for name in sums}
        db.execute(insert.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=more), list(rows))


def _configure_postgres(connection: Any, _: object) -> None:
    """As in SQLite: whoever waits so long for another's lock says so."""
    connection.execute(f"SET lock_timeout = {BUSY_MS}")
    connection.commit()


_CREATING: Final = Lock()  # a new file's change to WAL is the one step that does not wait for others


def _configure_sqlite(connection: Any, _: object) -> None:
    """WAL, so that questions do not wait for the writer; a lost last second is read from the logs again."""
    connection.isolation_level = None
    with _CREATING:
        for pragma in (f"busy_timeout = {BUSY_MS}", "journal_mode = WAL", "synchronous = NORMAL"):
            connection.execute(f"PRAGMA {pragma}").close()


def _begin(db: Connection) -> None:
    db.exec_driver_sql("BEGIN IMMEDIATE" if db.get_execution_options().get("writes") else "BEGIN")
