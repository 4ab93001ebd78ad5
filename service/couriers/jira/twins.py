"""Two issues for one incident: the first stays, a second one is merged into it and counted. Only what our own user made is touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from service.couriers.jira.following import Following
from service.couriers.jira.reading import Issue
from service.couriers.jira.remembered import Told
from service.couriers.jira.site import Site, person_of
from service.facts import ident
from service.messages.message import Message


@dataclass(slots=True)
class Twins:
    """Raises Unanswered; a merge that ended so is made again, and is the same one."""

    site: Site
    following: Following
    _merged: set[str] = field(default_factory=set)

    @property
    def merged(self) -> int:
        """How many second issues there were."""
        return len(self._merged)

    async def one_of(self, found: Sequence[Issue], told: Told) -> Issue:
        """The issue to follow: the first that is open, else the one closed last; open second ones of ours are merged into it."""
        opened = [issue for issue in found if not issue.done]
        if not opened:
            return max(found, key=lambda issue: (issue.resolved_ms or 0, issue.order))
        for second in opened[1:]:
            await self.merge(second, opened[0].key, told)
        return opened[0]

    async def merge(self, second: Issue, key: str, told: Told) -> None:
        """Closes a second issue and says where to read on; a copy that a person made is theirs and stays."""
        if second.done or second.key == key or second.key in told.former or not self.site.me or person_of(second.creator) != self.site.me:
            return
        self._merged.add(second.key)
        told.former = [*told.former, second.key]
        await self.following.relate(second.key, key)
        merge = ident("merge", second.key, key)
        if not await self.following.is_said(second.key, merge):
            words = f"Told twice: all about this incident is in {key}"
            await self.following.comment(second.key, Message(headline=words, severity="info", ids=(("merge", merge),), basis=""))
        await self.following.move(second.key, done=True)
