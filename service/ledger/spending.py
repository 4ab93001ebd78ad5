"""What was spent: sums over the tables of minutes and hours, exact to the nano-dollar."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, func, literal, select

from service.books import BY_MAX, CELL_KINDS, SERIES_MAX, Span, Spend, SpendQuestion, Step, Tokens
from service.facts import TOTAL
from service.ledger.cells import cells_of
from service.ledger.pieces import Piece, pieces
from service.ledger.retention import minutes_since
from service.ledger.subjects import clean
from service.ledger.tables import subjects
from service.money import NANO

_SUMMED: Final = ("records", "usd", "nanos", "input", "cache_read", "cache_write", "output", "reasoning", "tokens")


def spend(db: Connection, asked: SpendQuestion) -> Spend:
    """Adds up all pieces; only the dearest members and the latest windows of what was asked for are told."""
    since = minutes_since(db)
    asked = asked._replace(span=_widened(asked.span, since))
    by_hour_before = since if asked.step_minutes % 60 and (asked.span.from_minute or 0) < since else 0
    total = [0] * len(_SUMMED)
    by: dict[str, int] = defaultdict(int)
    series: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for piece in pieces(asked.span, asked.step_minutes, by_hour_before):
        for name, window, sums in _read(db, asked, piece):
            for at, number in enumerate(sums):
                total[at] += number
            nanos = sums[1] * NANO + sums[2]
            by[name] += nanos
            start = window * asked.step_minutes
            start -= start % 60 if start < by_hour_before else 0
            series[start][0] += nanos
            series[start][1] += sums[0]
    records, usd, nanos, *tokens = total
    dearest = sorted(by.items(), key=lambda item: (-item[1], item[0]))[:BY_MAX] if asked.by else []
    windows = sorted(series.items())[-SERIES_MAX:] if asked.step_minutes else []
    steps = [Step(start, *sums) for start, sums in windows]
    return Spend(records, usd * NANO + nanos, Tokens(*tokens), dict(dearest), steps, asked.span, by_hour_before)


def _widened(span: Span, since: int) -> Span:
    """Whole hours where an edge lies before the minutes that are kept.

    >>> _widened(Span(30, 90), since=60), _widened(Span(61, 70), since=60), _widened(Span(30, 30), since=60)
    (Span(from_minute=0, to_minute=90), Span(from_minute=61, to_minute=70), Span(from_minute=30, to_minute=30))
    """
    first, end = span
    if first is not None and first == end:
        return span
    if first is not None and first < since:
        first = first // 60 * 60
    if end is not None and end < since:
        end = -(-end // 60) * 60
    return Span(first, end)


def _read(db: Connection, asked: SpendQuestion, piece: Piece) -> Iterator[tuple[str, int, list[int]]]:
    """Sums of one piece, by the name that was asked for and by window."""
    name: ColumnElement[Any] = literal("")
    if asked.by:
        name = subjects.c[asked.by] if asked.by in CELL_KINDS else subjects.c.name
    window: ColumnElement[Any] = literal(0)
    if asked.step_minutes:
        window = piece.column * piece.minutes // asked.step_minutes
    found = select(name.label("by_name"), window.label("by_window"), *(func.sum(piece.table.c[column]) for column in _SUMMED))
    found = found.select_from(piece.table.join(subjects, subjects.c.id == piece.table.c.subject)).where(*_where(asked))
    if piece.since is not None:
        found = found.where(piece.column >= piece.since)
    if piece.until is not None:
        found = found.where(piece.column < piece.until)
    for told, at, *sums in db.execute(found.group_by("by_name", "by_window")):
        yield told, int(at), [int(number or 0) for number in sums]


def _where(asked: SpendQuestion) -> list[ColumnElement[bool]]:
    """Whose sums: cells of the tenant that lie in the scope, or members of a kind."""
    kind, name = asked.scope
    if kind in CELL_KINDS or (asked.scope == TOTAL and (not asked.by or asked.by in CELL_KINDS)):
        return cells_of(asked.tenant, asked.scope)
    of = [subjects.c.kind == clean(kind), subjects.c.name == clean(name)] if asked.scope != TOTAL else [subjects.c.kind == asked.by]
    return [subjects.c.tenant == clean(asked.tenant), *of]
