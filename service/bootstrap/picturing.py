"""Pictures for couriers: an incident or a report as the books know it, drawn in a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from service.books import Books
from service.couriers.port import Draws, Picture
from service.log.ports import LogError

if TYPE_CHECKING:
    from service.plots import Chart


def pictures_of(books: Callable[[], Books]) -> Draws:
    """What draws an incident or a report by its id; None while the books do not know it, or where nothing can be drawn."""

    async def picture(incident: str) -> Picture | None:
        return await asyncio.to_thread(_drawn, books, incident)

    return picture


def pictures_from(database: str) -> Draws:
    """The same from the database of `serve`. It is opened when the first is to be drawn: no worker waits for it, or ends because it is away."""

    @cache
    def books() -> Books:
        from service.ledger import Ledger  # noqa: PLC0415 -- a worker that draws nothing needs no database

        return Ledger(database)

    return pictures_of(books)


def _drawn(books: Callable[[], Books], incident: str) -> Picture | None:
    from service.plots import NoPlotsError, NothingSpentError, alt, drawn  # noqa: PLC0415 -- slow to import, and needed by few

    try:
        chart = _chart(books(), incident)
        return None if chart is None else Picture(drawn(chart), alt(chart))
    except (LogError, NoPlotsError, NothingSpentError):
        return None


def _chart(books: Books, about: str) -> Chart | None:
    from service.plots import of_incident, of_report  # noqa: PLC0415

    story = books.incident(about, None)
    if story is not None:
        return of_incident(books, story.steps[-1])
    told = books.report(about)
    return of_report(books, told, told.report) if told is not None and told.report is not None else None
