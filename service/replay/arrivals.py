"""When a live service would have heard each record of a file: arrival is the greatest time so far.

A jump ahead of more than ten minutes is believed when most of the next 64 records confirm it; else that record is too early. So a
quiet weekend passes, and one broken clock does not close every window behind it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from service.intake.refusals import Reason, Refusal
from service.records import TOO_EARLY_MS, Change, Outcome, Usage, instant

WITNESSES: Final = 64
UNWITNESSED_MAX_MS: Final = 366 * 86_400_000  # how far the very last record may jump, with nobody behind it to confirm it


class Read(NamedTuple):
    """One line of a file, read: a record, or why it is refused. `where` is file:line."""

    where: str
    item: Usage | Outcome | Change | Refusal


class Arrivals:
    """An iterator of (arrival_ms, Read); `now_ms` is the greatest time so far, None before the first record."""

    def __init__(self, reads: Iterable[Read], now_ms: int | None = None) -> None:
        self._source = iter(reads)
        self._ahead: deque[Read] = deque()
        self.now_ms = now_ms

    def __iter__(self) -> Iterator[tuple[int, Read]]:
        ahead = self._ahead
        while True:
            if ahead:
                read = ahead.popleft()
            else:
                found = next(self._source, None)
                if found is None:
                    return
                read = found
            item = read.item
            if not isinstance(item, Refusal):
                time_ms = instant(item.time)
                now_ms = self.now_ms
                if now_ms is None or time_ms > now_ms + TOO_EARLY_MS:
                    read = self._jump(read, item, time_ms)
                elif time_ms > now_ms:
                    self.now_ms = time_ms
            yield (self.now_ms or 0, read)

    def _jump(self, read: Read, item: Usage | Outcome | Change, time_ms: int) -> Read:
        while len(self._ahead) < WITNESSES:
            found = next(self._source, None)
            if found is None:
                break
            self._ahead.append(found)
        times = [instant(r.item.time) for r in self._ahead if not isinstance(r.item, Refusal)]
        confirming = sum(t >= time_ms - TOO_EARLY_MS for t in times)
        lone = not times and (self.now_ms is None or time_ms <= self.now_ms + UNWITNESSED_MAX_MS)
        if lone or confirming * 2 > len(times):
            self.now_ms = time_ms
            return read
        detail = "`time` is ahead of its file and the records behind it do not confirm the jump; set the producer's clock right."
        return Read(read.where, Refusal(reason=Reason.TOO_EARLY, field="time", id=item.id, detail=detail, where=read.where))
