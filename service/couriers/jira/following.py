"""An issue is brought up to date: its text, its place in the workflow, a comment for each change of state, its links.

Each step may be made again without harm: texts are written whole, a move is made only from where it leads on, and before a comment that may
have been posted already the comments are read. What a person wrote, ranked or moved stays: a summary or a priority is changed only where
it is still ours, and nothing is moved out of done but by a recurrence.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from service.couriers.jira.offers import Offers
from service.couriers.jira.reading import Issue, Move, listed, moves_of, resolution_of, way_to
from service.couriers.jira.remembered import Told
from service.couriers.jira.site import Site
from service.couriers.jira.ticket import Ticket, comment, description
from service.couriers.jira.unanswered import Unanswered, granted, unclear
from service.couriers.notebook import Notebook, digest
from service.couriers.port import GaveUp
from service.messages.adf import adf_text
from service.messages.message import Message

LINK: Final = "Relates"
NO_TEXT: Final = "This Jira does not let the issue's text be brought up to date."
NO_WAY: Final = "This Jira offers no way from here to a done status, so the issue stays open."
COMMENTS_READ: Final = "100"
_QUIET: Final = {"notifyUsers": "false"}  # only an administrator of the project may ask for that; else Jira writes to the watchers


@dataclass(slots=True)
class Following:
    """Raises Unanswered where a step may be made later; what the site refuses for good is noted."""

    site: Site
    remembered: Notebook[Told]
    offers: Offers
    wont_fix: frozenset[str]
    quiet: bool = True

    async def edit(self, ticket: Ticket, told: Told, issue: Issue | None = None) -> None:
        """Writes the description anew where it has changed; beside a notice also summary and priority, where they are still ours.

        A notice that had to wait may be about an older step than the issue shows by then; it changes no text.
        """
        if ticket.time_ms < told.as_of_ms:
            return
        text = self.site.flavour.rendered(description(ticket, tuple(told.notes)))
        fields: dict[str, Any] = {} if (now := digest(text)) == told.text else {"description": text}
        if issue is not None:
            fields |= await self._still_ours(ticket, told, issue)
        if not fields:
            return
        await self._put(told.key, fields)
        told.text, told.edited_ms, told.as_of_ms = now, self.site.parts.clock(), ticket.time_ms
        told.summary = fields.get("summary", told.summary)
        told.priority = fields["priority"]["id"] if "priority" in fields else told.priority
        await self.remembered.keep(ticket.about, told)

    async def move(self, key: str, *, done: bool) -> bool:
        """Moves it into the category done, or out of it; False where the workflow offers no way."""
        moves = moves_of(await self.site.read(f"issue/{key}/transitions", {"expand": "transitions.fields"}))
        move = way_to(moves, done=done, wont_fix=self.wont_fix)
        return move is not None and await self._moved(key, move, done=done)

    async def say(self, ticket: Ticket, told: Told, *notes: str) -> None:
        """Adds the comment that tells this notice, once."""
        if ticket.notice in told.comments:
            return
        if told.commenting != ticket.notice or not await self.is_said(told.key, ticket.notice):
            told.commenting = ticket.notice
            await self.remembered.keep(ticket.about, told)
            await self.comment(told.key, comment(ticket, *notes))
        told.hears(ticket.notice)
        await self.remembered.keep(ticket.about, told)

    async def is_said(self, key: str, mark: str) -> bool:
        """Whether a comment with this id is there."""
        told = await self.site.read(f"issue/{key}/comment", {"orderBy": "-created", "maxResults": COMMENTS_READ})
        return any(mark in adf_text(each.get("body")) for each in listed(told, "comments"))

    async def comment(self, key: str, message: Message) -> None:
        """Adds a comment; an answer that does not say so is none."""
        made = await self.site.ask("POST", f"issue/{key}/comment", {"body": self.site.flavour.rendered(message)})
        if not isinstance(made, dict) or "id" not in made:
            raise unclear("Jira's answer to the comment cannot be read")

    async def link(self, ticket: Ticket, told: Told) -> list[str]:
        """Makes the links that are still to be made, and says which the site did not make; Jira makes none twice."""
        missing: list[str] = []
        while told.links:
            if told.links[0] != told.key and not await self.relate(told.key, told.links[0]):
                missing.append(told.links[0])
            told.links = told.links[1:]
            await self.remembered.keep(ticket.about, told)
        return [f"This Jira did not link it to {' and '.join(missing)}."] if missing else []

    async def relate(self, key: str, other: str) -> bool:
        """Links two issues, where the site has links and lets us."""
        body = {"type": {"name": LINK}, "inwardIssue": {"key": other}, "outwardIssue": {"key": key}}
        return await granted(self.site.ask("POST", "issueLink", body))

    async def _put(self, key: str, fields: dict[str, Any]) -> None:
        """Edits; where the screen refuses a field, without it."""
        try:
            await self.site.ask("PUT", f"issue/{key}", {"fields": fields}, _QUIET if self.quiet else None)
        except Unanswered as no:
            if self.quiet and no.status == HTTPStatus.FORBIDDEN:
                self.quiet = False
                await self._put(key, fields)
                return
            left = {name: value for name, value in fields.items() if name not in no.refused}
            if not isinstance(no.outcome, GaveUp) or left == fields:
                raise
            if left:
                await self._put(key, left)

    async def _still_ours(self, ticket: Ticket, told: Told, issue: Issue) -> dict[str, Any]:
        changed: dict[str, Any] = {}
        if ticket.retitles and issue.summary == told.summary != ticket.summary:
            changed["summary"] = ticket.summary
        if told.priority and issue.priority == told.priority:
            offered, wanted = await self.offers.priorities(), await self.offers.priority(ticket)
            if wanted in offered and told.priority in offered and offered.index(wanted) < offered.index(told.priority):
                changed["priority"] = {"id": wanted}
        return changed

    async def _moved(self, key: str, move: Move, *, done: bool) -> bool:
        resolution = resolution_of(move, self.wont_fix) if done else ""
        fields = {"fields": {"resolution": {"id": resolution}}} if resolution else {}
        return await granted(self.site.ask("POST", f"issue/{key}/transitions", {"transition": {"id": move.id}, **fields}))
