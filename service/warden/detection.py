"""Is that normal: every closed window of every watched scope is scored by the detectors, and what is rare becomes an incident.

One setting decides, the false alerts accepted per scope and day. A parent whose excess one child carries is inhibited by it; a parent
that no child explains is told and inhibits its children; a flat parent hides nobody.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from detectors import DETECTORS
from detectors.base import Detector
from service.facts import MINUTE_MS, TOTAL, Evidence, Kind, Scope, Untold, ident
from service.warden import incidents
from service.warden.causes import Activity
from service.warden.state import SERIES_PER_TENANT_MAX, Episode, Series, Tenant, Warden, Window

WIDTH_S: Final = 600
CALM_WINDOWS: Final = 6
REOPEN_MS: Final = 6 * 3_600_000
EXCESS_LEAST_NANOS: Final = 10_000_000  # a cent: what costs nothing wakes no one
CARRIES: Final = 0.5
CHILDREN: Final = {"total": ("business_unit", "use_case", "agent"), "business_unit": ("use_case", "agent"), "use_case": ("agent",)}
DAYS_KEPT: Final = 40


class Seen(NamedTuple):
    """One scope's window: what it cost beside what it should have."""

    scope: Scope
    nanos: int
    planned: int
    attributes: dict[str, str]


class Rare(NamedTuple):
    """A window that is rare enough to tell."""

    seen: Seen
    score: float
    expected_nanos: int
    detector: str


def look(w: Warden, t: Tenant, number: int, window: Window) -> None:
    """Scores one closed window of every scope, tells what is rare, learns the rest."""
    seen = _by_scope(w, t, window)
    rare = _score(w, t, number, seen)
    for found in _explained(w, t, rare):
        _tell(w, t, number, found)
    rare_scopes = {found.seen.scope for found in rare}
    for scope, series in t.series.items():
        if series.alarm and scope not in rare_scopes:
            _calm(w, t, series)


def _by_scope(w: Warden, t: Tenant, window: Window) -> dict[Scope, Seen]:
    """What each watched scope cost in the window, the part that the calendar expected apart."""
    seen: dict[Scope, Seen] = {}
    for cell, sums in window.cells.items():
        attributes = {"agent": cell.agent, "use_case": cell.use_case, "business_unit": cell.business_unit}
        for kind, name in (*attributes.items(), TOTAL):
            scope = Scope(kind, name)
            if scope not in t.series and not _begin(t, scope):
                continue
            known = seen.get(scope)
            planned = sums.planned_nanos
            seen[scope] = Seen(scope, sums.nanos + (known.nanos if known else 0), planned + (known.planned if known else 0), known.attributes if known else _known(scope, attributes))
    return seen


def _known(scope: Scope, attributes: dict[str, str]) -> dict[str, str]:
    """What else is sure of a scope: an agent's use case and unit, a use case's unit."""
    wider = {"agent": ("agent", "use_case", "business_unit"), "use_case": ("use_case", "business_unit"), "business_unit": ("business_unit",)}
    return {kind: attributes[kind] for kind in wider.get(scope.kind, ())}


def _begin(t: Tenant, scope: Scope) -> bool:
    if len(t.series) >= SERIES_PER_TENANT_MAX:
        t.series_folded += 1
        return False
    t.series[scope] = Series()
    return True


def detectors_of(w: Warden, t: Tenant, scope: Scope) -> dict[str, Detector]:
    """The scope's detectors, awake: made from their bytes when first needed."""
    known = w.awake.get((t.name, scope))
    if known is None:
        dumped = t.series[scope].detectors
        known = w.awake[(t.name, scope)] = {name: kind.load(dumped[name]) if name in dumped else kind() for name, kind in DETECTORS.items()}
    return known


def _score(w: Warden, t: Tenant, number: int, seen: dict[Scope, Seen]) -> list[Rare]:
    rare: list[Rare] = []
    threshold = -math.log10(w.plan.false_alerts_per_day)
    day = number // 144
    for scope, series in t.series.items():
        window = seen.get(scope)
        nanos = window.nanos - window.planned if window is not None else 0
        if window is not None and window.nanos:
            series.days[day] = series.days.get(day, 0) + window.nanos
            if len(series.days) > DAYS_KEPT:
                del series.days[min(series.days)]
        x = {"spend": nanos / 1e9, "start_s": number * WIDTH_S, "width_s": WIDTH_S}
        for name, detector in detectors_of(w, t, scope).items():
            score = detector.score_one(x)
            if score > threshold and window is not None:
                expected = round(detector.expected(x).value * 1e9)
                if nanos - expected >= EXCESS_LEAST_NANOS:
                    rare.append(Rare(window, score, expected, name))
            detector.learn_one(x)
    return rare


def _explained(w: Warden, t: Tenant, rare: list[Rare]) -> list[Rare]:
    """Who is told: a child that carries its parent's excess, or a parent that no child explains; the others join in silence."""
    told = {found.seen.scope: found for found in rare}
    for found in sorted(rare, key=lambda f: ("total", "business_unit", "use_case", "agent").index(f.seen.scope.kind)):
        scope = found.seen.scope
        if scope not in told or scope.kind == "agent":
            continue
        children = [c for c in told.values() if c.seen.scope.kind in CHILDREN[scope.kind] and (scope == TOTAL or c.seen.attributes.get(scope.kind) == scope.name)]
        excess = found.seen.nanos - found.expected_nanos
        carrier = max((c.seen.nanos - c.expected_nanos for c in children), default=0)
        if carrier >= CARRIES * excess:
            _inhibit(w, t, told.pop(scope))
        else:
            for child in children:
                _inhibit(w, t, told.pop(child.seen.scope))
    return list(told.values())


def _inhibit(w: Warden, t: Tenant, found: Rare) -> None:
    w.out.append(Untold(w.now_ms, t.series[found.seen.scope].alarm, t.name, "inhibited"))


def _tell(w: Warden, t: Tenant, number: int, found: Rare) -> None:
    scope = found.seen.scope
    series = t.series[scope]
    series.calm = 0
    episode = _episode(w, t, number, series, found)
    fresh = episode.state in ("", "resolved")
    evidence = Evidence(found.detector, round(found.score, 3), found.expected_nanos / 1e9, (found.seen.nanos - found.seen.planned) / 1e9, f"{WIDTH_S // 60} min window, USD")
    episode.evidence = [*episode.evidence[-11:], evidence]
    episode.spend_nanos += found.seen.nanos - found.seen.planned
    episode.excess_nanos += found.seen.nanos - found.seen.planned - found.expected_nanos
    if fresh:
        incidents.raise_severity(episode, "warning")
        incidents.step(w, t, episode, incidents.FOUND, str(episode.kinds[0]))
        incidents.tell(w, t, episode, "reopened" if episode.told else "opened")
    else:
        w.out.append(Untold(w.now_ms, episode.id, t.name, "unchanged"))


def _episode(w: Warden, t: Tenant, number: int, series: Series, found: Rare) -> Episode:
    """The running episode of the scope, the one that ended a while ago, or a new one, named by its first window."""
    known = t.episodes.get(series.alarm)
    if known is not None and (known.state != "resolved" or known.resolved_ms > w.now_ms - REOPEN_MS):
        return known
    scope = found.seen.scope
    eid = ident("inc", t.name, *scope, "spend", number)
    series.alarm = eid
    episode = incidents.of(t, eid, scope, "spend", number * WIDTH_S * 1000)
    episode.attributes = dict(found.seen.attributes)
    episode.kinds = [Kind.SPEND_ANOMALY]
    return episode


def _calm(w: Warden, t: Tenant, series: Series) -> None:
    series.calm += 1
    episode = t.episodes.get(series.alarm)
    if series.calm == CALM_WINDOWS and episode is not None:
        incidents.resolve(w, t, episode, "calm")
    if series.calm * WIDTH_S * 1000 > REOPEN_MS:
        series.alarm, series.calm = "", 0


__all__ = ["MINUTE_MS", "Activity", "look"]
