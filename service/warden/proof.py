"""The proof by the spend that an order works: the scope has stood still, or has gone on as if nothing had been.

An order is `effective` only after no record of its scope stamped later than the answer + 5 s was heard for `proof_s` of log time by every
partition; spend after three times that is `pause_ignored`. Who is throttled or degraded still spends, so these stay `accepted`.
"""

from __future__ import annotations

from typing import Final

from service.facts import UNDELIVERED_MS, Scope
from service.warden import incidents, orders
from service.warden.state import Standing, Tenant, Warden

IGNORED_AFTER_PROOFS: Final = 3


def spent(t: Tenant, scope: Scope, nanos: int, last_ms: int) -> None:
    """More spend of a scope that an order stands on; `last_ms` is the newest stamp among it."""
    standing = t.orders[t.tracked[scope]]
    if last_ms > standing.at_ms:
        standing.overshoot_nanos += nanos
    if standing.answered_ms and last_ms > standing.answered_ms + orders.SETTLE_MS:
        standing.stray_ms = max(standing.stray_ms, last_ms)


def prove(w: Warden, t: Tenant) -> None:
    """Looks at every standing order: is it proved, ignored or over? Asked several times a second, most orders are long decided."""
    proof_ms = w.plan.proof_ms
    for standing in [each for each in t.orders.values() if each.state not in orders.FINAL or each.expires_ms <= w.now_ms]:
        if standing.state in ("delivered", "accepted") and standing.mode == "enforce" and standing.action == "pause":
            since = max(standing.answered_ms + orders.SETTLE_MS, standing.stray_ms)
            if standing.stray_ms > standing.answered_ms + IGNORED_AFTER_PROOFS * proof_ms:
                _ignored(w, t, standing)
            elif w.reach_ms >= since + proof_ms:
                standing.state, standing.stopped_ms = "effective", since
                orders.say(w, t, standing, "effective")
                _told(w, t, standing, "effective")
        elif standing.state == "requested" and standing.mode == "enforce" and not standing.late and w.now_ms >= standing.at_ms + UNDELIVERED_MS:
            standing.late = True
            orders.escalate(w, t, standing, "undelivered", "")
        if standing.expires_ms <= w.now_ms:
            orders.expire(w, t, standing)


def _ignored(w: Warden, t: Tenant, standing: Standing) -> None:
    standing.state = "failed"
    orders.say(w, t, standing, "failed", reason="pause_ignored")
    t.tracked.pop(standing.scope, None)
    orders.escalate(w, t, standing, "pause_ignored", "the receiver accepted, the spend went on")


def _told(w: Warden, t: Tenant, standing: Standing, reason: str) -> None:
    episode = t.episodes.get(standing.incident)
    if episode is not None and incidents.step(w, t, episode, incidents.MORE, reason):
        incidents.tell(w, t, episode, reason)
