"""What a site offers: priorities, issue types, people. Asked when needed, and remembered for a while; names are the site's own and localised."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from service.couriers.jira.reading import listed, priority_for
from service.couriers.jira.site import CLOUD, Site, person_of
from service.couriers.jira.ticket import Ticket
from service.couriers.jira.unanswered import Unanswered
from service.couriers.port import GaveUp
from service.phrases import shown

STALE_MS: Final = 3_600_000
PEOPLE_MAX: Final = 1_000


@dataclass(slots=True)
class Offers:
    """Raises Unanswered where the site may answer later; what it will not say it does not offer."""

    site: Site
    _priorities: list[str] = field(default_factory=list)
    _asked_ms: int = -STALE_MS
    _people: dict[str, str] = field(default_factory=dict)

    async def priority(self, ticket: Ticket) -> str:
        """The id of the priority for so much money at risk; empty where the site has none."""
        return priority_for(await self.priorities(), ticket.risk_nanos, ticket.severity)

    async def priorities(self) -> list[str]:
        """Their ids, the highest first."""
        now_ms = self.site.parts.clock()
        if now_ms - self._asked_ms >= STALE_MS:
            found = await self._listed("priority/search" if self.site.flavour is CLOUD else "priority", "values")
            self._priorities, self._asked_ms = [str(each["id"]) for each in found if "id" in each], now_ms
        return self._priorities

    async def issue_types(self, project: str) -> list[str]:
        """The names of those that an issue of its own can have."""
        values = await self._listed(f"issue/createmeta/{project}/issuetypes", "issueTypes" if self.site.flavour is CLOUD else "values")
        return [shown(str(each.get("name", ""))) for each in values if not each.get("subtask")]

    async def person(self, name: str) -> str:
        """A person as this site names them: on Cloud an e-mail address becomes the account's id. Empty where nobody, or more than one, has it."""
        if self.site.flavour is not CLOUD or "@" not in name:
            return name
        if name not in self._people:
            found = [person_of(each) for each in await self._listed("user/search", "", {"query": name, "maxResults": "2"}) if each.get("active") is not False]
            if len(self._people) >= PEOPLE_MAX:
                self._people.clear()
            self._people[name] = found[0] if len(found) == 1 else ""
        return self._people[name]

    async def _listed(self, path: str, name: str, query: dict[str, str] | None = None) -> list[dict[str, object]]:
        try:
            return [dict(each) for each in listed(await self.site.read(path, query), name)]
        except Unanswered as no:
            if isinstance(no.outcome, GaveUp):
                return []
            raise
