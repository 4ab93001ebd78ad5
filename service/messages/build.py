"""A notice or an order becomes a neutral message, written for someone who is no engineer and has just been woken up."""

from __future__ import annotations

from typing import Final

from service.facts import Incident, Notice, Order, Scope
from service.messages.acts import people, resumption
from service.messages.causes import amounts, changed, where
from service.messages.figures import figures, lead
from service.messages.links import evidence_url
from service.messages.message import BASIS, Message
from service.messages.remedies import done
from service.messages.reports import of_report
from service.money import spoken
from service.phrases import DETAIL_MAX, called, listed, moment, named, shown, span, spelt
from service.records import DEFAULT_TENANT
from service.warden.titles import title

CALM: Final = frozenset({"effective", "resolved"})  # that it has stopped, or is over, wakes nobody
SETTLED: Final = frozenset({"effective", "refused", "failed"})


def of_notice(notice: Notice, public_url: str) -> Message:
    """What one receiver reads about one step of an incident; `public_url` is where links point."""
    if notice.report is not None:
        return of_report(notice, notice.report, public_url)
    severity = "info" if notice.reason in CALM else notice.about.severity
    return _message(notice.about, notice.title, severity, public_url, ("notice", notice.id))


def of_incident(incident: Incident, public_url: str) -> Message:
    """How an incident stands, whatever step of it was told last: what is kept up to date reads so."""
    return _message(incident, title(incident, _standing(incident)), incident.severity, public_url)


def _standing(incident: Incident) -> str:
    """The reason whose title says how it stands."""
    if incident.state == "resolved":
        return "resolved"
    if incident.ordered is not None and incident.ordered.mode == "enforce" and incident.ordered.state in SETTLED and resumption(incident) is None:
        return incident.ordered.state
    return "line_crossed" if incident.threshold is not None else "updated"


def _message(incident: Incident, headline: str, severity: str, public_url: str, *ids: tuple[str, str]) -> Message:
    why, causes = _cause(incident)
    return Message(
        headline=shown(headline, DETAIL_MAX),
        severity=severity,
        lead=lead(incident),
        fields=figures(incident),
        why=why,
        causes=causes,
        people=people(incident),
        done=done(incident),
        links=(("Evidence and actions", evidence_url(public_url, incident.id)),),
        ids=(*_tenant(incident.tenant), ("incident", incident.id), *ids),
        basis=" ".join(part for part in (BASIS, _found_by(incident)) if part),
    )


def of_order(order: Order, public_url: str) -> Message:
    """What a person reads about an order; machines get the order itself."""
    who = called(order.scope)
    running = order.executions or []
    rows = (
        ("Ordered", moment(order.time_ms)),
        ("Reason", spelt(order.reason)),
        ("Valid until", f"{moment(order.expires_ms)}, {span(order.expires_ms - order.time_ms)} from the order"),
        ("Mode", "observe: decided and told, not sent" if order.mode == "observe" else "enforce: sent to be obeyed"),
        ("Tier", named(order.tier) if order.tier else ""),
        ("Executions", f"{len(running):,} running: {listed(running)}" if running else ""),
        ("Asked by", named(order.by) if order.by else ""),
        ("Approved by", named(order.approved_by) if order.approved_by else ""),
    )
    url = evidence_url(public_url, order.incident)
    return Message(
        headline=f"Order to {order.action} {who}",
        severity="info" if order.action == "resume" else "critical",
        fields=tuple((label, value) for label, value in rows if value),
        links=(("Evidence", url),) if url else (),
        ids=(*_tenant(order.tenant), ("order", order.id), ("sequence", str(order.sequence)), *((("incident", order.incident),) if order.incident else ())),
        basis="",
    )


def _cause(incident: Incident) -> tuple[str, tuple[str, ...]]:
    cause = incident.cause
    if cause is None:
        return "", ()
    head, drivers = amounts(cause)
    if not drivers:
        return "", ()  # no money was lost, so there is nothing to explain
    is_all = incident.excess_nanos == incident.spend_nanos  # nobody knows what would be usual
    return f"Why it costs {spoken(incident.spend_nanos) if is_all else head}", (*drivers, *where(cause.dimensions), *changed(cause.changes))


def _found_by(incident: Incident) -> str:
    votes = sorted({spelt(vote.detector) for vote in incident.evidence})
    return f"Found by {listed(votes)}." if votes else ""


def _tenant(tenant: str) -> tuple[tuple[str, str], ...]:
    return () if tenant == DEFAULT_TENANT else (("tenant", called(Scope("tenant", tenant)).removeprefix("tenant ")),)
