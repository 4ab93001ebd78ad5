"""What an item does to its issue. One incident is one issue: made once, found before it is made, followed as long as anyone wants it.

A resolution that says "won't do" mutes the incident: nothing more is written until someone opens the issue again. A recurrence within `REOPEN_MS` reopens the issue, whoever
closed it; later it gets a new one, linked to the old. Nothing else moves back what is done. An issue that is gone is not made again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from service.couriers.jira.following import NO_TEXT, NO_WAY, Following
from service.couriers.jira.hearing import Hearing
from service.couriers.jira.making import Making
from service.couriers.jira.offers import Offers
from service.couriers.jira.reading import FIELDS, WONT_FIX, Issue, folded, issue_of
from service.couriers.jira.remembered import Remembered, Told
from service.couriers.jira.site import Site
from service.couriers.jira.ticket import Ticket, ticket_of
from service.couriers.jira.twins import Twins
from service.couriers.jira.unanswered import Unanswered, granted
from service.couriers.port import Delivered, GaveUp, Item, Outcome, Parts, Receiver, RetryLater
from service.facts import Control, Incident, Notice

REOPEN_MS: Final = 3 * 24 * 3_600_000
EDIT_EVERY_MS: Final = 60_000
LOUD_EDIT_EVERY_MS: Final = 600_000  # where Jira writes to every watcher


class JiraCourier:
    """One project of one site. Raises ValueError when its address, token or project is of no use; `told_twice` counts issues merged."""

    follows = True

    def __init__(self, receiver: Receiver, parts: Parts) -> None:
        if not receiver.options.get("project"):
            raise ValueError("its project is missing")
        self.name, self._clock, self._public_url = receiver.name, parts.clock, parts.public_url
        self._resolves = receiver.options.get("resolve", True) is not False
        self._wont_fix = folded(receiver.options.get("wont_fix") or WONT_FIX)
        self._site = Site(receiver, parts)
        self._remembered = Remembered(parts.memory(receiver.name))
        offers = Offers(self._site)
        self._following = Following(self._site, self._remembered.told, offers, self._wont_fix)
        self._making = Making(self._site, receiver, self._remembered, offers)
        self._twins = Twins(self._site, self._following)
        self._hearing = Hearing(self._site, self._remembered, self._twins, receiver.name, self._wont_fix)
        self._lock = asyncio.Lock()  # telling and hearing change the same memory

    @property
    def told_twice(self) -> int:
        """How many issues turned out to be second ones and were merged into the first."""
        return self._twins.merged

    async def deliver(self, item: Item) -> Outcome:
        """Brings the item's issue to where it should be; tried again it goes on from where it stopped."""
        if isinstance(item, Notice) and item.report is not None:
            return Delivered(reason="a report is no issue")
        ticket = ticket_of(item, self._public_url)
        async with self._lock:
            try:
                return await (self._edit(ticket) if isinstance(item, Incident) else self._tell(ticket))
            except Unanswered as no:
                return no.outcome

    async def heard(self) -> Sequence[Control]:
        """What people did at our issues; nothing while the site does not answer, which is asked again."""
        async with self._lock:
            try:
                await self._site.ready()
                return await self._hearing.controls()
            except Unanswered:
                return []

    async def close(self) -> None:
        """Closes the connections."""
        await self._site.wire.close()

    async def _edit(self, ticket: Ticket) -> Outcome:
        """The text of an issue that is there; and where people settled the incident, which nobody is told, its place in the workflow."""
        told = await self._remembered.told.of(ticket.about)
        if told is None or not told.key or told.muted:
            return Delivered()
        left_ms = told.edited_ms + (EDIT_EVERY_MS if self._following.quiet else LOUD_EDIT_EVERY_MS) - self._clock()
        if left_ms > 0:
            return RetryLater(left_ms / 1000, "its text was written a moment ago", alone=True)
        await self._site.ready()
        await self._following.edit(ticket, told)
        if ticket.resolved and self._resolves and not (await self._look(told.key)).done:
            await self._following.move(told.key, done=True)
        return Delivered()

    async def _tell(self, ticket: Ticket) -> Outcome:
        told = await self._remembered.told.of(ticket.about) or Told(ticket.tenant)
        if told.muted:
            return Delivered(reason=_muted(told.key))
        await self._site.ready()
        issue = await self._issue(ticket, told)
        if issue is not None and ticket.reason == "reopened" and issue.done and not issue.closed_as(self._wont_fix):
            issue = await self._recurred(told, issue)
        if issue is None:
            await self._making.make(ticket, told)
            issue = Issue(id="", key=told.key, summary=told.summary, priority=told.priority)
        return await self._follow(ticket, told, issue)

    async def _issue(self, ticket: Ticket, told: Told) -> Issue | None:
        """The issue as it stands, None where there is none for sure: our own map first, then Jira's search."""
        if told.key:
            return await self._look(told.key)
        found = await self._making.find(ticket, told)
        if not found:
            await self._making.wait(told)
            return None
        issue = await self._twins.one_of(found, told)
        await self._making.adopt(ticket, told, issue)
        return issue

    async def _look(self, key: str) -> Issue:
        try:
            issue = issue_of(await self._site.read(f"issue/{key}", {"fields": ",".join(FIELDS)}))
        except Unanswered as no:
            if no.status != HTTPStatus.NOT_FOUND:
                raise
            raise Unanswered(GaveUp(f"{key} is gone: deleted, or hidden from our user; this incident gets no other issue"), status=no.status) from None
        if issue is None:
            raise Unanswered(RetryLater(None, f"Jira's answer about {key} cannot be read"))
        return issue

    async def _recurred(self, told: Told, issue: Issue) -> Issue | None:
        """The issue again, reopened; None where that is too long ago, or cannot be done, and a new one is due."""
        if self._clock() - (issue.resolved_ms or self._clock()) <= REOPEN_MS and await self._following.move(issue.key, done=False):
            return await self._look(issue.key)
        told.former, told.key = [*told.former, issue.key], ""
        return None

    async def _follow(self, ticket: Ticket, told: Told, issue: Issue) -> Outcome:
        if issue.closed_as(self._wont_fix):
            told.muted = True
            await self._remembered.told.keep(ticket.about, told)
            return Delivered(reason=_muted(issue.key))
        notes = [*told.notes, *await self._following.link(ticket, told)]
        if not await granted(self._following.edit(ticket, told, issue)):
            notes.append(NO_TEXT)
        stuck = ticket.resolved and self._resolves and not issue.done and not await self._following.move(told.key, done=True)
        unmoved = [NO_WAY] if stuck else []
        if not (issue.done and ticket.reason == "acknowledged"):  # who closed it has been heard
            await self._following.say(ticket, told, *unmoved)
        return Delivered(reason=" ".join([*notes, *unmoved]))


def _muted(key: str) -> str:
    return f"muted: {key} was closed as not to be done"
