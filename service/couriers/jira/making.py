"""An issue is made once. Law of this file: before a create `sending` is saved, and no create is repeated before Jira was asked for the id.

Jira keeps no ids of requests, and a create whose answer is lost may have been done. So the id is a label: it is searched for, and because
Jira's index lags, for a while before another create. The search filters by nothing but project and label: what is resolved, and how, is
read from the issue, since `resolution != ...` in JQL loses what is unresolved and fails where the site has no such resolution. The id is
an entity property too, which programs read, but which JQL finds only where an app has declared it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from service.couriers.jira.fields import contact_of, fields_of, may_go, mend, project_of, property_of
from service.couriers.jira.offers import Offers
from service.couriers.jira.reading import FIELDS, Issue, issue_of, issues_of, mapping
from service.couriers.jira.remembered import Remembered, Told
from service.couriers.jira.site import Site
from service.couriers.jira.ticket import PRODUCT, Ticket, description
from service.couriers.jira.unanswered import LOOK_AGAIN_S, Unanswered, unclear
from service.couriers.notebook import digest
from service.couriers.port import GaveUp, Receiver, RetryLater

INDEX_LAG_MS: Final = 60_000
FOUND_MAX: Final = 20


@dataclass(slots=True)
class Making:
    """Finds an issue or makes it. Raises Unanswered."""

    site: Site
    receiver: Receiver
    remembered: Remembered
    offers: Offers

    async def find(self, ticket: Ticket, told: Told) -> list[Issue]:
        """The issues that carry the id, those made earlier first, without former ones."""
        jql = f'project = "{quoted(project_of(ticket, self.receiver))}" AND labels = "{quoted(ticket.identity)}" ORDER BY created ASC'
        try:
            found = issues_of(await self.site.search({"jql": jql, "fields": list(FIELDS), "maxResults": FOUND_MAX}))
        except Unanswered as no:
            if no.status != HTTPStatus.BAD_REQUEST:
                raise
            raise await self._explained(no, ticket, {"project": ""}) from None
        return sorted((issue for issue in found if issue.key not in told.former and ticket.identity in issue.labels), key=lambda issue: issue.order)

    async def adopt(self, ticket: Ticket, told: Told, issue: Issue) -> None:
        """It is there already: from a create whose end we did not hear, or from before our memory was lost."""
        made_by = await self._made_by(issue.key)
        if made_by:
            told.hears(made_by)
        if ticket.notice not in told.comments:
            told.commenting = ticket.notice  # whether it was said is not known any more
        await self._keep(ticket, told, issue.key)

    async def wait(self, told: Told) -> None:
        """Raises Unanswered as long as an issue may still turn up in Jira's index."""
        left_ms = told.sending_ms + INDEX_LAG_MS - self.site.parts.clock()
        if told.sending_ms and left_ms > 0:
            raise unclear("an issue may have been made; it is looked for before another is", min(LOOK_AGAIN_S, left_ms / 1000))

    async def make(self, ticket: Ticket, told: Told) -> None:
        """Creates the issue and remembers it; what it is to be linked to is saved before, so that no crash loses it."""
        told.notes = []
        told.priority = "" if self._asks("priority", ticket) else await self.offers.priority(ticket)
        fields = await self._assigned(fields_of(ticket, self.receiver, told.priority), told)
        fields["description"] = self._described(ticket, told)
        told.links = await self._related(ticket, told)
        await self._keep(ticket, told, await self._created(ticket, told, fields))

    async def _created(self, ticket: Ticket, told: Told, fields: dict[str, Any]) -> str:
        """The new issue's key. What this site's screen does not take is left out and said, but never what the policy alone knows."""
        while True:
            told.sending_ms = told.edited_ms = self.site.parts.clock()
            told.as_of_ms = ticket.time_ms
            told.text, told.summary = digest(fields["description"]), fields["summary"]
            await self.remembered.told.keep(ticket.about, told)
            try:
                made = issue_of(await self.site.ask("POST", "issue", {"fields": fields, "properties": [property_of(ticket)]}))
            except Unanswered as no:
                if no.maybe_done:
                    raise unclear(no.outcome.reason) from None
                told.sending_ms = 0
                await self.remembered.told.keep(ticket.about, told)
                gone = sorted(no.refused.keys() & fields.keys() & may_go(ticket, self.receiver))
                if not gone:
                    raise await self._explained(no, ticket, no.refused) from None
                self._leave_out(ticket, told, fields, gone)
            else:
                if made is None:
                    raise unclear("Jira's answer to the create cannot be read")
                if ticket.told_by_issue:
                    told.hears(ticket.told_by_issue)
                return made.key

    async def _keep(self, ticket: Ticket, told: Told, key: str) -> None:
        """This is its issue from now on."""
        told.key, told.sending_ms = key, 0
        await self.remembered.told.keep(ticket.about, told)
        await self.remembered.keep_latest(ticket.tenant, ticket.scope, ticket.kind, key)

    async def _related(self, ticket: Ticket, told: Told) -> list[str]:
        """The issue that it goes on from, the newest one with the same cause, and the parent's."""
        parent = await self.remembered.told.of(ticket.parent) if ticket.parent else None
        wanted = [*told.former[-1:], await self.remembered.latest(ticket.tenant, ticket.scope, ticket.kind), parent.key if parent is not None else ""]
        return [key for key in dict.fromkeys(wanted) if key]

    def _leave_out(self, ticket: Ticket, told: Told, fields: dict[str, Any], names: Sequence[str]) -> None:
        for name in names:
            del fields[name]
        told.priority = "" if "priority" in names else told.priority
        told.notes = [*told.notes, f"This Jira did not take {' and '.join(names)} here, so it is left out."]
        fields["description"] = self._described(ticket, told)

    def _described(self, ticket: Ticket, told: Told) -> Any:
        return self.site.flavour.rendered(description(ticket, tuple(told.notes)))

    async def _assigned(self, fields: dict[str, Any], told: Told) -> dict[str, Any]:
        """The assignee as this site names people; nobody, and said so, where there is no such person."""
        wanted = fields.get("assignee")
        if not isinstance(wanted, str):
            return fields
        person = await self.offers.person(wanted)
        if person:
            return fields | {"assignee": {self.site.flavour.person: person}}
        told.notes = [*told.notes, "The assignee that the policy names was not found here."]
        return {name: value for name, value in fields.items() if name != "assignee"}

    async def _explained(self, no: Unanswered, ticket: Ticket, refused: Mapping[str, str]) -> Unanswered:
        """A refusal with the line of the policy that mends it."""
        if not isinstance(no.outcome, GaveUp):
            return no
        advice = mend(refused, ticket, self.receiver)
        if "issuetype" in refused:
            offered = await self.offers.issue_types(project_of(ticket, self.receiver))
            advice += f"; there are {', '.join(offered)}" if offered else ""
        return Unanswered(GaveUp(f"{no.outcome.reason.rstrip('.')}{advice}"), status=no.status, refused=refused)

    async def _made_by(self, key: str) -> str:
        """The notice that an issue was made for, as its property says; empty where it has none."""
        try:
            told = await self.site.read(f"issue/{key}/properties/{PRODUCT}")
        except Unanswered as no:
            if isinstance(no.outcome, RetryLater):
                raise
            return ""
        return str(mapping(mapping(told).get("value")).get("notice", ""))

    def _asks(self, name: str, ticket: Ticket) -> bool:
        return name in self.receiver.fields or name in contact_of(ticket, self.receiver).fields


def quoted(text: str) -> str:
    r"""A text inside quotation marks of JQL.

    >>> quoted('a"b\\')
    'a\\"b\\\\'
    """
    return text.replace("\\", "\\\\").replace('"', '\\"')
