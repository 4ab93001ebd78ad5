"""What the passing of a minute does to incidents: the snoozed wake, the quiet settle, what grows is said, what nobody reacts to escalates."""

from __future__ import annotations

from typing import Final

from service.facts import DAY_MS, HOUR_MS
from service.warden import escalation, incidents, routing
from service.warden.state import FINDINGS_KEPT_MINUTES, Episode, Tenant, Warden

QUIET_RUNS_MS: Final = HOUR_MS
EPISODE_KEPT_MS: Final = 40 * DAY_MS


def each_minute(w: Warden, t: Tenant) -> None:
    """Wakes what was snoozed, settles run incidents whose runs are over, forgets what is long resolved, tells storms, escalates."""
    routing.digests(w, t, lambda episode: incidents.line(w, t, episode, "updated", "storm"))
    for episode in list(t.episodes.values()):
        if episode.state == "snoozed" and episode.snoozed_until_ms <= w.now_ms:
            incidents.step(w, t, episode, incidents.WAKE, "snooze_over")
            incidents.tell(w, t, episode, "reminder")
        elif episode.state in ("open", "acknowledged") and episode.family not in ("budget", "spend"):
            _settle(w, t, episode)
            _grow(w, t, episode)
        elif episode.state == "resolved" and episode.resolved_ms < w.now_ms - EPISODE_KEPT_MS:
            del t.episodes[episode.id]
    if w.minute % 60 == 0:
        t.found = {fid: at for fid, at in t.found.items() if at > w.minute - FINDINGS_KEPT_MINUTES}
    escalation.overdue(w, t)


def _grow(w: Warden, t: Tenant, episode: Episode) -> None:
    """What goes on spending is said, so that what was told of it can be brought up to date; nobody is told anew."""
    if episode.told and episode.state != "resolved" and incidents.has_moved(episode, episode.spend_nanos):
        incidents.say(w, t, episode, "grows")


def _settle(w: Warden, t: Tenant, episode: Episode) -> None:
    alive = [root for root in episode.live_executions if root in t.runs and not t.runs[root].ended]
    episode.live_executions = alive
    if not alive and episode.found_ms < w.now_ms - QUIET_RUNS_MS:
        incidents.resolve(w, t, episode, "quiet")
