"""A launch that somebody recorded explains more work for a while, up to a size."""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from service.warden.state import Tenant, Warden

LAUNCH_MS: Final = 30 * 3_600_000
LAUNCH_FACTOR: Final = 2.5  # a recorded launch explains that much; a misfire beside it must not hide behind it


def launched(w: Warden, t: Tenant, concerned: Container[tuple[str, str]]) -> bool:
    """Whether one was recorded of late for one of these scopes, given as (kind, name)."""
    return any(p.what == "launch" and tuple(p.scope) in concerned and w.now_ms - LAUNCH_MS < p.time_ms <= w.now_ms for p in t.purposes)
