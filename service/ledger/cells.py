"""What each cell of a scope spent in some hours, beside the same hours of earlier days or weeks: exact, in one question a table."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import CTE, ColumnElement, Connection, Table, and_, case, func, literal, select, true, union_all

from service.books import CELL_KINDS, CELLS_MAX, CellSpend, CellsQuestion
from service.facts import TOTAL, Cell, Scope
from service.ledger.subjects import clean
from service.ledger.tables import hours, open_minutes, subjects
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


def cells(db: Connection, asked: CellsQuestion) -> list[CellSpend]:
    """Every cell with spend, of closed hours and open minutes; at most one more than CELLS_MAX of each."""
    found: dict[int, CellSpend] = {}
    for table, column, width in ((hours, hours.c.hour, 1), (open_minutes, open_minutes.c.minute, 60)):
        for number, usd, nanos, usd_before, nanos_before, *names in db.execute(_sums(asked, table, column, width)):
            known = found.get(number)
            more, more_before = int(usd) * NANO + int(nanos), int(usd_before) * NANO + int(nanos_before)
            found[number] = (
                CellSpend(Cell(*names), more, more_before) if known is None else CellSpend(known.cell, known.nanos + more, known.before_nanos + more_before)
            )
    return list(found.values())


def _sums(asked: CellsQuestion, table: Table, column: ColumnElement[int], width: int) -> Any:
    """Dollars and nano-dollars now, dollars and nano-dollars before, of each cell in one table, of which an hour is `width` of `column`."""
    spans = _spans(asked, width)
    sums = [func.sum(case((when, table.c[name]), else_=0)) for when in (spans.c.ago == 0, spans.c.ago > 0) for name in ("usd", "nanos")]
    inside = and_(table.c.subject == subjects.c.id, column >= spans.c.since, column < spans.c.until)
    found = select(subjects.c.id, *sums, *_NAMES).select_from(subjects.join(spans, true()).join(table, inside))
    return found.where(*cells_of(asked.tenant, asked.scope)).group_by(subjects.c.id).limit(CELLS_MAX + 1)


def _spans(asked: CellsQuestion, width: int) -> CTE:
    """A row for each time that is asked about: how long ago, from where on, before where."""
    rows = []
    for ago in range(asked.times + 1):
        since, until = ((hour - ago * asked.every_hours) * width for hour in (asked.from_hour, asked.to_hour))
        rows.append(select(literal(ago).label("ago"), literal(since).label("since"), literal(until).label("until")))
    return union_all(*rows).cte("spans")
