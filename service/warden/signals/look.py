"""Hears a closed window with every test of every agent and workflow, and tells what is rare."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from detectors.mix import Mix
from detectors.sequences import Signal
from service.facts import Reached, Scope, Vote
from service.warden import habits
from service.warden.signals import quiet
from service.warden.signals.features import Agent, Asked, alive, asked, begun, by_agent, by_provider, unlabelled
from service.warden.signals.registry import DAY, TESTS
from service.warden.signals.tell import Said, tell
from service.warden.state import Tenant, Told, Warden, Watch, Window

WATCHES_MAX: Final = 50_000
ASLEEP_WINDOWS: Final = 14 * DAY  # of silence, then an agent's own is heard no more: it was told long ago, and its expected runs are down to a tenth
AWAY_WINDOWS: Final = 3 * DAY  # of silence, then who comes back may find its feet; a weekend is no absence
KEPT_WINDOWS: Final = 45 * DAY  # of silence, then all is forgotten: what runs once a month comes again before, and records have faded in a month
SIGNALS_MAX: Final = 48  # of one scope: as many workflows and models are followed by name
USUAL_RATE: Final = 0.05
SLOPE: Final = 0.65  # measured: at 0.11, 0.05 and 0.02 false alerts per scope and day all thresholds are times 0.8, 1 and 1.3
_LN10: Final = math.log(10.0)


def look(w: Warden, t: Tenant, number: int, window: Window) -> dict[Scope, list[Vote]]:
    """One closed window; `number` counts windows of ten minutes since 1970. Returns the tests' votes on it, by scope and test."""
    agents = by_agent(window)
    if number % DAY == 0:
        _forget(t, number)
    for name in agents:
        _known(t, Scope("agent", name), number)
    factor = _factor(w.plan.false_alerts_per_day)
    heard = list(_heard(t, number, window, agents))
    votes: dict[Scope, list[Vote]] = {}
    for said in heard:
        votes.setdefault(said.scope, []).append(Vote(said.key, said.score / _LN10))
    for said in heard:
        watch = t.watches[said.scope]
        rare = said.score >= TESTS[said.test].nats * factor
        why = quiet.why(w, t, watch, agents.get(said.scope.name), said, number) if rare else ""
        if rare and why != quiet.TOLD:
            watch.told[said.key] = Told(number, said.score, why)
            if not why:
                tell(w, t, window, agents, said, number, factor=factor, others=[vote for vote in votes[said.scope] if vote.detector != said.key])
        elif said.key in watch.told:
            _goes_on(watch.told[said.key], said, number)
    return votes


def ended(t: Tenant, agent: str, number: int, reached: Reached) -> None:
    """Runs of the agent have ended, in the window `number`."""
    watch = _known(t, Scope("agent", agent), number)
    if watch is not None:
        habits.learn(watch.habit, reached)


def _goes_on(told: Told, said: Said, number: int) -> None:
    """The episode lasts; what explained it explains all of it."""
    told.number = number
    if told.why:
        told.score = max(told.score, said.score)


def _heard(t: Tenant, number: int, window: Window, agents: dict[str, Agent]) -> Iterator[Said]:
    together = by_provider(agents.values())
    listening = [scope for scope, watch in t.watches.peek() if scope.kind == "agent" and number - watch.last <= ASLEEP_WINDOWS]
    for scope in listening:  # the others are not even taken out, or a snapshot would have to look at them
        yield from _agent(t, t.watches[scope], scope, agents.get(scope.name), together, number)
    for scope, (hits, of) in unlabelled(window).items():
        watch_of = _known(t, scope, number)
        said = _hear(t, watch_of, scope, Asked("unattributed", {"hits": float(hits), "of": float(of)}, scope.name), number) if watch_of is not None else None
        if said is not None:
            yield said


def _factor(rate: float) -> float:
    """What thresholds are multiplied by, for another rate of false alerts than they were measured at."""
    return min(2.5, max(0.4, 1.0 - SLOPE * math.log10(rate / USUAL_RATE)))


def _known(t: Tenant, scope: Scope, number: int) -> Watch | None:
    """The scope's tests, begun if there is room; None where there is none."""
    watch = t.watches.get(scope)
    if watch is None:
        if len(t.watches) >= WATCHES_MAX:
            t.watches_folded += 1
            return None
        watch = t.watches[scope] = Watch(first=number, last=number)
    if number - watch.last > AWAY_WINDOWS:
        watch.returned = number
    watch.last = number
    return watch


def _forget(t: Tenant, number: int) -> None:
    """Once a day: whoever did nothing for so long begins anew, should he come back."""
    for scope in [scope for scope, watch in t.watches.peek() if number - watch.last > KEPT_WINDOWS]:
        del t.watches[scope]
        t.watches_forgotten += 1


def _agent(t: Tenant, watch: Watch, scope: Scope, agent: Agent | None, together: dict[str, tuple[int, int]], number: int) -> Iterator[Said]:
    """All of an agent's tests; only its pace hears silence."""
    for name, count in (("up", begun(agent)), ("silence", alive(agent))):
        said = _hear(t, watch, scope, Asked(name, {"count": count, "start_s": 600.0 * number}), number)
        if said is not None:
            yield said
    if agent is None:
        return
    for each in asked(agent, together):
        said = _hear(t, watch, scope, each, number)
        if said is not None:
            yield said


def _hear(t: Tenant, watch: Watch, scope: Scope, each: Asked, number: int) -> Said | None:
    """One test hears one window, and all that was empty before it: first its score, then it learns."""
    key = f"{each.name}:{each.about}" if each.about else each.name
    signal = watch.signals.get(key)
    if signal is None:
        if len(watch.signals) >= SIGNALS_MAX:
            t.signals_folded += 1
            return None
        signal = watch.signals[key] = TESTS[each.name].make()
    each.features["width_s"] = 600.0 * (number - watch.heard.get(key, number - 1))
    watch.heard[key] = number
    level, seen = signal.weigh(each.features)
    score = signal.rarity(level) * _LN10 if signal.warm else 0.0
    said = _said(signal, scope, each, key, score) if score > 1.0 else None
    signal.take(each.features, level, seen)
    return said


def _said(signal: Signal, scope: Scope, each: Asked, key: str, score: float) -> Said:
    expected = signal.expected(each.features)
    leader = signal.leader(each.features) if isinstance(signal, Mix) else each.leader or each.about
    return Said(each.name, key, scope, score, leader, expected.value, expected.high, signal.observed(each.features), signal.basis(each.features))
