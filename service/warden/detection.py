"""Is that normal: every closed window of every watched scope is scored by the detectors, and what is rare becomes an incident.

One setting decides, the false alerts accepted per scope and day. A parent whose excess one child carries is inhibited by it; a parent
that no child explains is told and inhibits its children; a flat parent hides nobody. What has been told of an agent is no news of its parents,
and what has been told of a run is none of its agent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

from detectors.base import Features
from detectors.surprise import QUIET_S, WINSOR
from service.facts import TOTAL, Evidence, Reckoning, Scope, Untold, Vote
from service.money import CENT
from service.warden import episodes, named, normal, today, told, votes
from service.warden.activity import Activity
from service.warden.launches import LAUNCH_FACTOR, launched
from service.warden.normal import Seen
from service.warden.state import SERIES_PER_TENANT_MAX, Series, Tenant, Warden, Window

PARENTS: Final = 1.2  # more of -log10: a use case or unit that no agent of it explains is seldom right
SPEND_PART: Final = 0.1  # of the false alerts accepted: what moves the spend is told first by `signals`
EXCESS_LEAST_NANOS: Final = CENT  # what costs nothing wakes no one
CARRIES: Final = 0.5
ORDER: Final = ("total", "business_unit", "use_case", "agent")
DAYS_KEPT: Final = 40
WINDOWS_A_DAY: Final = 144
NO_VOTES: Final[Mapping[Scope, list[Vote]]] = {}


class Rare(NamedTuple):
    """A window that is rare enough to tell."""

    seen: Seen
    score: float
    expected_nanos: int
    detector: str
    reckoning: Reckoning | None = None

    @property
    def excess_nanos(self) -> int:
        """What it cost beyond what was expected, planned and told of its agents."""
        return self.seen.heard_nanos - self.expected_nanos


def look(w: Warden, t: Tenant, number: int, window: Window, heard: Mapping[Scope, list[Vote]] = NO_VOTES) -> None:
    """Scores one closed window of every scope, tells what is rare, learns the rest. `heard`: what the sequential tests say of it."""
    seen = normal.by_scope(window)
    for scope in seen:
        if scope not in t.series:
            _begin(t, scope)
    rare, said = _score(w, t, number, seen)
    for found in _explained(w, t, rare):
        evidence = Evidence(
            found.detector,
            round(found.score, 3),
            found.expected_nanos / 1e9,
            found.seen.heard_nanos / 1e9,
            "ten minutes, USD",
            found.reckoning,
            votes.chosen(vote for vote in (*heard.get(found.seen.scope, ()), *said.get(found.seen.scope, ())) if vote.detector != found.detector),
        )
        episodes.found(w, t, number, t.series[found.seen.scope], found.seen, found.expected_nanos, evidence)
    alarming = {found.seen.scope for found in rare}
    for scope, series in t.series.items():
        if scope not in alarming:
            if series.alarm is not None:
                episodes.calm(w, t, series)
            if series.alarm is None and scope in seen:
                normal.learn(series, seen[scope])
        if number % WINDOWS_A_DAY == 0:
            normal.fade(series)


def _begin(t: Tenant, scope: Scope) -> None:
    if len(t.series) >= SERIES_PER_TENANT_MAX:
        t.series_folded += 1
    else:
        t.series[scope] = Series()


def _score(w: Warden, t: Tenant, number: int, seen: dict[Scope, Seen]) -> tuple[list[Rare], dict[Scope, list[Vote]]]:
    """Every scope's detectors hear the window, silence too, agents first; what is rare, and what each says where the policy names more than the one."""
    rare: list[Rare] = []
    said: dict[Scope, list[Vote]] = {}
    threshold = -math.log10(w.plan.false_alerts_per_day * SPEND_PART)
    known = told.agents(t)
    for scope, series in sorted(t.series.items(), key=lambda item: item[0].kind != "agent"):
        window = seen.get(scope)
        if window is not None and window.nanos:
            _day(series, number // WINDOWS_A_DAY, window.nanos)
        nanos = window.heard_nanos if window is not None else 0
        detector = votes.awake(series)
        x = votes.features(number, nanos)
        level, weighed = detector.weigh(x)
        score = detector.rarity(level) if detector.warm else 0.0
        usual = round(weighed.expected * 1e9)
        if window is not None and scope.kind == "agent" and scope.name in known:
            _told_above(seen, window, max(0, nanos - usual))
        if window is not None:
            window.most = round(WINSOR * (weighed.expected + weighed.soft) * 1e9) if detector.warm else 0
        more = 0.0 if scope.kind == "agent" else PARENTS
        found = None
        if window is not None and score > max(0.0, threshold + more):
            found = Rare(window, score, usual, detector.name, votes.reckoning(detector.basis(x), votes.nats(threshold + more)))
        if w.plan.named or len(series.detectors) > 1:
            others = _named(w, t, series, scope, window, x, is_awake=detector.quiet_s <= QUIET_S)
            said[scope] = [Vote(detector.name, score), *others.votes]
            if found is None and window is not None:
                found = _strongest(others, window, usual, named.threshold(w.plan.false_alerts_per_day, w.plan.named) + more)
        if found is not None and _is_news(w, t, found):
            rare.append(found)
        detector.take(weighed)
        series.detectors[detector.name] = detector.dump()
        today.add(series, number // WINDOWS_A_DAY, window, usual)
    return rare, said


def _named(w: Warden, t: Tenant, series: Series, scope: Scope, window: Seen | None, x: Features, *, is_awake: bool) -> named.Heard:
    """What those say that the policy names, which hear no planned window and no long silence; those that it names no more are forgotten."""
    always = {votes.WATCHING.name: series.detectors[votes.WATCHING.name]} if votes.WATCHING.name in series.detectors else {}
    if (window is not None and window.planned) or not is_awake:
        names = {each.name for each in w.plan.named}
        series.detectors = always | {name: raw for name, raw in series.detectors.items() if name in names}
        return named.NOTHING
    heard = named.hear(w.plan.named, scope.kind, series.detectors, x | named.amounts(window.activity if window is not None else Activity()))
    series.detectors = always | heard.asleep
    t.named_silenced += heard.faults
    return heard


def _strongest(heard: named.Heard, window: Seen, usual: int, least: float) -> Rare | None:
    """What the most surprised of those that the policy names would tell."""
    vote = max(heard.votes, key=lambda each: each.score, default=None)
    if vote is None or vote.score <= max(0.0, least):
        return None
    basis = heard.bases.get(vote.detector)
    return Rare(window, vote.score, usual, vote.detector, votes.reckoning(basis, votes.nats(least)) if basis is not None else None)


def _told_above(seen: dict[Scope, Seen], agent: Seen, nanos: int) -> None:
    """So much of what its use case, unit and the total spent has been told of the agent."""
    for parent in (TOTAL, *(Scope(kind, name) for kind, name in agent.attributes.items())):
        if parent in seen and parent != agent.scope:
            seen[parent].told += nanos


def _is_news(w: Warden, t: Tenant, found: Rare) -> bool:
    """Whether it costs something, and neither a launch nor runs that were told carry it."""
    of_runs = sum(episode.spend_nanos for episode in told.of_runs(w, t, found.seen.scope))
    return found.excess_nanos >= max(EXCESS_LEAST_NANOS, of_runs / CARRIES) and not _launched(w, t, found)


def _day(series: Series, day: int, nanos: int) -> None:
    series.days[day] = series.days.get(day, 0) + nanos
    if len(series.days) > DAYS_KEPT:
        del series.days[min(series.days)]


def _launched(w: Warden, t: Tenant, found: Rare) -> bool:
    """Whether a recorded launch explains as much as this."""
    if found.seen.heard_nanos > LAUNCH_FACTOR * found.expected_nanos:
        return False
    concerned = {(found.seen.scope.kind, found.seen.scope.name), *found.seen.attributes.items()}
    return launched(w, t, concerned)


def _explained(w: Warden, t: Tenant, rare: list[Rare]) -> list[Rare]:
    """Who is told: a child that carries its parent's excess, or a parent that no child explains; the others join in silence."""
    news = {found.seen.scope: found for found in rare}
    for found in sorted(rare, key=lambda f: ORDER.index(f.seen.scope.kind)):
        scope = found.seen.scope
        if scope not in news or scope.kind == "agent":
            continue
        children = [c for c in news.values() if _is_child(c.seen, scope)]
        if max((c.excess_nanos for c in children), default=0) >= CARRIES * found.excess_nanos:
            _inhibit(w, t, news.pop(scope))
        else:
            for child in children:
                _inhibit(w, t, news.pop(child.seen.scope))
    return list(news.values())


def _is_child(seen: Seen, parent: Scope) -> bool:
    if ORDER.index(seen.scope.kind) <= ORDER.index(parent.kind):
        return False
    return parent == TOTAL or seen.attributes.get(parent.kind) == parent.name


def _inhibit(w: Warden, t: Tenant, found: Rare) -> None:
    alarm = t.series[found.seen.scope].alarm
    w.out.append(Untold(w.now_ms, alarm.incident if alarm else "", t.name, "inhibited"))
