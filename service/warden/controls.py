"""What a person asks for, as a record of the journal: acknowledge, snooze, verdict, note, plan, and orders by hand."""

from __future__ import annotations

from typing import Final

from service.facts import Control, Scope, Untold
from service.warden import incidents, orders
from service.warden.plan import ENDLESS_MS, ORDERED
from service.warden.state import Episode, Tenant, Warden

SNOOZE_MS: Final = 3_600_000
CONTROLS_KEPT: Final = 10_000
RESUMED_MS: Final = 24 * 3_600_000


def obey(w: Warden, t: Tenant, c: Control) -> None:
    """Does what the control asks, once; what cannot be done is said with its reason."""
    if c.id in t.controls:
        return
    t.controls[c.id] = w.now_ms
    while len(t.controls) > CONTROLS_KEPT:
        del t.controls[next(iter(t.controls))]
    problem = _do(w, t, c)
    if problem:
        w.out.append(Untold(w.now_ms, c.incident, t.name, f"control_{problem}"))


def _do(w: Warden, t: Tenant, c: Control) -> str:
    if c.action in ORDERED or c.action == "resume":
        return _order(w, t, c)
    if c.action == "plan":
        return _plan(t, c)
    episode = t.episodes.get(c.incident)
    if episode is None:
        return "unknown_incident"
    return _say(w, t, episode, c)


def _say(w: Warden, t: Tenant, episode: Episode, c: Control) -> str:
    """What a person says of an incident lies apart from what was measured."""
    match c.action:
        case "acknowledge":
            episode.acknowledged_by = c.by
            return _step(w, t, episode, incidents.ACKNOWLEDGE, "acknowledged")
        case "snooze":
            episode.snoozed_until_ms = c.until_ms or w.now_ms + SNOOZE_MS
            return _step(w, t, episode, incidents.SNOOZE, "snoozed")
        case "verdict" if c.verdict == "expected":
            episode.verdict = c.verdict
            return _step(w, t, episode, incidents.SETTLE, "expected")
        case "verdict":
            episode.verdict = c.verdict
            w.out.append(incidents.line(w, t, episode, "updated", f"verdict_{c.verdict}"))
        case _:
            episode.note = c.reason
            w.out.append(incidents.line(w, t, episode, "updated", "note"))
    return ""


def _step(w: Warden, t: Tenant, episode: Episode, event: str, reason: str) -> str:
    if not incidents.step(w, t, episode, event, reason):
        return f"not_while_{episode.state or 'unsaid'}"
    if reason == "acknowledged":
        incidents.tell(w, t, episode, reason)
    return ""


def _order(w: Warden, t: Tenant, c: Control) -> str:
    if w.plan.approvers and c.by not in w.plan.approvers and c.approved_by not in w.plan.approvers:
        return "not_an_approver"
    standing = t.orders.get(c.order)
    scope = c.scope or (standing.scope if standing is not None else None)
    episode = t.episodes.get(c.incident or (standing.incident if standing is not None else ""))
    if scope is None and episode is not None:
        scope = _scope_of(t, episode)
    if scope is None:
        return "no_scope"
    if c.action == "resume":
        orders.release(w, t, scope, c.reason or "by_hand", by=c.by, approved_by=c.approved_by, until_ms=c.until_ms or _released_until(w, episode))
        return ""
    if scope in t.tracked:
        return "standing"
    expires_ms = c.until_ms or w.now_ms + w.plan.expires_ms
    runs = [scope.name] if scope.kind == "execution" else []
    orders.place(
        w, t, episode, scope, c.action, c.reason or "by_hand", mode="enforce", expires_ms=expires_ms, executions=runs, by=c.by, approved_by=c.approved_by
    )
    return ""


def _released_until(w: Warden, episode: Episode | None) -> int:
    """The end of the budget's period; for a run a day, which outlives it."""
    if episode is not None and episode.period_end_ms is not None and episode.period_end_ms < ENDLESS_MS:
        return episode.period_end_ms
    return w.now_ms + RESUMED_MS


def _scope_of(t: Tenant, episode: Episode) -> Scope:
    standing = t.orders.get(episode.order)
    if standing is not None:
        return standing.scope
    return Scope("execution", episode.executions[-1]) if episode.executions else episode.scope


def _plan(t: Tenant, c: Control) -> str:
    if c.scope is None or c.from_ms is None or c.until_ms is None:
        return "plan_needs_scope_from_until"
    t.plans.append((c.scope, c.from_ms, c.until_ms, c.extra_nanos))
    del t.plans[:-1000]
    return ""
