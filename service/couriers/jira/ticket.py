"""What an item asks of its issue: whose it is, what it is about, how much money is at risk and what is written there. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from service.facts import Incident, Notice, Order, Scope
from service.messages.build import of_incident, of_notice, of_order
from service.messages.message import Message
from service.phrases import shown
from service.warden.titles import title

PRODUCT: Final = "spendwarden"
SUMMARY_MAX: Final = 255
LABEL_MAX: Final = 120
PACE_MAX: Final = 2.0
KEPT_UP: Final = "This text is kept up to date by Spendwarden; write your own words into comments."
_CUT_ROOM: Final = 30  # what `shown` needs to say how much it cut
_UNFIT: Final = re.compile(r"[^\w.@:/#+-]+")
_SETTLED: Final = frozenset({"acknowledged", "snoozed", "resolved", "reminder", "note", "verdict", "planned", "ticket", "storm"})
_TOLD_IN_COMMENTS: Final = frozenset({"Spent", "Left", "Runs out"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """`about` is the memory's name for it, `identity` the incident's or order's id, `notice` what is told now (empty for an edit).

    `standing` is how it stands, which the issue shows; `told` is what a comment tells.
    """

    time_ms: int
    about: str
    identity: str
    tenant: str
    owner: str
    scope: Scope
    kind: str
    severity: str
    risk_nanos: int
    standing: Message
    told: Message
    notice: str = ""
    reason: str = ""
    parent: str = ""
    resolved: bool = False

    @property
    def summary(self) -> str:
        """The issue's own headline, cut to what Jira takes and said so."""
        return shown(self.standing.headline, SUMMARY_MAX - _CUT_ROOM)

    @property
    def told_by_issue(self) -> str:
        """The notice that a new issue tells by being there; empty for a digest, whose headline only a comment says."""
        return "" if self.reason == "storm" else self.notice

    @property
    def retitles(self) -> bool:
        """Whether this headline may replace the former one: where only people did something it does not."""
        return self.reason not in _SETTLED and not self.reason.endswith("_ordered")

    @property
    def labels(self) -> list[str]:
        """The product, what it is, whose spend, and the full id by which the issue is found again."""
        return [PRODUCT, label(self.kind), label(f"{self.scope.kind}:{self.scope.name}"), self.identity]


def ticket_of(item: Notice | Order | Incident, public_url: str) -> Ticket:
    """What the item asks for; a bare incident asks for nothing but its text."""
    match item:
        case Order():
            return _of_order(item, public_url)
        case Incident():
            return _of_step(item, public_url)
        case Notice():
            ticket, told = _of_step(item.about, public_url), of_notice(item, public_url)
            own = item.reason != "storm" and item.title != title(item.about, item.reason)  # a test says of itself that it is one
            standing = replace(ticket.standing, headline=told.headline) if own else ticket.standing
            return replace(ticket, standing=standing, told=told, notice=item.id, reason=item.reason)


def description(ticket: Ticket, notes: tuple[str, ...] = ()) -> Message:
    """What stands in the issue: how it stands, and what this site did not take."""
    message = ticket.standing
    return replace(message, basis=" ".join(part for part in (message.basis, *notes, KEPT_UP) if part))


def comment(ticket: Ticket, *notes: str) -> Message:
    """What a change of state says: its headline, what was done, how much by now, who acted last; all the rest stands in the description."""
    message = ticket.told
    fields = tuple(pair for pair in message.fields if pair[0] in _TOLD_IN_COMMENTS)
    return replace(message, done=(*message.done, *notes), fields=fields, people=message.people[-1:], why="", causes=(), links=(), basis="")


def label(text: str) -> str:
    """A text as a label, which holds no space.

    >>> label("agent:nightly reindex"), label("<!channel> [~admin]")
    ('agent:nightly_reindex', '_channel_admin_')
    """
    return _UNFIT.sub("_", text)[:LABEL_MAX] or "_"


def at_risk_nanos(incident: Incident) -> int:
    """Money that is lost already or will be if nobody acts: what is over the expected or the limit, or will be at this pace.

    A pace counts up to twice the planned one: in the first minutes of a period it may be anything.

    >>> from msgspec.structs import replace as but
    >>> from tests.samples import INCIDENT
    >>> at_risk_nanos(INCIDENT), at_risk_nanos(but(INCIDENT, limit_nanos=10**10, pace=1.5))
    (5900000000, 5900000000)
    >>> at_risk_nanos(but(INCIDENT, limit_nanos=10**12, pace=1.5))
    500000000000
    """
    limit = incident.limit_nanos
    over = incident.spend_nanos - limit if limit is not None else 0
    coming = (int(min(incident.pace, PACE_MAX) * 1000) - 1000) * limit // 1000 if limit is not None and incident.pace is not None else 0
    saved = incident.ordered.saved_nanos or 0 if incident.ordered is not None else 0
    return max(incident.excess_nanos, over, coming, saved, 0)


def _of_order(order: Order, public_url: str) -> Ticket:
    message = of_order(order, public_url)
    return Ticket(
        time_ms=order.time_ms,
        about=f"order\0{order.id}",
        identity=order.id,
        tenant=order.tenant,
        owner="",
        scope=order.scope,
        kind=order.action,
        severity=message.severity,
        risk_nanos=0,
        standing=message,
        told=message,
        notice=order.id,
        reason="opened",
        parent=order.incident,
    )


def _of_step(step: Incident, public_url: str) -> Ticket:
    message = of_incident(step, public_url)
    return Ticket(
        time_ms=step.time_ms,
        about=step.id,
        identity=step.id,
        tenant=step.tenant,
        owner=step.owner,
        scope=step.scope,
        kind=str(step.kinds[0]),
        severity=step.severity,
        risk_nanos=at_risk_nanos(step),
        standing=message,
        told=message,
        parent=step.parent,
        resolved=step.state == "resolved",
    )
