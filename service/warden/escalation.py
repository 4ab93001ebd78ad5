"""What nobody has acknowledged in time is told again: to the owner's further receivers, and to who is on duty next. Once, until it opens anew."""

from __future__ import annotations

from service.warden import incidents
from service.warden.state import Episode, Tenant, Warden


def overdue(w: Warden, t: Tenant) -> None:
    """Looks at every incident, once a minute."""
    for episode in [each for each in t.episodes.values() if _waits(each)]:
        owner = w.plan.called(episode.owner)
        if owner is not None and owner.escalate_after_ms is not None and w.now_ms >= episode.open_since_ms + owner.escalate_after_ms:
            episode.escalated_ms = w.now_ms
            incidents.step(w, t, episode, incidents.WORSE, "escalated")
            incidents.tell(w, t, episode, "escalated")


def _waits(episode: Episode) -> bool:
    """Whether it is for a person to react, and somebody was told so: what is mild wakes nobody, what its parent tells is told there."""
    unheard = episode.state == "open" and bool(episode.told) and episode.escalated_ms < episode.open_since_ms
    return unheard and episode.severity != "info" and not episode.parent and episode.verdict != "expected"
