"""What people do at our issues comes back: closed, taken over, started, commented. The site is polled.

Every deed has an id made of the issue's, the change's or the comment's, so hearing it again is harmless: a poll looks back further than the
last one, because Jira's index lags, and after a start it begins where the last hand-over is known to have ended. What our own user did is
no deed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from service.couriers.jira.deeds import deeds_of
from service.couriers.jira.reading import FIELDS, Issue, issue_of, listed, mapping
from service.couriers.jira.remembered import Remembered, Told
from service.couriers.jira.site import CLOUD, Site
from service.couriers.jira.ticket import PRODUCT
from service.couriers.jira.twins import Twins
from service.couriers.jira.unanswered import Unanswered
from service.facts import Control

LOOK_BACK_MS: Final = 10 * 60_000
FIRST_LOOK_MS: Final = 24 * 3_600_000
PAGE: Final = 20  # each with its comments
PAGES_MAX: Final = 50
SEEN_MAX: Final = 10_000
ASKED: Final = (*FIELDS, "comment")


@dataclass(slots=True)
class Hearing:
    """Where the site stops answering, what was not heard is heard the next time."""

    site: Site
    remembered: Remembered
    twins: Twins
    name: str
    wont_fix: frozenset[str]
    _seen: dict[str, str] = field(default_factory=dict)
    _handed_ms: int | None = None

    async def controls(self) -> list[Control]:
        """All that people did since the last time, oldest first. Who asks has handed over what it got the last time: up to then is remembered."""
        if not self.site.me:
            return []  # what people did could not be told from what we did
        now_ms = self.site.parts.clock()
        since_ms = await self._since_ms(now_ms)
        found: list[Control] = []
        try:
            for told in await self._changed(now_ms - since_ms):
                issue = issue_of(told)
                if issue is not None and self._seen.get(issue.id) != (state := _state(told)):
                    deeds = await self._deeds(issue)
                    found += deeds or []
                    if deeds is not None:
                        self._note(issue.id, state)
        except Unanswered:
            return found  # the rest is heard the next time
        self._handed_ms = now_ms
        return found

    async def _since_ms(self, now_ms: int) -> int:
        kept_ms = await self.remembered.heard_until_ms()
        if self._handed_ms is not None and (kept_ms is None or self._handed_ms - kept_ms >= LOOK_BACK_MS):
            kept_ms = self._handed_ms
            await self.remembered.keep_heard_until(kept_ms)
        return now_ms - FIRST_LOOK_MS if kept_ms is None else kept_ms - LOOK_BACK_MS

    async def _changed(self, span_ms: int) -> list[Any]:
        """Our issues that changed within so long, with what shows whether a person did it."""
        jql = f'labels = "{PRODUCT}" AND updated >= -{max(span_ms // 60_000, 1) + 1}m ORDER BY updated ASC'
        body: dict[str, Any] = {"jql": jql, "fields": ASKED, "maxResults": PAGE}
        found: list[Any] = []
        for _ in range(PAGES_MAX):
            page = await self.site.search(body)
            found += page["issues"]
            if self.site.flavour is CLOUD and isinstance(token := page.get("nextPageToken"), str) and not page.get("isLast"):
                body["nextPageToken"] = token
            elif self.site.flavour is not CLOUD and page["issues"] and isinstance(total := page.get("total"), int) and len(found) < total:
                body["startAt"] = len(found)
            else:
                break
        return found

    async def _deeds(self, issue: Issue) -> list[Control] | None:
        """What people did at one issue, if it is one that we follow; None where that cannot be read now."""
        for about in issue.labels:
            told = await self.remembered.told.of(about) if about != PRODUCT else None
            if told is None:
                continue
            if not told.key:
                return None  # it is being looked for
            if told.key != issue.key:
                await self._merged(about, told, issue)
                return []
            whole = await self.site.ask("GET", f"issue/{issue.key}", query={"expand": "changelog", "fields": ",".join(ASKED)})
            now = issue_of(whole)
            if now is None:
                return None
            await self._mute(about, told, now)
            return deeds_of(whole, now, self.site.me, self.wont_fix, tenant=told.tenant, incident=about, receiver=self.name)
        return []

    async def _merged(self, about: str, told: Told, issue: Issue) -> None:
        """A second issue of ours turned up: of a create whose end was not heard and which the index showed too late."""
        await self.twins.merge(issue, told.key, told)
        await self.remembered.told.keep(about, told)

    async def _mute(self, about: str, told: Told, issue: Issue) -> None:
        """Closed as not to be done it is muted, and opened again by someone it is not."""
        if issue.closed_as(self.wont_fix) is not told.muted:
            told.muted = not told.muted
            await self.remembered.told.keep(about, told)

    def _note(self, issue_id: str, state: str) -> None:
        while len(self._seen) >= SEEN_MAX:
            del self._seen[next(iter(self._seen))]
        self._seen[issue_id] = state


def _state(told: Any) -> str:
    """What of an issue a person may have changed that we listen to."""
    fields = mapping(mapping(told).get("fields"))
    comments = mapping(fields.get("comment"))
    last = [each.get("id") for each in listed(comments, "comments")[-1:]]
    return repr([*(fields.get(name) for name in ("status", "resolution", "assignee")), comments.get("total"), last])
