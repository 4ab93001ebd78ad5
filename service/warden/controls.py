"""What a person asks for, as a record of the journal: acknowledge, snooze, verdict, note, plan, and orders by hand."""

from __future__ import annotations

from typing import Final

from service.facts import DAY_MS, HOUR_MS, Act, Control, Scope, Untold
from service.warden import incidents, orders, routing
from service.warden.plan import ENDLESS_MS, ORDERED
from service.warden.state import Episode, Tenant, Warden

SNOOZE_MS: Final = HOUR_MS
CONTROLS_KEPT: Final = 10_000
RESUMED_MS: Final = DAY_MS


def obey(w: Warden, t: Tenant, c: Control) -> str | None:
    """Does what the control asks, once; what cannot be done is said with its reason, which is returned. None where it was heard before."""
    if c.id in t.controls:
        return None
    t.controls[c.id] = w.now_ms
    while len(t.controls) > CONTROLS_KEPT:
        del t.controls[next(iter(t.controls))]
    problem = _do(w, t, c)
    if problem:
        w.out.append(Untold(w.now_ms, c.incident, t.name, f"control_{problem}"))
    return problem


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
            return _step(w, t, episode, c, incidents.ACKNOWLEDGE, "acknowledged")
        case "snooze":
            until_ms = c.until_ms or w.now_ms + SNOOZE_MS
            problem = _step(w, t, episode, c, incidents.SNOOZE, "snoozed", until_ms)
            episode.snoozed_until_ms = episode.snoozed_until_ms if problem else until_ms
            return problem
        case "verdict" if c.verdict == "expected":
            episode.verdict = c.verdict
            return _step(w, t, episode, c, incidents.SETTLE, "expected")
        case "verdict":
            episode.verdict = c.verdict
            _remember(w, episode, c)
            w.out.append(incidents.line(w, t, episode, "updated", f"verdict_{c.verdict}"))
        case "ticket":
            return _ticket(w, t, episode, c)
        case _:
            _remember(w, episode, c)
            w.out.append(incidents.line(w, t, episode, "updated", "note"))
    return ""


def _ticket(w: Warden, t: Tenant, episode: Episode, c: Control) -> str:
    """Whoever makes tickets is told, whatever the routes say."""
    makers = [receiver.name for receiver in w.plan.policy.receivers if receiver.kind == "jira"]
    if not makers:
        return "no_receiver_for_tickets"
    _remember(w, episode, c)
    routing.notify(w, t, episode, "ticket", line_of=incidents.say(w, t, episode, "ticket"), budget_line=False, to=makers)
    return ""


def _step(w: Warden, t: Tenant, episode: Episode, c: Control, event: str, reason: str, until_ms: int | None = None) -> str:
    if (episode.state, event) not in incidents.TRANSITIONS:
        return f"not_while_{episode.state or 'unsaid'}"
    _remember(w, episode, c, until_ms)
    incidents.step(w, t, episode, event, reason)
    if reason == "acknowledged":
        incidents.tell(w, t, episode, reason)
    return ""


def _remember(w: Warden, episode: Episode, c: Control, until_ms: int | None = None) -> None:
    """The last of each thing that was done; who undoes what another did comes after it."""
    act = Act(w.now_ms, c.verdict or c.action, c.by, until_ms, c.reason, c.approved_by)
    episode.acts = [*(each for each in episode.acts if each.what != act.what), act]


def _order(w: Warden, t: Tenant, c: Control) -> str:
    if w.plan.approvers and c.by not in w.plan.approvers and c.approved_by not in w.plan.approvers:
        return "not_an_approver"
    standing = t.orders.get(c.order or (t.tracked.get(c.scope, "") if c.scope is not None else ""))
    scope = c.scope or (standing.scope if standing is not None else None)
    episode = t.episodes.get(c.incident or (standing.incident if standing is not None else ""))
    if episode is not None and w.plan.two_person_nanos is not None and episode.spend_nanos >= w.plan.two_person_nanos and c.approved_by in ("", c.by):
        return "needs_a_second_person"
    if scope is None and episode is not None:
        scope = _scope_of(t, episode)
    if scope is None:
        return "no_scope"
    if c.action == "resume":
        orders.release(w, t, scope, c.reason or "by_hand", by=c.by, approved_by=c.approved_by, until_ms=c.until_ms or _released_until(w, episode))
        _tell_order(w, t, episode, c)
        return ""
    if scope in t.tracked:
        return "standing"
    expires_ms = c.until_ms or w.now_ms + w.plan.expires_ms
    runs = [scope.name] if scope.kind == "execution" else []
    orders.place(
        w, t, episode, scope, c.action, c.reason or "by_hand", mode="enforce", expires_ms=expires_ms, executions=runs, by=c.by, approved_by=c.approved_by
    )
    _tell_order(w, t, episode, c, expires_ms)
    return ""


def _tell_order(w: Warden, t: Tenant, episode: Episode | None, c: Control, until_ms: int | None = None) -> None:
    """Whoever was told of the incident hears that a person stopped something because of it, or let it go on."""
    if episode is None or not episode.state:
        return
    _remember(w, episode, c, until_ms)
    reason = f"{c.action}_ordered"
    incidents.say(w, t, episode, reason)
    incidents.tell(w, t, episode, reason)


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
