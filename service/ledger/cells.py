"""What each cell of a scope spent in some time, beside the same time of earlier days or weeks: exact, in one question a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from sqlalchemy import CTE, ColumnElement, Connection, Table, and_, case, func, literal, select, true, union_all

from service.books import CELL_KINDS, CELLS_MAX, Cells, CellSpend, CellsQuestion
from service.facts import TOTAL, Cell, Scope
from service.ledger.retention import minutes_since
from service.ledger.subjects import clean
from service.ledger.tables import hours, minutes, open_minutes, subjects
from service.money import NANO

_NAMES: Final = [subjects.c[name] for name in Cell._fields]


class _Piece(NamedTuple):
    """A part of the time and where it is read, in the table's own numbers, of which `an_hour` make an hour."""

    table: Table
    column: ColumnElement[int]
    an_hour: int
    since: int
    until: int


def cells_of(tenant: str, scope: Scope) -> list[ColumnElement[bool]]:
    """The cells of a tenant that lie in a scope: all of them, or one of CELL_KINDS."""
    assert scope == TOTAL or scope.kind in CELL_KINDS, scope
    inside = [subjects.c[scope.kind] == clean(scope.name)] if scope != TOTAL else []
    return [subjects.c.tenant == clean(tenant), subjects.c.kind == "cell", *inside]


def began(db: Connection, tenant: str, scope: Scope) -> int | None:
    """The first hour of any of its cells, each looked up by the key of `hours`; what is still open is too young to count."""
    first = select(func.min(hours.c.hour)).where(hours.c.subject == subjects.c.id).scalar_subquery()
    return db.execute(select(func.min(first)).where(*cells_of(tenant, scope))).scalar()


def cells(db: Connection, asked: CellsQuestion) -> Cells:
    """Every cell with spend, of closed hours, of the minutes of the last one, and of open minutes; at most one more than CELLS_MAX of each."""
    first = (asked.from_hour - asked.times * asked.every_hours) * 60
    until = asked.to_minute if first >= minutes_since(db) else -(-asked.to_minute // 60) * 60
    found: dict[int, CellSpend] = {}
    for piece in _pieces(asked.from_hour, until):
        for number, usd, nanos, usd_before, nanos_before, *names in db.execute(_sums(asked, piece)):
            known = found.get(number) or CellSpend(Cell(*names), 0, 0)
            more, more_before = int(usd) * NANO + int(nanos), int(usd_before) * NANO + int(nanos_before)
            found[number] = CellSpend(known.cell, known.nanos + more, known.before_nanos + more_before)
    return Cells(until, list(found.values()))


def _pieces(hour: int, until: int) -> Iterator[_Piece]:
    """Hours wherever they are whole, minutes after them, what is open besides."""
    last = until // 60
    yield _Piece(open_minutes, open_minutes.c.minute, 60, hour * 60, until)
    if hour < last:
        yield _Piece(hours, hours.c.hour, 1, hour, last)
    if last * 60 < until:
        yield _Piece(minutes, minutes.c.minute, 60, last * 60, until)


def _sums(asked: CellsQuestion, piece: _Piece) -> Any:
    """Dollars and nano-dollars now, dollars and nano-dollars before, of each cell in one table."""
    table, spans = piece.table, _spans(asked, piece)
    sums = [func.sum(case((when, table.c[name]), else_=0)) for when in (spans.c.ago == 0, spans.c.ago > 0) for name in ("usd", "nanos")]
    inside = and_(table.c.subject == subjects.c.id, piece.column >= spans.c.since, piece.column < spans.c.until)
    found = select(subjects.c.id, *sums, *_NAMES).select_from(subjects.join(spans, true()).join(table, inside))
    return found.where(*cells_of(asked.tenant, asked.scope)).group_by(subjects.c.id).limit(CELLS_MAX + 1)


def _spans(asked: CellsQuestion, piece: _Piece) -> CTE:
    """A row for each time that is asked about: how long ago, from where on, before where."""
    rows = []
    for ago in range(asked.times + 1):
        back = ago * asked.every_hours * piece.an_hour
        rows.append(select(literal(ago).label("ago"), literal(piece.since - back).label("since"), literal(piece.until - back).label("until")))
    return union_all(*rows).cte("spans")
