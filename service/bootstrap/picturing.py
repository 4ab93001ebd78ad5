"""Pictures for couriers: an incident as the books know it, drawn in a thread of its own."""

from __future__ import annotations

import asyncio

from service.books import Books
from service.couriers.port import Draws, Picture
from service.log.ports import LogError


def pictures_of(books: Books) -> Draws:
    """What draws an incident by its id; None while the books do not know it, or where nothing can be drawn."""

    async def picture(incident: str) -> Picture | None:
        return await asyncio.to_thread(_drawn, books, incident)

    return picture


def _drawn(books: Books, incident: str) -> Picture | None:
    from service.plots import NoPlotsError, NothingSpentError, alt, drawn, of_incident  # noqa: PLC0415 -- slow to import, and needed by few

    try:
        story = books.incident(incident, None)
        if story is None:
            return None
        chart = of_incident(books, story.steps[-1])
        return Picture(drawn(chart), alt(chart))
    except (LogError, NoPlotsError, NothingSpentError):
        return None
