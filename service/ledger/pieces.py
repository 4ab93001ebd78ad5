"""Where a span is read: the table of hours wherever it does, that of minutes for what is finer, and what is still open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import ColumnElement, Table

from service.books import Span
from service.ledger.tables import hours, minutes, open_minutes


class Piece(NamedTuple):
    """A part of a span and where it is read: whole hours from `hours`, the edges from `minutes`, what is open besides."""

    table: Table
    column: ColumnElement[int]
    minutes: int
    since: int | None
    until: int | None


def pieces(span: Span, step_minutes: int = 0, by_hour_before: int = 0) -> Iterator[Piece]:
    """Hours wherever they do, minutes for the rest; a series finer than hours is read from minutes as far as there are any."""
    since, until = span
    yield Piece(open_minutes, open_minutes.c.minute, 1, since, until)
    first = None if since is None else -(-since // 60)
    last = None if until is None else until // 60
    if by_hour_before:
        kept_hour = by_hour_before // 60
        yield Piece(hours, hours.c.hour, 60, first, kept_hour if last is None else min(last, kept_hour))
        since = by_hour_before
    if step_minutes % 60 or (first is not None and last is not None and first >= last):
        yield Piece(minutes, minutes.c.minute, 1, since, until)
        return
    yield Piece(hours, hours.c.hour, 60, first, last)
    if since is not None and first is not None and since < first * 60:
        yield Piece(minutes, minutes.c.minute, 1, since, first * 60)
    if until is not None and last is not None and last * 60 < until:
        yield Piece(minutes, minutes.c.minute, 1, last * 60, until)
