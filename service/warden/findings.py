"""What the meter found becomes incidents, causes and orders; and the runs it named are followed by their spend."""

from __future__ import annotations

from typing import Final

import msgspec

from service.facts import HOUR_MS, LONG_RUN, Cause, DimensionShare, DriverShare, Finding, Kind, RunSpend, Scope, Untold
from service.warden import habits, incidents, orders, proof, recent
from service.warden.plan import ORDERED
from service.warden.state import Episode, RunSeen, Tenant, Warden

RUNS_KEPT_MAX: Final = 50_000
WORSE_FACTOR: Final = 4
LEAST_AGE_MS: Final = 60_000  # a burst of seconds is no pace of an hour
SPENT_TIMES: Final = 20


def heard(w: Warden, t: Tenant, f: Finding, cause: Cause | None = None) -> None:
    """A finding, once: it joins its incident, gets its cause, and asks for an order where the policy says so.

    `cause`: of what its scope has spent beyond the usual, where the finder knows it; it is of the same `spend_nanos` as the finding.
    """
    if f.id in t.found:
        return
    if f.execution:
        _know_run(t, f)
        why = _quiet(w, t, f)
        if why:
            run = t.runs[f.execution]
            t.found[f.id] = w.minute
            run.quiet = [*(run.quiet or ()), f]
            w.out.append(Untold(w.now_ms, "", t.name, why))
            return
    _open(w, t, f, cause)


def _quiet(w: Warden, t: Tenant, f: Finding) -> str:
    """Why nobody is told of a run yet: the built-in watch (no cap of the policy) wakes nobody for less than the policy would pause for, nor for what is usual."""
    run = t.runs[f.execution]
    if f.kind == Kind.EXECUTION_CAP and not f.action and not run.incident and f.spend_nanos < w.plan.min_loss_nanos:
        return "cents"
    return "usual" if habits.is_usual(t, f) else ""


def _so_far(f: Finding, r: RunSpend, nanos: int) -> Finding:
    """The finding as the run stands by now."""
    if f.detector == LONG_RUN:
        return msgspec.structs.replace(f, observed=float(r.calls), spend_nanos=nanos)
    gone = {Kind.FAN_OUT: r.children, Kind.CONTEXT_GROWTH: r.growth_percent / 100, Kind.LOOP: r.repeats, Kind.EXECUTION_CAP: nanos / 1e9}
    return msgspec.structs.replace(f, observed=max(f.observed, float(gone.get(f.kind, 0))), spend_nanos=nanos)


def _open(w: Warden, t: Tenant, f: Finding, cause: Cause | None = None) -> None:
    t.found.pop(f.id, None)
    known = incidents.heard(w, t, f)
    if known is None:
        return
    episode, fresh_kind = known
    if f.execution:
        _join(t, episode, f)
    else:
        _sum_up(w, t, episode, f, cause)
    action = _action(w, f)
    graver = incidents.raise_severity(episode, _severity(w, t, f, action))
    fresh = episode.state in ("", "resolved")
    if fresh or fresh_kind or graver:
        incidents.step(w, t, episode, incidents.FOUND if fresh else incidents.WORSE if graver else incidents.MORE, str(f.kind))
    ordered = action in ORDERED and _order(w, t, episode, f, action)
    if fresh or fresh_kind or graver or ordered:
        incidents.tell(w, t, episode, "opened" if fresh else "worse" if graver else "new_finding" if fresh_kind else "ordered")
    else:
        w.out.append(Untold(w.now_ms, episode.id, t.name, "unchanged"))


def _order(w: Warden, t: Tenant, episode: Episode, f: Finding, action: str) -> bool:
    """Asks for the order; a cap's or rule's own action needs no least loss. A run with too little at stake is asked about again as it goes on."""
    loss = _loss(w, t, f)
    tier = f.tier if action == "degrade" else ""
    ordered = orders.request(w, t, episode, f.scope, action, str(f.kind), loss_nanos=loss, pace_nanos_per_hour=_pace(w, t, f), tier=tier)
    if f.execution and not ordered and loss is not None and loss < w.plan.min_loss_nanos:
        t.runs[f.execution].asked = f
    return ordered


def _severity(w: Warden, t: Tenant, f: Finding, action: str) -> str:
    """What would be stopped is critical once enough money is at stake for it, or a limit of the policy asks for it."""
    if action not in ORDERED:
        return "info" if _mild(f) else "warning"
    loss = _loss(w, t, f)
    return "critical" if loss is None or loss >= w.plan.min_loss_nanos else "warning"


def _loss(w: Warden, t: Tenant, f: Finding) -> int | None:
    """What there is to lose in nanos; None where the limit itself asks, whatever there is."""
    return None if f.action in ORDERED else _at_stake(_pace(w, t, f), f)


def _at_stake(pace: int, f: Finding) -> int:
    """What an hour's delay would cost, and no more than SPENT_TIMES what the run has spent already: a few cents are no runaway yet.

    Of a finding that is not sure, no more than what was spent.
    """
    return min(pace, f.spend_nanos * (SPENT_TIMES if f.sure else 1)) if f.execution else pace


def _mild(f: Finding) -> bool:
    return f.kind in (Kind.UNPRICED, Kind.TIER_VIOLATION, Kind.BATCH_VIOLATION) and f.action in ("", "none")


def _action(w: Warden, f: Finding) -> str:
    """What the finding asks for: a cap's or rule's own action, else a pause where `pauses.on` names its kind."""
    if f.action:
        return "pause" if f.action == "order" and f.kind in w.plan.pausing else f.action
    is_only_long = f.detector == LONG_RUN and not f.sure
    return "pause" if f.kind in w.plan.pausing and f.kind != Kind.EXECUTION_CAP and not is_only_long else ""


def _pace(w: Warden, t: Tenant, f: Finding) -> int:
    """Nanos an hour that the scope burns now; a run is taken to be at least LEAST_AGE_MS old, so that a short burst makes no great loss."""
    if f.execution:
        return f.spend_nanos * HOUR_MS // max(f.time_ms - f.since_ms, LEAST_AGE_MS)
    return recent.pace(w, t, f.scope)


def _ask_again(w: Warden, t: Tenant, episode: Episode, run: RunSeen, asked: Finding) -> None:
    f = msgspec.structs.replace(asked, spend_nanos=run.nanos, time_ms=run.last_ms)
    if _at_stake(_pace(w, t, f), f) < w.plan.min_loss_nanos:
        return
    run.asked = None
    graver = incidents.raise_severity(episode, "critical")
    if graver:
        incidents.step(w, t, episode, incidents.WORSE, str(f.kind))
    if _order(w, t, episode, f, _action(w, f)) or graver:
        incidents.tell(w, t, episode, "worse" if graver else "ordered")


def _look_again(w: Warden, t: Tenant, run: RunSeen, r: RunSpend) -> None:
    """What was kept quiet of a run is told once it has gone too far for that."""
    waiting, run.quiet = run.quiet or [], None
    for f in (_so_far(each, r, run.nanos) for each in waiting):
        if _quiet(w, t, f):
            run.quiet = [*(run.quiet or ()), f]
        else:
            _open(w, t, f)


def _know_run(t: Tenant, f: Finding) -> None:
    if f.execution not in t.runs:
        while len(t.runs) >= RUNS_KEPT_MAX:
            del t.runs[next(iter(t.runs))]
        t.runs[f.execution] = RunSeen(f.agent, -1, f.spend_nanos, 0, f.time_ms, False, f.expected_nanos, f.since_ms, "")


def _join(t: Tenant, episode: Episode, f: Finding) -> None:
    """A run's spend and excess join its incident once, however many there are; from then on `run_spent` adds what it goes on to spend."""
    run = t.runs[f.execution]
    if run.incident != episode.id or not episode.state:
        run.incident = episode.id
        episode.spend_nanos += run.nanos
        episode.excess_nanos += _excess(run)
    if f.limit_nanos is not None:
        episode.limit_nanos = f.limit_nanos
    if episode.cause is None or f.driver:
        driver = episode.cause.driver if episode.cause is not None else f.driver
        episode.cause = _cause(driver, episode.excess_nanos, f.dimensions, [])


def _sum_up(w: Warden, t: Tenant, episode: Episode, f: Finding, cause: Cause | None) -> None:
    """What an agent has spent of late, and the cause of it; where a test gives one, spend, excess and cause are of the same window."""
    if cause is not None:
        episode.spend_nanos, episode.excess_nanos, episode.cause = f.spend_nanos, sum(part.nanos for part in cause.drivers), cause
        return
    if episode.cause is not None and episode.excess_nanos and f.detector:
        return  # the money is told already, and this window adds none
    now = recent.recent(w, t, f.scope)
    episode.spend_nanos = max(episode.spend_nanos, now.nanos, f.spend_nanos)
    episode.excess_nanos = max(episode.excess_nanos, now.retry_nanos if f.kind == Kind.RETRY_STORM else 0)
    episode.cause = _cause(f.driver, episode.excess_nanos, f.dimensions, [])


def _excess(run: RunSeen) -> int:
    return max(0, run.nanos - run.expected_nanos)


def _cause(driver: str, excess: int, dimensions: list[Scope], changes: list[str]) -> Cause:
    return Cause(driver, 1.0, [DriverShare(driver, excess)], [DimensionShare(d.kind, d.name, 1.0) for d in dimensions], changes)


def _go_on(run: RunSeen, r: RunSpend) -> None:
    """What the run has spent by now; after a silence so long that the meter had let it go, on top of what it had spent before."""
    if run.ended and not r.ended:
        run.before_nanos, run.before_calls = run.nanos, run.calls
    run.offset, run.last_ms, run.ended = r.offset, r.last_ms, r.ended
    run.nanos, run.calls = run.before_nanos + r.nanos, run.before_calls + r.calls


def run_spent(w: Warden, t: Tenant, r: RunSpend) -> None:
    """A run that a finding named goes on, or has ended."""
    run = t.runs.get(r.root)
    if run is None or r.offset < run.offset or (r.offset == run.offset and r.ended == run.ended):
        return
    nanos, excess = run.nanos, _excess(run)
    _go_on(run, r)
    more = run.nanos - nanos
    scope = Scope("execution", r.root)
    if scope in t.tracked:
        proof.spent(t, scope, more, r.last_ms)
    episode = t.episodes.get(run.incident)
    if episode is not None and run.asked is not None and more > 0 and r.stuck:
        _ask_again(w, t, episode, run, run.asked)
    if run.quiet is not None:
        _look_again(w, t, run, r)
    if episode is None:
        return
    episode.spend_nanos += more
    episode.excess_nanos += _excess(run) - excess
    if more > 0:
        episode.found_ms = w.now_ms
    if episode.cause is not None and episode.cause.drivers:
        episode.cause = _cause(episode.cause.driver, episode.excess_nanos, [Scope(d.kind, d.name) for d in episode.cause.dimensions], episode.cause.changes)
    if episode.state == "resolved" and more > 0:
        incidents.step(w, t, episode, incidents.MORE, "spends_on")
        incidents.tell(w, t, episode, "reopened")
    elif episode.spend_nanos >= WORSE_FACTOR * max(episode.told_nanos, w.plan.min_loss_nanos):
        incidents.step(w, t, episode, incidents.MORE, "worse")
        incidents.tell(w, t, episode, "worse")
