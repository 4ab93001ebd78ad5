"""Orders: who is stopped, under which limits, and the proof by the spend that it stopped.

`requested -> delivered -> accepted -> effective | refused | expired | failed`. An order is `effective` only after no record of its
scope stamped later than the answer + 5 s was heard for `proof_s` of log time by every partition; spend after three times that is
`pause_ignored`. Who is throttled or degraded still spends, so these stay `accepted` until they expire. Automatic orders need the allow
list, a least expected loss, and stay under an hourly number.
"""

from __future__ import annotations

from typing import Final

from service.facts import Evidence, Kind, Order, OrderState, Receipt, Scope, Untold, ident
from service.warden import incidents
from service.warden.state import Episode, Standing, Tenant, Warden

HOUR_MS: Final = 3_600_000
SETTLE_MS: Final = 5_000
UNDELIVERED_MS: Final = 60_000  # after so long without an answer a person is told that nobody was stopped yet
IGNORED_AFTER_PROOFS: Final = 3
FINAL: Final = frozenset({"effective", "refused", "expired", "failed"})
KEPT_MS: Final = 7 * 24 * HOUR_MS

# (state, receipt) -> new state; anything else changes nothing.
RECEIPTS: Final[dict[tuple[str, str], str]] = {
    ("requested", "delivered"): "delivered",
    ("requested", "accepted"): "accepted",
    ("delivered", "accepted"): "accepted",
    ("requested", "refused"): "refused",
    ("delivered", "refused"): "refused",
    ("requested", "failed"): "failed",
    ("delivered", "failed"): "failed",
    ("requested", "expired"): "expired",
}


def request(
    w: Warden,
    t: Tenant,
    episode: Episode,
    scope: Scope,
    action: str,
    why: str,
    *,
    loss_nanos: int | None = None,
    until_ms: int | None = None,
    pace_nanos_per_hour: int = 0,
    tier: str = "",
) -> bool:
    """An automatic order, if the policy lets it be; else the named reason why not. `loss_nanos` None: the limit itself asked for it."""
    hindered = _hindered(w, t, episode, scope, loss_nanos)
    if hindered:
        w.out.append(Untold(w.now_ms, episode.id, t.name, f"no_order_{hindered}"))
        return False
    t.ordered_ms = [at for at in t.ordered_ms if at > w.now_ms - HOUR_MS]
    t.ordered_ms.append(w.now_ms)
    expires_ms = w.now_ms + w.plan.expires_ms
    if until_ms is not None:
        expires_ms = min(expires_ms, max(until_ms, w.now_ms + SETTLE_MS))
    executions = [scope.name] if scope.kind == "execution" else list(episode.live_executions)
    place(w, t, episode, scope, action, why, mode=w.plan.mode, expires_ms=expires_ms, executions=executions, pace=pace_nanos_per_hour, tier=tier)
    return True


def _hindered(w: Warden, t: Tenant, episode: Episode, scope: Scope, loss_nanos: int | None) -> str:
    if t.released.get(scope, 0) > w.now_ms:
        return "released"
    if scope in t.tracked:
        return "standing"
    if not w.plan.allows(scope, {**episode.attributes, "tenant": t.name}):
        return "not_allowed"
    if loss_nanos is not None and loss_nanos < w.plan.min_loss_nanos:
        return "below_min_loss"
    if len([at for at in t.ordered_ms if at > w.now_ms - HOUR_MS]) >= w.plan.per_hour:
        return "per_hour"
    return ""


def place(
    w: Warden,
    t: Tenant,
    episode: Episode | None,
    scope: Scope,
    action: str,
    why: str,
    *,
    mode: str,
    expires_ms: int,
    executions: list[str],
    pace: int = 0,
    by: str = "",
    approved_by: str = "",
    tier: str = "",
) -> Standing:
    """Says the order and follows it from here on; `tier` to what `degrade` goes."""
    t.sequence += 1
    incident = episode.id if episode is not None else ""
    oid = ident("ord", t.name, *scope, action, incident, w.now_ms)
    standing = Standing(oid, scope, action, mode, incident, w.now_ms, expires_ms, reason=why, pace_nanos_per_hour=pace, tier=tier, executions=executions)
    if action != "resume":
        t.orders[oid] = standing
        t.tracked[scope] = oid
    if episode is not None:
        episode.order = oid
    w.out.append(
        Order(
            time_ms=w.now_ms,
            action=action,
            id=oid,
            tenant=t.name,
            scope=scope,
            incident=incident,
            reason=why,
            mode=mode,
            expires_ms=expires_ms,
            sequence=t.sequence,
            executions=executions or None,
            by=by,
            approved_by=approved_by,
            tier=tier,
        )
    )
    _say(w, t, standing, "requested")
    return standing


def receipt(w: Warden, t: Tenant, r: Receipt) -> None:
    """What a receiver answered."""
    standing = t.orders.get(r.id)
    state = RECEIPTS.get((standing.state, r.state)) if standing is not None else None
    if standing is None or state is None:
        return
    standing.state = state
    if state in ("delivered", "accepted"):
        standing.answered_ms = w.now_ms
    _say(w, t, standing, state, reason=r.reason, receiver=r.receiver)
    if state in ("refused", "failed"):
        t.tracked.pop(standing.scope, None)
        _escalate(w, t, standing, "order_failed", r.reason)


def spent(t: Tenant, scope: Scope, nanos: int, last_ms: int) -> None:
    """More spend of a scope that an order stands on; `last_ms` is the newest stamp among it."""
    standing = t.orders[t.tracked[scope]]
    if last_ms > standing.at_ms:
        standing.overshoot_nanos += nanos
    if standing.answered_ms and last_ms > standing.answered_ms + SETTLE_MS:
        standing.stray_ms = max(standing.stray_ms, last_ms)


def prove(w: Warden, t: Tenant) -> None:
    """Looks at every standing order: is it proved, ignored or over? Asked several times a second, most orders are long decided."""
    proof_ms = w.plan.proof_ms
    for standing in [each for each in t.orders.values() if each.state not in FINAL or each.expires_ms <= w.now_ms]:
        if standing.state in ("delivered", "accepted") and standing.mode == "enforce" and standing.action == "pause":
            since = max(standing.answered_ms + SETTLE_MS, standing.stray_ms)
            if standing.stray_ms > standing.answered_ms + IGNORED_AFTER_PROOFS * proof_ms:
                _ignored(w, t, standing)
            elif w.reach_ms >= since + proof_ms:
                standing.state = "effective"
                _say(w, t, standing, "effective")
                _told(w, t, standing, "effective")
        elif standing.state == "requested" and standing.mode == "enforce" and not standing.late and w.now_ms >= standing.at_ms + UNDELIVERED_MS:
            standing.late = True
            _escalate(w, t, standing, "undelivered", "")
        if standing.expires_ms <= w.now_ms:
            expire(w, t, standing)


def expire(w: Warden, t: Tenant, standing: Standing) -> None:
    """An order's time is up: what was paused is resumed, and the order forgotten after a while."""
    if t.tracked.get(standing.scope) == standing.id:
        del t.tracked[standing.scope]
        stopped = standing.state in ("delivered", "accepted", "effective")
        if standing.state not in FINAL:
            standing.state = "expired"
            _say(w, t, standing, "expired")
        if stopped and standing.mode == "enforce":
            _resume(w, t, standing, "expired", by="spendwarden", approved_by="")
    if standing.expires_ms < w.now_ms - KEPT_MS:
        t.orders.pop(standing.id, None)


def release(w: Warden, t: Tenant, scope: Scope, why: str, *, by: str, approved_by: str, until_ms: int) -> None:
    """A person resumes a scope; until `until_ms` nothing is ordered there by itself."""
    oid = t.tracked.pop(scope, None)
    standing = t.orders.get(oid) if oid is not None else None
    t.released[scope] = until_ms
    if standing is None:
        standing = Standing("", scope, "pause", "enforce", "", w.now_ms, w.now_ms)
    _resume(w, t, standing, why, by=by, approved_by=approved_by)
    if standing.id and standing.state not in FINAL:
        standing.state = "expired"
        _say(w, t, standing, "expired", reason="resumed")


def _resume(w: Warden, t: Tenant, standing: Standing, why: str, *, by: str, approved_by: str) -> None:
    episode = t.episodes.get(standing.incident)
    expires_ms = w.now_ms + w.plan.expires_ms
    place(
        w, t, episode, standing.scope, "resume", why, mode=standing.mode, expires_ms=expires_ms, executions=standing.executions, by=by, approved_by=approved_by
    )
    if episode is not None:
        episode.order = standing.id


def _ignored(w: Warden, t: Tenant, standing: Standing) -> None:
    standing.state = "failed"
    _say(w, t, standing, "failed", reason="pause_ignored")
    t.tracked.pop(standing.scope, None)
    _escalate(w, t, standing, "pause_ignored", "the receiver accepted, the spend went on")


def _escalate(w: Warden, t: Tenant, standing: Standing, reason: str, detail: str) -> None:
    episode = t.episodes.get(standing.incident)
    if episode is None:
        return
    if reason == "pause_ignored" and Kind.PAUSE_IGNORED not in episode.kinds:
        episode.kinds.append(Kind.PAUSE_IGNORED)
        evidence = Evidence("pause_ignored", 1.0, 0.0, standing.overshoot_nanos / 1e9, detail)
        episode.evidence = [*episode.evidence[-11:], evidence]
    incidents.raise_severity(episode, "critical")
    incidents.step(w, t, episode, incidents.WORSE, reason)
    incidents.tell(w, t, episode, reason)


def _told(w: Warden, t: Tenant, standing: Standing, reason: str) -> None:
    episode = t.episodes.get(standing.incident)
    if episode is not None and incidents.step(w, t, episode, incidents.MORE, reason):
        incidents.tell(w, t, episode, reason)


def _say(w: Warden, t: Tenant, standing: Standing, state: str, *, reason: str = "", receiver: str = "") -> None:
    saved = standing.pace_nanos_per_hour or None
    w.out.append(
        OrderState(w.now_ms, standing.id, t.name, standing.scope, state, standing.overshoot_nanos, reason, receiver, saved if state == "effective" else None)
    )
