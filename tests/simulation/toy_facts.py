"""What the toys say to each other, and the few numbers that both know."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from msgspec import Struct

from service.facts import encode

MINUTE_MS = 60_000
START_MINUTE = 30_000_000
STREAMS, JOURNALS, CELLS = 3, 2, range(4)


class Record(Struct, array_like=True, tag="r"):
    id: str
    cell: int
    event_minute: int
    nanos: int
    run: str


class Tally(Struct, array_like=True, tag="t", frozen=True):
    """As of `offset`, `total` of a cell's event minute had come in an arrival minute of one stream."""

    stream: int
    cell: int
    event_minute: int
    arrival_minute: int
    total: int
    offset: int


class Minute(Struct, array_like=True, tag="m", frozen=True):
    """A stream has been heard up to the beginning of this minute."""

    stream: int
    minute: int


class Capped(Struct, array_like=True, tag="c", frozen=True):
    run: str
    cap: int
    spent: int


Fact = Tally | Minute | Capped


def packed(state: Any) -> dict[str, bytes]:
    return {f.name: encode(getattr(state, f.name)) for f in fields(state)}
