"""One replay from the first line to the summary; what it prints is given to a listener."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from service.facts import Audited, Counts, Decision, PricedLate, Untold
from service.intake.refusals import Refusal
from service.messages.transcript import transcript_line
from service.money import usd
from service.records import rfc3339
from service.replay.arrivals import Item
from service.replay.engine import Engine, totals

BOUNDS: Final = (
    "conflicts",
    "unchecked",
    "runs_dropped",
    "cells_folded",
    "members_folded",
    "names_dropped",
    "shapes_dropped",
    "users_folded",
    "repeats_forgotten",
)
BY: Final = ("use_case", "business_unit", "agent", "model", "workflow")


@dataclass
class Tallies:
    """What a replay counts beside the folds."""

    events: int = 0
    refused: int = 0
    untold: dict[str, int] = field(default_factory=dict)
    last_ms: int = 0


Line = dict[str, Any]


def replay(engine: Engine, heard: Iterable[tuple[int, Item]], seen: Tallies, stop_after: int | None = None) -> Iterator[list[Line]]:
    """Feeds records to the engine and yields the transcript's lines as they are decided; stops after `stop_after` records."""
    for arrival_ms, item in heard:
        seen.events += 1
        if arrival_ms > seen.last_ms:  # noqa: PLR1730 -- twice as fast as max()
            seen.last_ms = arrival_ms
        if isinstance(item, Refusal):
            seen.refused += 1
            yield [refused_line(item, arrival_ms)]
        else:
            decisions = engine.hear(seen.last_ms, item)
            if decisions:
                yield lines_of(decisions, seen)
        if stop_after is not None and seen.events >= stop_after:
            return


def finish(engine: Engine, seen: Tallies) -> list[Line]:
    """The lines that the end of the files decides."""
    return lines_of(engine.finish(seen.last_ms), seen)


def lines_of(decisions: Iterable[Decision], seen: Tallies) -> list[Line]:
    """Decisions as lines; what nobody was told is only counted, and the audit has its own export."""
    lines: list[Line] = []
    for decision in decisions:
        match decision:
            case Untold():
                seen.untold[decision.reason] = seen.untold.get(decision.reason, 0) + 1
            case PricedLate() | Audited():
                pass
            case _:
                lines.append(transcript_line(decision))
    return lines


def refused_line(refusal: Refusal, arrival_ms: int) -> Line:
    """A refused record as the transcript says it."""
    return {
        "type": "refused",
        "time": rfc3339(arrival_ms),
        "reason": str(refusal.reason),
        "field": refusal.field,
        "id": refusal.id,
        "where": refusal.where,
        "detail": refusal.detail,
    }


def summary_line(engine: Engine, seen: Tallies, elapsed_s: float) -> Line:
    """The transcript's last line."""
    return summary(counted(meter.counts for meter in engine.meters), lambda kind: totals(engine.warden, kind), seen, elapsed_s)


def summary(counts: Mapping[str, int], spend_by: Callable[[str], dict[str, int]], seen: Tallies, elapsed_s: float) -> Line:
    """Exact totals, and whatever was bounded or dropped; `spend_by` gives the nanos of each member of a kind of scope."""
    by = {kind: {name: usd(nanos) for name, nanos in spend_by(kind).items()} for kind in BY}
    return {
        "type": "summary",
        "events": seen.events,
        "accepted": counts["accepted"],
        "duplicates": counts["duplicates"],
        "refused": seen.refused,
        "late": counts["late"],
        "unpriced": counts["unpriced"],
        "spend_usd": usd(spend_by("total").get("total", 0)),
        "by": by,
        "events_per_s": round(seen.events / elapsed_s) if elapsed_s > 0 else 0,
        "bounds": {name: counts[name] for name in BOUNDS},
        "untold": dict(sorted(seen.untold.items())),
    }


def counted(all_counts: Iterable[Counts]) -> dict[str, int]:
    """The counts of all partitions added up, by name."""
    added: dict[str, int] = dict.fromkeys(Counts.__struct_fields__, 0)
    for counts in all_counts:
        for name in added:
            added[name] += getattr(counts, name)
    return added


Listener = Callable[[list[Line]], None]
