"""When a live service would have heard each record of a file: arrival is the greatest time so far.

A jump ahead of more than ten minutes is believed when most of the next 64 records confirm it; else that record is too early. So a
quiet weekend passes, and one broken clock does not close every window behind it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final, Protocol, TypeAlias

from service.intake.refusals import Reason, Refusal
from service.records import TOO_EARLY_MS, Change, Outcome, Usage, instant

WITNESSES: Final = 64
UNWITNESSED_MAX_MS: Final = 366 * 86_400_000  # how far the very last record may jump, with nobody behind it to confirm it

Item: TypeAlias = Usage | Outcome | Change | Refusal


class Source(Protocol):
    """An iterator of records and refusals that knows where it is."""

    @property
    def where(self) -> str:
        """file:line of the last item."""
        ...

    def __iter__(self) -> Iterator[Item]: ...


def arriving(source: Source, now_ms: int | None = None) -> Iterator[tuple[int, Item]]:
    """Each item of a source with its arrival_ms; `now_ms` is the greatest time before the first."""
    items = iter(source)
    ahead: deque[tuple[str, Item]] = deque()
    while True:
        if ahead:
            where, item = ahead.popleft()
        else:
            found = next(items, None)
            if found is None:
                return
            where, item = "", found
        if not isinstance(item, Refusal):
            time_ms = instant(item.time)
            if now_ms is None or time_ms > now_ms + TOO_EARLY_MS:
                where = where or source.where
                while len(ahead) < WITNESSES and (found := next(items, None)) is not None:
                    ahead.append((source.where, found))
                if _believed(time_ms, now_ms, [instant(i.time) for _, i in ahead if not isinstance(i, Refusal)]):
                    now_ms = time_ms
                else:
                    item = _too_early(item, where)
            elif time_ms > now_ms:
                now_ms = time_ms
        yield now_ms or 0, item


def _believed(time_ms: int, now_ms: int | None, witnesses: list[int]) -> bool:
    confirming = sum(t >= time_ms - TOO_EARLY_MS for t in witnesses)
    lone = not witnesses and (now_ms is None or time_ms <= now_ms + UNWITNESSED_MAX_MS)
    return lone or confirming * 2 > len(witnesses)


def _too_early(item: Usage | Outcome | Change, where: str) -> Refusal:
    detail = "`time` is ahead of its file and the records behind it do not confirm the jump; set the producer's clock right."
    return Refusal(reason=Reason.TOO_EARLY, field="time", id=item.id, detail=detail, where=where)
