"""Episodes of unusual spend: windows of one scope that belong together are one incident, with one cause over all of them."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from service.facts import Cause, Evidence, Kind, Purpose, Untold, ident
from service.warden import incidents
from service.warden.causes import cause
from service.warden.normal import Seen
from service.warden.state import EVIDENCE_MAX, Alarm, Episode, Series, Tenant, Warden

WIDTH_MS: Final = 600_000
CALM_WINDOWS: Final = 6
REOPEN_WINDOWS: Final = 36
WORSE_FACTOR: Final = 4
NAMES_FROM: Final = 0.5  # a driver that carries so much of the excess names the finding
CHANGE_BEFORE_MS: Final = 6 * 3_600_000
CHANGES_MAX: Final = 5
NAMED: Final = {
    "executions": Kind.VOLUME_SURGE,
    "calls_per_execution": Kind.VOLUME_SURGE,
    "retries": Kind.RETRY_STORM,
    "input_tokens": Kind.PROMPT_BLOAT,
    "cache": Kind.CACHE_BREAK,
    "model_mix": Kind.MODEL_SWAP,
    "price": Kind.PRICE_CHANGE,
}


def found(w: Warden, t: Tenant, number: int, series: Series, seen: Seen, expected_nanos: int, evidence: Evidence) -> None:
    """A rare window of a scope: its episode begins or goes on, and its cause is told anew over all of its windows."""
    alarm = series.alarm
    if alarm is None:
        alarm = series.alarm = Alarm(ident("inc", t.name, *seen.scope, "spend", number))
    alarm.calm = 0
    alarm.activity.join(seen.activity)
    alarm.expected_nanos += expected_nanos + seen.planned + seen.told
    for member, nanos in seen.members.items():
        alarm.members[member] = alarm.members.get(member, 0) + nanos
    episode = incidents.of(t, alarm.incident, seen.scope, "spend", number * WIDTH_MS)
    episode.attributes = dict(seen.attributes)
    episode.spend_nanos = alarm.activity.nanos
    if _worth_saying(episode):
        explain(t, episode, series, alarm)
    episode.evidence = [*episode.evidence[-EVIDENCE_MAX + 1 :], evidence]
    _say(w, t, episode)


def _worth_saying(episode: Episode) -> bool:
    return episode.state in ("", "resolved") or episode.spend_nanos >= WORSE_FACTOR * max(episode.told_nanos, 1)


def explain(t: Tenant, episode: Episode, series: Series, alarm: Alarm) -> None:
    """Spend, excess and cause of the whole episode; the drivers sum to the excess."""
    usual = series.baseline.nanos
    expected = alarm.expected_nanos if usual > 0 else 0
    scale = Fraction(expected, usual) if usual > 0 else Fraction(0)
    members = {member: int(nanos * scale) for member, nanos in series.members.items()}
    changes = [_told(p, episode.opened_ms) for p in t.purposes if _near(p, episode)][-CHANGES_MAX:]
    episode.cause = cause(alarm.activity, series.baseline, scale, members=alarm.members, usual_members=members, changes=changes)
    episode.spend_nanos = alarm.activity.nanos
    episode.excess_nanos = sum(part.nanos for part in episode.cause.drivers)
    kind = _kind(episode.cause)
    if kind not in episode.kinds and not (kind == Kind.SPEND_ANOMALY and episode.kinds):
        episode.kinds = [*(k for k in episode.kinds if k != Kind.SPEND_ANOMALY), kind] if episode.state == "" else [*episode.kinds, kind]


def _kind(found_cause: Cause) -> Kind:
    return NAMED.get(found_cause.driver, Kind.SPEND_ANOMALY) if found_cause.share >= NAMES_FROM else Kind.SPEND_ANOMALY


def _near(p: Purpose, episode: Episode) -> bool:
    concerned = {(episode.scope.kind, episode.scope.name), *episode.attributes.items()}
    concerned |= {(d.kind, d.name) for d in episode.cause.dimensions} if episode.cause is not None else set()
    return tuple(p.scope) in concerned and episode.opened_ms - CHANGE_BEFORE_MS <= p.time_ms <= episode.opened_ms + WIDTH_MS


def _told(p: Purpose, opened_ms: int) -> str:
    minutes = (opened_ms - p.time_ms) // 60_000
    when = f"{minutes} min before" if minutes > 0 else "at the start"
    return " ".join(word for word in (p.what, p.ref, f"by {p.by}" if p.by else "", f"({p.scope.kind} {p.scope.name}, {when})") if word)


def _say(w: Warden, t: Tenant, episode: Episode) -> None:
    if episode.state in ("", "resolved"):
        again = episode.state == "resolved"
        incidents.raise_severity(episode, "warning")
        incidents.step(w, t, episode, incidents.FOUND, str(episode.kinds[0]))
        incidents.tell(w, t, episode, "reopened" if again else "opened")
    elif _worth_saying(episode):
        incidents.step(w, t, episode, incidents.MORE, "worse")
        incidents.tell(w, t, episode, "worse")
    else:
        w.out.append(Untold(w.now_ms, episode.id, t.name, "unchanged"))


def calm(w: Warden, t: Tenant, series: Series) -> None:
    """An ordinary window after rare ones: after an hour of them the episode is over, after six it cannot come back."""
    alarm = series.alarm
    assert alarm is not None
    alarm.calm += 1
    episode = t.episodes.get(alarm.incident)
    if alarm.calm == CALM_WINDOWS and episode is not None:
        explain(t, episode, series, alarm)
        incidents.resolve(w, t, episode, "calm")
    if alarm.calm >= REOPEN_WINDOWS or episode is None:
        series.alarm = None
