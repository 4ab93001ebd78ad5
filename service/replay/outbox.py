"""An outbox as the decisions it holds, each once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from service.facts import Decision, decode_outbox
from service.log.ports import OUTBOX, Log

READ_ROWS: Final = 1_000


async def decided(log: Log, partition: int = 0, before: int | None = None) -> AsyncIterator[list[Decision]]:
    """Decisions in the order in which they were made, up to before an offset if one is given.

    A warden that was killed says some again: an answer to a journal row that was answered before is an echo and left out.
    """
    offset, end = await log.span(OUTBOX, partition)
    end = end if before is None else min(before, end)
    answered = -1
    while offset < end:
        rows = await log.read(OUTBOX, partition, offset, min(READ_ROWS, end - offset))
        offset = rows[-1].offset + 1
        for row in rows:
            answer = decode_outbox(row.value)
            if answer.at > answered:
                answered = answer.at
                yield answer.decisions
