"""Orders and their life: who is stopped, who answered what, when it is over, and the second way where the first leads nowhere.

`requested -> delivered -> accepted -> effective | refused | expired | failed`; `permission.py` says what may be ordered without a person,
`proof.py` when an order is `effective`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from service.facts import DAY_MS, HOUR_MS, Evidence, Kind, Order, OrderState, Receipt, Scope, Untold, ident
from service.warden import incidents, permission
from service.warden.state import Episode, Standing, Tenant, Warden

SETTLE_MS: Final = 5_000
FINAL: Final = frozenset({"effective", "refused", "expired", "failed"})
KEPT_MS: Final = 7 * DAY_MS

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
    hindered = permission.hindered(w, t, episode, scope, loss_nanos)
    if hindered != permission.STANDING:
        episode.hindered = hindered
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
    to: Sequence[str] = (),
) -> Standing:
    """Says the order and follows it from here on; `tier` to what `degrade` goes, `to` on which second way."""
    t.sequence += 1
    incident = episode.id if episode is not None else ""
    oid = ident("ord", t.name, *scope, action, incident, w.now_ms, *to)
    unit = permission.unit_of(episode, scope) if episode is not None else ""
    standing = Standing(
        oid,
        scope,
        action,
        mode,
        incident,
        w.now_ms,
        expires_ms,
        reason=why,
        pace_nanos_per_hour=pace,
        tier=tier,
        second=bool(to),
        by=by,
        business_unit=unit,
        executions=executions,
    )
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
            to=list(to),
        )
    )
    say(w, t, standing, "requested")
    return standing


def receipt(w: Warden, t: Tenant, r: Receipt) -> None:
    """What a receiver answered."""
    standing = t.orders.get(r.id)
    state = RECEIPTS.get((standing.state, r.state)) if standing is not None else None
    if standing is None or state is None:
        return
    if state in ("refused", "failed") and not _all_lost(w, standing, r.receiver):
        return
    standing.state = state
    if state in ("delivered", "accepted"):
        standing.answered_ms = w.now_ms
    say(w, t, standing, state, reason=r.reason, receiver=r.receiver)
    if state in ("refused", "failed"):
        t.tracked.pop(standing.scope, None)
        escalate(w, t, standing, "order_failed", r.reason)


def _all_lost(w: Warden, standing: Standing, receiver: str) -> bool:
    """Whether this was the last way the order could have got through; while another receiver may still obey it, it stands."""
    if receiver not in standing.lost:
        standing.lost.append(receiver)
    return len(standing.lost) >= max(w.plan.ways(standing.scope.kind, second=standing.second), 1)


def expire(w: Warden, t: Tenant, standing: Standing) -> None:
    """An order's time is up: what was paused is resumed, and the order forgotten after a while."""
    if t.tracked.get(standing.scope) == standing.id:
        del t.tracked[standing.scope]
        stopped = standing.state in ("delivered", "accepted", "effective")
        if standing.state not in FINAL:
            standing.state = "expired"
            say(w, t, standing, "expired")
        if stopped and standing.mode == "enforce":
            _over(w, t, standing.scope)
            _resume(w, t, standing, "expired", by="spendwarden", approved_by="")
    elif standing.answered_ms and standing.state == "failed" and not standing.ended_ms and standing.scope not in t.tracked:
        _over(w, t, standing.scope)
        _resume(w, t, standing, "expired", by="spendwarden", approved_by="")  # somebody obeyed it, though the spend went on elsewhere
    if standing.expires_ms < w.now_ms - KEPT_MS:
        t.orders.pop(standing.id, None)


def _over(w: Warden, t: Tenant, scope: Scope) -> None:
    """Nothing that was ordered of a scope holds any more."""
    for each in t.orders.values():
        if each.scope == scope and not each.ended_ms:
            each.ended_ms = w.now_ms


def release(w: Warden, t: Tenant, scope: Scope, why: str, *, by: str, approved_by: str, until_ms: int) -> None:
    """A person resumes a scope; until `until_ms` nothing is ordered there by itself."""
    oid = t.tracked.pop(scope, None)
    standing = t.orders.get(oid) if oid is not None else None
    t.released[scope] = until_ms
    _over(w, t, scope)
    if standing is None:
        standing = Standing("", scope, "pause", "enforce", "", w.now_ms, w.now_ms)
    _resume(w, t, standing, why, by=by, approved_by=approved_by)
    if standing.id and standing.state not in FINAL:
        standing.state = "expired"
        say(w, t, standing, "expired", reason="resumed")


def _resume(w: Warden, t: Tenant, standing: Standing, why: str, *, by: str, approved_by: str) -> None:
    episode = t.episodes.get(standing.incident)
    expires_ms = w.now_ms + w.plan.expires_ms
    place(
        w, t, episode, standing.scope, "resume", why, mode=standing.mode, expires_ms=expires_ms, executions=standing.executions, by=by, approved_by=approved_by
    )
    if episode is not None:
        episode.order = standing.id


def _second_way(w: Warden, t: Tenant, failed: Standing) -> None:
    """Where the first way has led nowhere, those of the second get an order of their own, once."""
    if failed.action == "resume" or failed.second or not w.plan.second_route or failed.expires_ms <= w.now_ms:
        return
    place(
        w,
        t,
        t.episodes.get(failed.incident),
        failed.scope,
        failed.action,
        f"second_way_{failed.reason}",
        mode=failed.mode,
        expires_ms=failed.expires_ms,
        executions=failed.executions,
        pace=failed.pace_nanos_per_hour,
        by=failed.by,
        tier=failed.tier,
        to=w.plan.second_route,
    )


def escalate(w: Warden, t: Tenant, standing: Standing, reason: str, detail: str) -> None:
    """An order has led nowhere, for this reason: the second way is tried, the incident is graver, and whoever was told of it hears it."""
    _second_way(w, t, standing)
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


def say(w: Warden, t: Tenant, standing: Standing, state: str, *, reason: str = "", receiver: str = "") -> None:
    """A step in an order's life."""
    saved = standing.pace_nanos_per_hour or None
    w.out.append(
        OrderState(w.now_ms, standing.id, t.name, standing.scope, state, standing.overshoot_nanos, reason, receiver, saved if state == "effective" else None)
    )
