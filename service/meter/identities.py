"""Has this record been heard before: the first thing that happens to every record."""

from __future__ import annotations

from typing import Final

from service.meter.repeats import HORIZON_MS, identity
from service.meter.state import Meter
from service.records import Record

LATE_MS: Final = 10 * 60 * 1000


def repeated(meter: Meter, kind: str, record: Record, check: int, event_ms: int, arrival_ms: int) -> bool:
    """Whether this identity has been heard; if not, it has been now. `check` (0..250) stands for its content: the first one wins."""
    counts = meter.counts
    counts.records += 1
    digest = identity(record.tenant, kind, record.source, record.id)
    known = meter.repeats.known.get(digest)
    if known is not None:
        counts.duplicates += 1
        counts.conflicts += known != check
        return True
    if event_ms < arrival_ms - LATE_MS:
        counts.late += 1
        counts.unchecked += event_ms < arrival_ms - HORIZON_MS
    meter.repeats.remember(digest, check, arrival_ms)
    counts.accepted += 1
    return False
