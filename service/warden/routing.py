"""Who is told, and if nobody is, why not. Every told and untold step has a named reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from service.facts import MINUTE_MS, Incident, Kept, Notice, Ordered, Untold, ident
from service.phrases import counted
from service.warden.state import Episode, Standing, Tenant, Warden
from service.warden.titles import title

NOTICES_PER_MINUTE_MAX: Final = 30  # per receiver; beyond it a storm is told as one digest a minute
SAID_MAX: Final = 64
KEPT_TOLD_MAX: Final = 40  # of a storm, by name
CALLING: Final = frozenset({"opened", "reopened", "escalated", "pause_ignored", "order_failed", "undelivered"})
URGENT: Final = frozenset({"pause_ignored", "line_crossed", "escalated", "order_failed", "undelivered"})


def attributes(episode: Episode, kind: str) -> dict[str, str]:
    """What owners and routes may match on."""
    return {**episode.attributes, "tenant": episode.tenant, "severity": episode.severity, "kind": kind, episode.scope.kind: episode.scope.name}


def owner_of(w: Warden, episode: Episode) -> str:
    """The first owner whose match holds; empty when nobody owns it."""
    return w.plan.owner(attributes(episode, episode.kinds[0] if episode.kinds else ""))


def receivers_of(w: Warden, episode: Episode) -> list[str]:
    """The first route that matches names them; no match means every receiver; whoever was told once hears the rest."""
    named: list[str] = []
    for kind in [str(kind) for kind in episode.kinds] or [""]:
        for name in w.plan.receivers(attributes(episode, kind)):
            if name not in named:
                named.append(name)
    return [*named, *[name for name in episode.told if name not in named]]


def _receivers(w: Warden, episode: Episode, reason: str) -> list[str]:
    """What nobody has acknowledged reaches the owner's further receivers too."""
    named, owner = receivers_of(w, episode), w.plan.called(episode.owner)
    further = owner.escalate_to if owner is not None and reason == "escalated" else ()
    return [*named, *[name for name in further if name not in named]]


def untold(episode: Episode, reason: str) -> str:
    """The reason why nobody is told of this step; empty when somebody is."""
    if reason in URGENT:
        return ""
    if episode.verdict == "expected":
        return "expected"
    if episode.state == "snoozed":
        return "snoozed"
    if episode.parent:
        return "inhibited"
    if reason == "resolved" and not episode.told:
        return "never_told"
    return ""


def notify(w: Warden, t: Tenant, episode: Episode, reason: str, *, line_of: Incident, budget_line: bool, to: list[str] | None = None) -> None:
    """One notice per receiver, its id from the facts; `to` whom, where routes are not asked."""
    for receiver in _receivers(w, episode, reason) if to is None else to:
        if _storming(w, t, receiver) and reason not in URGENT:
            waiting = t.storms.setdefault(receiver, [])
            if episode.id not in waiting:
                waiting.append(episode.id)
            w.out.append(Untold(w.now_ms, episode.id, t.name, "storm"))
            continue
        words = ident("", receiver, reason, title(line_of, reason))
        if words in episode.said:
            w.out.append(Untold(w.now_ms, episode.id, t.name, "unchanged"))
            continue
        episode.said = [*episode.said[-SAID_MAX:], words]
        mention = _mention(w, episode, receiver, reason)
        if receiver not in episode.told:
            episode.told.append(receiver)
        w.out.append(
            Notice(
                time_ms=w.now_ms,
                id=ident("ntc", episode.id, episode.revision, receiver, reason, episode.order if reason == "ordered" else ""),
                tenant=t.name,
                incident=episode.id,
                receiver=receiver,
                reason=reason,
                title=title(line_of, reason),
                about=line_of,
                budget=episode.budget if budget_line else "",
                threshold=episode.thresholds[-1] if budget_line else None,
                thresholds=list(episode.thresholds) if budget_line else [],
                mention=mention,
            )
        )
    episode.told_ms, episode.told_nanos = w.now_ms, episode.spend_nanos


def _mention(w: Warden, episode: Episode, receiver: str, reason: str) -> str:
    """Whom the receiver calls up by name: with the first that it tells of an incident, and with what must not be overlooked."""
    if reason not in CALLING and receiver in episode.told:
        return ""
    return w.plan.mention(episode.owner, receiver, w.now_ms, escalated=reason == "escalated")


def digests(w: Warden, t: Tenant, line_of: Callable[[Episode], Incident]) -> None:
    """Once a minute: what a storm kept back is told to each receiver as one notice, about the newest incident of them."""
    for receiver, waiting in list(t.storms.items()):
        del t.storms[receiver]
        known = [t.episodes[eid] for eid in waiting if eid in t.episodes]
        if not known:
            continue
        newest = known[-1]
        about = line_of(newest)
        more = f", and {counted(len(known) - 1, 'more incident')}" if len(known) > 1 else ""
        kept = [Kept(each.id, title(line_of(each), "storm")) for each in reversed(known[-KEPT_TOLD_MAX:])]
        notice_id = ident("ntc", "storm", receiver, w.minute, *waiting[:50])
        words, mention = f"{title(about, 'storm')}{more} in this minute", _mention(w, newest, receiver, "storm")
        w.out.append(Notice(w.now_ms, notice_id, t.name, newest.id, receiver, "storm", words, about, kept=kept, mention=mention))
        newest.told = [*newest.told, *([receiver] if receiver not in newest.told else [])]


def _storming(w: Warden, t: Tenant, receiver: str) -> bool:
    recent = [at for at in t.notices_ms.get(receiver, []) if at > w.now_ms - MINUTE_MS]
    if len(recent) >= NOTICES_PER_MINUTE_MAX:
        t.notices_ms[receiver] = recent
        t.storm_untold += 1
        return True
    t.notices_ms[receiver] = [*recent, w.now_ms]
    return False


def ordered(t: Tenant, episode: Episode) -> Ordered | None:
    """What was ordered because of this incident, as it stands."""
    order = t.orders.get(episode.order)
    return None if order is None else told_order(order)


def told_order(order: Standing) -> Ordered:
    """An order as it stands."""
    return Ordered(
        order.id,
        order.action,
        order.mode,
        order.state,
        order.at_ms,
        order.expires_ms,
        reason=order.reason,
        overshoot_nanos=order.overshoot_nanos,
        saved_nanos=order.pace_nanos_per_hour or None,
        tier=order.tier,
        scope=order.scope,
        second=order.second,
        stopped_ms=order.stopped_ms,
        ended_ms=order.ended_ms,
    )
