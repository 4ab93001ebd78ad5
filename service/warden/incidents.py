"""Incidents: one per episode and scope. Every change of an incident's state happens in the table of this file.

A step is said as an `Incident` line with its named reason; whether anyone is told is decided by `routing`, with a reason too. What
a person said is never overwritten by what was measured.
"""

from __future__ import annotations

from typing import Final

import msgspec

from service.facts import DAY_MS, HOUR_MS, Evidence, Finding, Incident, Scope, Untold, ident
from service.warden import routing
from service.warden.state import EVIDENCE_MAX, EXECUTIONS_MAX, Episode, Tenant, Warden

FOUND, MORE, WORSE, ACKNOWLEDGE, SNOOZE, WAKE, SETTLE = "found", "more", "worse", "acknowledge", "snooze", "wake", "settle"
SEVERITIES: Final = ("info", "warning", "critical")
RUNS_WINDOW_MS: Final = 6 * HOUR_MS
AGAIN_MS: Final = 8 * HOUR_MS
MOVED_OF: Final = 10

# (state, event) -> (new state, action of the line). What is not here cannot happen and changes nothing.
TRANSITIONS: Final[dict[tuple[str, str], tuple[str, str]]] = {
    ("", FOUND): ("open", "opened"),
    ("open", FOUND): ("open", "updated"),
    ("open", MORE): ("open", "updated"),
    ("open", WORSE): ("open", "escalated"),
    ("open", ACKNOWLEDGE): ("acknowledged", "acknowledged"),
    ("open", SNOOZE): ("snoozed", "snoozed"),
    ("open", SETTLE): ("resolved", "resolved"),
    ("acknowledged", FOUND): ("acknowledged", "updated"),
    ("acknowledged", MORE): ("acknowledged", "updated"),
    ("acknowledged", WORSE): ("acknowledged", "escalated"),
    ("acknowledged", SNOOZE): ("snoozed", "snoozed"),
    ("acknowledged", SETTLE): ("resolved", "resolved"),
    ("snoozed", FOUND): ("snoozed", "updated"),
    ("snoozed", MORE): ("snoozed", "updated"),
    ("snoozed", WORSE): ("open", "escalated"),
    ("snoozed", ACKNOWLEDGE): ("acknowledged", "acknowledged"),
    ("snoozed", SNOOZE): ("snoozed", "snoozed"),
    ("snoozed", WAKE): ("open", "updated"),
    ("snoozed", SETTLE): ("resolved", "resolved"),
    ("resolved", FOUND): ("open", "reopened"),
    ("resolved", MORE): ("open", "reopened"),
    ("resolved", WORSE): ("open", "reopened"),
}


def of(t: Tenant, eid: str, scope: Scope, family: str, now_ms: int) -> Episode:
    """The incident of that id, begun (not yet said) if there is none."""
    episode = t.episodes.get(eid)
    if episode is None:
        episode = t.episodes[eid] = Episode(eid, t.name, scope, family, now_ms)
    return episode


def raise_severity(episode: Episode, severity: str) -> bool:
    """Lifts the severity, never lowers it; says whether that made a known incident graver."""
    graver = SEVERITIES.index(severity) > SEVERITIES.index(episode.severity)
    if graver:
        episode.severity = severity
    return graver and bool(episode.state)


def step(w: Warden, t: Tenant, episode: Episode, event: str, reason: str) -> bool:
    """Moves an incident on by the table and says the step; False where the table knows no such move."""
    move = TRANSITIONS.get((episode.state, event))
    if move is None:
        return False
    before, (episode.state, action) = episode.state, move
    episode.revision += 1
    if action == "opened":
        episode.owner = routing.owner_of(w, episode)
    if action in ("opened", "reopened"):
        episode.found_ms = w.now_ms
    if episode.state == "open" != before:
        episode.open_since_ms = w.now_ms
    if action == "resolved":
        episode.resolved_ms = w.now_ms
    _append(w, t, episode, action, reason)
    return True


def line(w: Warden, t: Tenant, e: Episode, action: str, reason: str) -> Incident:
    """The incident as it stands, as a line of the transcript."""
    return Incident(
        time_ms=w.now_ms,
        action=action,
        id=e.id,
        tenant=e.tenant,
        scope=e.scope,
        kinds=list(e.kinds),
        severity=e.severity,
        state=e.state,
        opened_ms=e.opened_ms,
        revision=e.revision,
        spend_nanos=e.spend_nanos,
        excess_nanos=e.excess_nanos,
        limit_nanos=e.limit_nanos,
        cause=e.cause,
        evidence=list(e.evidence),
        reason=reason,
        owner=e.owner,
        detail=e.detail,
        executions=list(e.executions),
        budget=e.budget,
        threshold=e.threshold,
        thresholds=list(e.thresholds),
        pace=e.pace,
        period_start_ms=e.period_start_ms,
        period_end_ms=e.period_end_ms,
        runs_out_ms=e.runs_out_ms,
        parent=e.parent,
        order=e.order,
        ordered=routing.ordered(t, e),
        acts=list(e.acts),
        hindered=e.hindered,
    )


def say(w: Warden, t: Tenant, episode: Episode, reason: str) -> Incident:
    """Something about the incident has changed, but not its state: it is said again, as it stands."""
    episode.revision += 1
    return _append(w, t, episode, "updated", reason)


def has_moved(episode: Episode, spend_nanos: int) -> bool:
    """Whether what it has spent is a tenth more or less than was shown last."""
    return abs(spend_nanos - episode.shown_nanos) * MOVED_OF >= episode.shown_nanos > 0


def _append(w: Warden, t: Tenant, episode: Episode, action: str, reason: str) -> Incident:
    episode.shown_nanos, episode.shown_ms = episode.spend_nanos, w.now_ms
    said = line(w, t, episode, action, reason)
    w.out.append(said)
    return said


def tell(w: Warden, t: Tenant, episode: Episode, reason: str, *, line: bool = False) -> None:
    """Tells whoever routing names, or says why nobody is told."""
    untold = routing.untold(episode, reason)
    if untold:
        w.out.append(Untold(w.now_ms, episode.id, t.name, untold))
        return
    routing.notify(w, t, episode, reason, line_of=_last_line(w, episode, reason), budget_line=line)


def _last_line(w: Warden, episode: Episode, reason: str) -> Incident:
    """The step that is told, with all lines that were crossed with it and what has been ordered since, or was not."""
    t = w.tenants[episode.tenant]
    for decision in reversed(w.out):
        if isinstance(decision, Incident) and decision.id == episode.id:
            asked = routing.ordered(t, episode)
            return msgspec.structs.replace(decision, thresholds=list(episode.thresholds), order=episode.order, ordered=asked, hindered=episode.hindered)
    return line(w, t, episode, "updated", reason)


def resolve(w: Warden, t: Tenant, episode: Episode, reason: str) -> None:
    """The episode is over; whoever was told hears it."""
    if step(w, t, episode, SETTLE, reason):
        tell(w, t, episode, "resolved")


# ---------------------------------------------------------------- findings about runs and single calls


def heard(w: Warden, t: Tenant, f: Finding) -> tuple[Episode, bool] | None:
    """A finding of the meter joins its incident; says whether its kind is new there. None for one that was heard before.

    Findings on runs of one agent within six hours of their own time are one incident of that agent, whatever order the partitions
    are heard in; all findings on one run go where its first one went.
    """
    if f.id in t.found:
        return None
    t.found[f.id] = w.minute
    seen = t.runs.get(f.execution) if f.execution else None
    known = seen.incident if seen is not None else ""
    eid = known or (_of_run(t, f) if f.execution else _of_day(w, t, f))
    scope = Scope("agent", f.agent) if f.execution else f.scope
    episode = of(t, eid, scope, "runs" if f.execution else str(f.kind), w.now_ms)
    episode.found_ms = w.now_ms
    fresh_kind = f.kind not in episode.kinds
    if fresh_kind:
        episode.kinds.append(f.kind)
    if f.execution and f.execution not in episode.executions and len(episode.executions) < EXECUTIONS_MAX:
        episode.executions.append(f.execution)
        episode.live_executions.append(f.execution)
    episode.attributes = {"agent": f.agent, "use_case": f.use_case, "business_unit": f.business_unit, "workflow": f.workflow}
    limit = f.limit_nanos / 1e9 if f.limit_nanos is not None else f.expected
    score = f.score or (f.observed / f.expected if f.expected else 0.0)
    evidence = Evidence(f.detector or str(f.kind), round(score, 3), limit, f.observed, f.detail, f.reckoning, f.votes)
    if all((known.detector, known.detail) != (evidence.detector, evidence.detail) for known in episode.evidence):
        episode.evidence = [*episode.evidence[-EVIDENCE_MAX + 1 :], evidence]
    episode.detail = f.detail
    return episode, fresh_kind


def _of_run(t: Tenant, f: Finding) -> str:
    return ident("inc", t.name, "agent", f.agent, "runs", f.time_ms // RUNS_WINDOW_MS)


def _of_day(w: Warden, t: Tenant, f: Finding) -> str:
    """The incident of the day, or of the day before while it has been found of late: midnight makes no second one."""
    day = f.time_ms // DAY_MS
    today, before = (ident("inc", t.name, f.scope.kind, f.agent, str(f.kind), number) for number in (day, day - 1))
    known = t.episodes.get(before)
    return before if today not in t.episodes and known is not None and known.found_ms > w.now_ms - AGAIN_MS else today
