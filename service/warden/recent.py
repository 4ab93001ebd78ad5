"""What a scope burns now: the last words of the windows that are still open."""

from __future__ import annotations

from typing import NamedTuple

from service.facts import MINUTE_MS, Scope
from service.warden.state import WINDOW_MINUTES, Tenant, Warden


class Recent(NamedTuple):
    """What a scope has spent in the windows that are still open, how much of it on retries, and how many minutes they have lasted."""

    nanos: int
    retry_nanos: int
    minutes: int


def recent(w: Warden, t: Tenant, scope: Scope) -> Recent:
    """As far as the last words of the open windows have come; at least a minute."""
    sums = [s for window in t.windows.values() for cell, s in window.cells.items() if scope in w.plan.view(cell).scopes]
    first = min(t.windows, default=w.now_ms // MINUTE_MS // WINDOW_MINUTES)
    minutes = max(w.now_ms // MINUTE_MS - first * WINDOW_MINUTES, 1)
    return Recent(sum(s.nanos for s in sums), sum(s.retry_nanos for s in sums), minutes)


def pace(w: Warden, t: Tenant, scope: Scope) -> int:
    """Nanos an hour that a scope burns now."""
    now = recent(w, t, scope)
    return max(0, now.nanos) * 60 // now.minutes
