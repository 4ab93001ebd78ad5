"""A place in words, and where an incident's money lies as JSON: for commands and the door alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.facts import HOUR_MS, MINUTE_MS, Scope
from service.localise.where import DAY, WEEK, Where
from service.money import usd
from service.phrases import called, spelt
from service.records import rfc3339


def said(values: Mapping[str, str]) -> str:
    """A combination of values.

    >>> said({"agent": "indexer", "model": "gpt-4.1"}), said({"workflow": "", "batch": "yes"})
    ('agent indexer, model gpt-4.1', 'no workflow, in batches')
    """
    return ", ".join(_said(kind, name) for kind, name in values.items())


def _said(kind: str, name: str) -> str:
    if kind == "batch":
        return "in batches" if name == "yes" else "not in batches"
    return called(Scope(kind, name)) if name else f"no {spelt(kind)}"


def beside(where: Where) -> str:
    """What the difference is to.

    >>> beside(Where(0, 240, DAY, 1)), beside(Where(0, 240, WEEK, 4)), beside(Where(0, 42_000, 5 * WEEK, 2))
    ('the same hours of the day before', 'the same hours of the 4 weeks before', 'the same hours of the 2 times 5 weeks before')
    """
    unit, length = ("day", DAY) if where.every_hours == DAY else ("week", WEEK)
    width = where.every_hours // length
    if width > 1:
        return f"the same hours of the {where.times} times {width} {unit}s before"
    return f"the same hours of the {f'{where.times} {unit}s' if where.times > 1 else unit} before"


def where_line(where: Where) -> dict[str, Any]:
    """Money is exact decimal text, times are RFC 3339; `rest_usd` is what none of the `places` carries."""
    span = {"from": rfc3339(where.from_hour * HOUR_MS), "to": rfc3339(where.to_minute * MINUTE_MS)}
    if where.unknown:
        return span | {"unknown": where.unknown}
    return span | {
        "every_hours": where.every_hours,
        "averaged": where.times,
        "combinations": where.cells,
        "difference_usd": usd(where.nanos),
        "places": [{"values": place.values, "difference_usd": usd(place.nanos)} for place in where.places],
        "rest_usd": usd(where.rest_nanos),
    }
