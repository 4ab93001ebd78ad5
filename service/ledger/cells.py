"""What each cell of a scope spent in some time, beside the same time of earlier days or weeks: exact, in one question a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import CTE, ColumnElement, Connection, and_, case, func, literal, select, true, union_all

from service.books import CELL_KINDS, CELLS_MAX, Cells, CellSpend, CellsQuestion, Span
from service.facts import TOTAL, Cell, Scope
from service.ledger.pieces import Piece, pieces
from service.ledger.retention import minutes_since
from service.ledger.subjects import clean
from service.ledger.tables import hours, subjects
from service.money import NANO

_NAMES: Final = [subjects.c[name] for name in Cell._fields]


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
    """Every cell with spend; at most one more than CELLS_MAX of each table."""
    until, found = _until(db, asked), dict[int, CellSpend]()
    back = [ago * asked.every_hours * 60 for ago in range(asked.times + 1)]
    for at_once in zip(*(pieces(Span(asked.from_hour * 60 - minutes, until - minutes)) for minutes in back), strict=True):
        for number, usd, nanos, usd_before, nanos_before, *names in db.execute(_sums(asked, at_once)):
            known = found.get(number) or CellSpend(Cell(*names), 0, 0)
            more, more_before = int(usd) * NANO + int(nanos), int(usd_before) * NANO + int(nanos_before)
            found[number] = CellSpend(known.cell, known.nanos + more, known.before_nanos + more_before)
    return Cells(until, list(found.values()))


def _until(db: Connection, asked: CellsQuestion) -> int:
    """The end of the hour where the minutes of any of the times are no longer kept, so that all of them are as long."""
    first = (asked.from_hour - asked.times * asked.every_hours) * 60
    return asked.to_minute if first >= minutes_since(db) else -(-asked.to_minute // 60) * 60


def _sums(asked: CellsQuestion, at_once: Sequence[Piece]) -> Any:
    """Dollars and nano-dollars now, dollars and nano-dollars before, of each cell in one table."""
    table, column, spans = at_once[0].table, at_once[0].column, _spans(at_once)
    sums = [func.sum(case((when, table.c[name]), else_=0)) for when in (spans.c.ago == 0, spans.c.ago > 0) for name in ("usd", "nanos")]
    inside = and_(table.c.subject == subjects.c.id, column >= spans.c.since, column < spans.c.until)
    found = select(subjects.c.id, *sums, *_NAMES).select_from(subjects.join(spans, true()).join(table, inside))
    return found.where(*cells_of(asked.tenant, asked.scope)).group_by(subjects.c.id).limit(CELLS_MAX + 1)


def _spans(at_once: Sequence[Piece]) -> CTE:
    """A row for each time that is asked about: how long ago, from where on, before where."""
    rows = [(literal(ago).label("ago"), literal(piece.since).label("since"), literal(piece.until).label("until")) for ago, piece in enumerate(at_once)]
    return union_all(*(select(*row) for row in rows)).cte("spans")
