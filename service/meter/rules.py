"""What one run, or one agent's retries, must not do.

Every rule looks at one run, speaks at most once per run, and is judged against the agent's own past (`habits`) beside a floor, so
that honest pollers and long runs stay quiet.
"""

from __future__ import annotations

from typing import Final
from zlib import crc32

from service.facts import GROWTH_PERCENT, LONG_RUN, Finding, Kind, Scope, ident
from service.meter.habits import Records, Share, storm_begins
from service.meter.plan import NO_LIMITS
from service.meter.runs import CALLS, CAP, CHILDREN, DEPTH, DURATION, ENDLESS, FAN_OUT, GROWTH, LONG, LOOP, STREAK, STUCK, SWARM, Run
from service.records import Usage

RUNS_KNOWN: Final = 8  # of an agent in this partition, before the built-in watch speaks; the warden, who knows all its runs, has the last word
CHILDREN_MAX: Final = 5_000  # remembered children per run
LOOP_NATS: Final = 30.0  # evidence that a run repeats itself beyond its agent's habit: some fifteen repeats in a row for most agents
STREAK_NATS: Final = 30.0
TEACHES_NATS: Final = 16.0  # beyond it the run may be stuck, and is no part of the habit
SURE: Final = 2.6  # times that: no poller, it may be stopped before it has cost much
NATS_OVER: Final = 8.0  # no more than that above what is sure, so that it falls again when the run goes on in earnest
OWN_RECORD: Final = 1.3  # times the evidence that the agent's earlier runs came to
STREAK_TOLERANCE_PERMILLE: Final = 3
FAN_OUT_CHILDREN: Final = 10
SWARM_TIMES: Final = 2  # times what is told: so many no honest run was ever seen to begin, it may be stopped before it has cost much
OPENINGS: Final = 3  # calls whose largest prompt a run's growth is measured from: the very first is often a mere errand
GROWTH_CALLS: Final = 20
GROWTH_TOKENS: Final = 64_000
LONG_CALLS, LONG_TIMES = 120, 3  # of one run, and times the record: no cap on steps has stopped it
ENDLESS_CALLS, ENDLESS_TIMES = 400, 6  # so far goes no honest run that was ever seen: it may be stopped

WHAT: Final = {LOOP: "calls that ask again what the run had just asked", STREAK: "calls in a row with prompts of the same size"}
Broken = tuple[int, Kind, float, float, str]  # a rule's bit, the kind, observed, allowed, of what
_NOTHING: Final[list[Finding]] = []
_SLOT: Final = (1 << 32) - 1


def is_stuck(run: Run) -> bool:
    """Whether a run that was told to loop still does; of other findings there is no way back."""
    return bool(run.told & LONG) or not run.told & (LOOP | STREAK) or run.loop >= LOOP_NATS or run.streak >= STREAK_NATS


def watched_cap(run: Run, records: Records) -> int:
    """The spend in nanos from which a run is a finding: the policy's cap, or the built-in one beyond the agent's own greatest honest run."""
    return run.cap_nanos if run.limits is not NO_LIMITS else max(run.cap_nanos, records.nanos * 2)


def follow(run: Run, u: Usage, root: str, nanos: int, event_ms: int, arrival_ms: int, records: Records, caller: Records) -> list[Finding]:
    """One more record of a run: its state moves on, and what it broke is said. `records` are of the run's agent, `caller` of the one that called."""
    run.nanos += nanos
    if event_ms > run.last_ms:  # noqa: PLR1730 -- twice as fast as max()
        run.last_ms = event_ms
    broken: list[Broken] = []
    if (
        run.nanos > run.cap_nanos
        and run.cap_nanos
        and not run.told & CAP
        and run.nanos > (cap := watched_cap(run, records))
        and (run.limits is not NO_LIMITS or records.runs >= RUNS_KNOWN)
    ):
        broken.append((CAP, Kind.EXECUTION_CAP, run.nanos / 1e9, cap / 1e9, "spend of the run, USD"))
    if u.execution_id and u.execution_id != root:
        _child(run, u, root, records, broken)
    if u.layer == "inference":
        run.calls += 1
        _call(run, u, root, records, caller, broken)
    if run.limits.counted:
        _limits(run, event_ms, broken)
    return [_finding(run, u, root, event_ms, arrival_ms, rule) for rule in broken] if broken else _NOTHING


def _child(run: Run, u: Usage, root: str, records: Records, broken: list[Broken]) -> None:
    if u.agent and u.agent != run.agent and not run.other_agent:
        run.other_agent = u.agent
    children = run.children
    if children is None:
        children = run.children = {}
    if u.execution_id in children or len(children) >= CHILDREN_MAX:
        return
    parent = u.parent_execution_id
    children[u.execution_id] = 1 if parent in ("", root) else children.get(parent, 0) + 1
    allowed = max(FAN_OUT_CHILDREN, records.children * 13 // 10 + 5)
    for bit, most in ((FAN_OUT, allowed), (SWARM, SWARM_TIMES * allowed)):
        if len(children) > most and not run.told & bit:
            broken.append((bit, Kind.FAN_OUT, len(children), allowed, "children of one run"))


def _call(run: Run, u: Usage, root: str, records: Records, caller: Records, broken: list[Broken]) -> None:
    size = u.input_tokens + u.cache_read_tokens + u.cache_write_tokens
    bar = OWN_RECORD * max(records.loop, caller.loop)
    if u.signature:
        _signature(run, u.signature, bar, caller, broken)
    elif size and u.attempt <= 1:
        _same_size(run, size, bar, caller, broken)
    if run.calls > LONG_CALLS:
        _long(run, records, broken)
    run.size = size
    if u.execution_id in (root, ""):
        _growth(run, size, records, broken)


def _growth(run: Run, size: int, records: Records, broken: list[Broken]) -> None:
    """The run's own prompts beside its own first ones: a child, or another agent, begins with a prompt of its own."""
    if size > run.opening and (run.calls <= OPENINGS or not run.opening):
        run.opening = size
    run.largest = max(run.largest, size)
    if size > GROWTH_TOKENS and run.calls > GROWTH_CALLS and not run.told & GROWTH:
        percent = size * 100 // run.opening
        allowed = max(GROWTH_PERCENT, records.growth_percent * 2)
        if percent > allowed:
            broken.append((GROWTH, Kind.CONTEXT_GROWTH, percent / 100, allowed / 100, "times the run's first prompt"))


def _long(run: Run, records: Records, broken: list[Broken]) -> None:
    """It goes on and on, whatever it does."""
    for bit, least, times in ((LONG, LONG_CALLS, LONG_TIMES), (ENDLESS, ENDLESS_CALLS, ENDLESS_TIMES)):
        allowed = max(least, times * records.calls)
        if run.calls > allowed and not run.told & bit:
            broken.append((bit, Kind.LOOP, run.calls, allowed, "calls of one run"))


def _signature(run: Run, signature: str, bar: float, caller: Records, broken: list[Broken]) -> None:
    """The same few signatures again and again, also in turns and across children."""
    sig, ring = crc32(signature.encode()), run.ring
    again = sig in (ring & _SLOT, ring >> 32, run.oldest)
    if not again:
        run.oldest, run.ring = ring >> 32, (ring & _SLOT) << 32 | sig
    if run.calls > 1:
        habit = caller.repeats
        if habit is None:
            habit = caller.repeats = Share()
        if again or run.loop:
            run.loop = _weighed(run, LOOP, run.loop, max(LOOP_NATS, bar), habit, broken, again=again)
        else:
            habit.learn(happened=False)


def _same_size(run: Run, size: int, bar: float, caller: Records, broken: list[Broken]) -> None:
    """A producer without signatures: prompt after prompt of nearly the same size."""
    again = abs(size - run.size) * 1000 <= STREAK_TOLERANCE_PERMILLE * size
    if run.calls > 1:
        habit = caller.same_size
        if habit is None:
            habit = caller.same_size = Share()
        if again or run.streak:
            run.streak = _weighed(run, STREAK, run.streak, max(STREAK_NATS, bar), habit, broken, again=again)
        else:
            habit.learn(happened=False)


def _weighed(run: Run, bit: int, nats: float, bar: float, habit: Share, broken: list[Broken], *, again: bool) -> float:
    """The evidence (a CUSUM against the habit of the agent that calls) after one more call, which is learned from unless the run may be stuck.

    It is told at `bar`; once more, now sure, at SURE times that.
    """
    nats = min(SURE * bar + NATS_OVER, max(0.0, nats + habit.surprise(again)))
    if nats < TEACHES_NATS:
        habit.learn(again)
    run.repeats += again
    run.most = max(run.most, nats)
    for told, enough in ((bit, bar), (STUCK, SURE * bar)):
        if nats >= enough and not run.told & told:
            broken.append((told, Kind.LOOP, run.repeats, max(1.0, run.calls * habit.usual), WHAT[bit]))
    return nats


def _limits(run: Run, event_ms: int, broken: list[Broken]) -> None:
    limits, told = run.limits, run.told
    children = run.children or {}
    checks = (
        (CALLS, limits.calls, run.calls, "calls of the run"),
        (CHILDREN, limits.children, len(children), "children of the run"),
        (DEPTH, limits.depth, max(children.values(), default=0) if limits.depth is not None else 0, "levels of children below the run"),
        (DURATION, limits.duration_s, event_ms // 1000 - run.started_s, "seconds since the run began"),
    )
    for bit, limit, value, what in checks:
        if limit is not None and value > limit and not told & bit:
            broken.append((bit, Kind.EXECUTION_CAP, value, limit, what))


def _finding(run: Run, u: Usage, root: str, event_ms: int, arrival_ms: int, rule: Broken) -> Finding:
    bit, kind, observed, expected, detail = rule
    run.told |= bit
    run.watched = True
    over_cap = bit == CAP
    if run.other_agent and kind == Kind.LOOP:
        detail = f"{detail}; {run.agent} and {run.other_agent} take turns"
    return Finding(
        id=ident("fnd", u.tenant, kind, root, bit),
        tenant=u.tenant,
        kind=kind,
        scope=Scope("execution", root),
        time_ms=event_ms,
        arrival_ms=arrival_ms,
        agent=run.agent,
        use_case=run.use_case,
        business_unit=run.business_unit,
        workflow=run.workflow,
        execution=root,
        spend_nanos=run.nanos,
        expected_nanos=run.expected_nanos,
        limit_nanos=round(expected * 1e9) if over_cap else None,
        observed=float(observed),
        expected=float(expected),
        detail=detail,
        driver="executions" if kind == Kind.FAN_OUT else "input_tokens" if kind == Kind.CONTEXT_GROWTH else "calls_per_execution",
        action=run.limits.action if bit in (CAP, CALLS, DEPTH, CHILDREN, DURATION) else "",
        dimensions=[Scope("execution", root)],
        since_ms=run.started_s * 1000,
        sure=bit not in (LOOP, STREAK, LONG, FAN_OUT),
        detector=LONG_RUN if bit in (LONG, ENDLESS) else "",
        tier=run.limits.tier if bit in (CAP, CALLS, DEPTH, CHILDREN, DURATION) else "",
    )


def storm(partition: int, records: Records, u: Usage, agent: str, use_case: str, event_ms: int, arrival_ms: int) -> Finding | None:
    """A retry storm of the agent, as this partition sees it, when this call tips the evidence."""
    if not storm_begins(records, u.attempt):
        return None
    return Finding(
        id=ident("fnd", u.tenant, Kind.RETRY_STORM, agent, event_ms // 3_600_000, partition),
        tenant=u.tenant,
        kind=Kind.RETRY_STORM,
        scope=Scope("agent", agent),
        time_ms=event_ms,
        arrival_ms=arrival_ms,
        agent=agent,
        use_case=use_case,
        business_unit=u.business_unit,
        workflow=u.workflow,
        observed=records.storm,
        expected=0.0,
        detail=f"third and later tries, the last one number {u.attempt}{': ' + u.error if u.error else ''}",
        driver="retries",
        dimensions=[Scope("model", u.model)] if u.model else [],
    )
