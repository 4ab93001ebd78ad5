"""Where the time goes between a record and its pause, from the logs' own stamps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple

from service.facts import Decision, Envelope, Finding, Order, Receipt, decode_journal, decode_outbox, decode_stream
from service.log.ports import JOURNAL, OUTBOX, STREAM, Log, Row
from service.records import Usage

ROWS_AT_ONCE = 5_000
PARTITIONS = 12


class _Journal(NamedTuple):
    """When each run's finding, and each order's last receipt, were appended."""

    found: dict[str, int]
    receipts: dict[str, int]


async def stages_of(log: Log, workflow: str) -> dict[str, list[float]]:
    """Milliseconds of each stage, one number a run of that workflow."""
    heard, journal = await heard_of(log, workflow), await _journal(log)
    stages: dict[str, list[float]] = {"stream -> journal": [], "journal -> outbox": [], "outbox -> receipt": []}
    async for row in _rows(log, OUTBOX, 0):
        for order in _pauses(decode_outbox(row.value).decisions):
            name = order.scope.name
            if name in heard and name in journal.found:
                stages["stream -> journal"].append(journal.found[name] - heard[name])
                stages["journal -> outbox"].append(row.arrival_ms - journal.found[name])
            if name in heard and order.id in journal.receipts:
                stages["outbox -> receipt"].append(journal.receipts[order.id] - row.arrival_ms)
    return stages


def _pauses(decisions: list[Decision]) -> list[Order]:
    return [decision for decision in decisions if isinstance(decision, Order) and decision.action == "pause"]


async def heard_of(log: Log, workflow: str) -> dict[str, int]:
    """When the last record of each of its runs arrived in the stream."""
    items = [(row.arrival_ms, decode_stream(row.value)) for partition in range(PARTITIONS) async for row in _rows(log, STREAM, partition)]
    return {item.execution_id: arrival_ms for arrival_ms, item in items if isinstance(item, Usage) and item.workflow == workflow}


async def _rows(log: Log, topic: str, partition: int) -> AsyncIterator[Row]:
    """All that there is now, however little of it a read gives at once."""
    offset, end = await log.span(topic, partition)
    while offset < end:
        for row in await log.read(topic, partition, offset, ROWS_AT_ONCE):
            offset = row.offset + 1
            yield row


async def _journal(log: Log) -> _Journal:
    journal = _Journal({}, {})
    async for row in _rows(log, JOURNAL, 0):
        said = decode_journal(row.value)
        if isinstance(said, Receipt):
            journal.receipts[said.id] = row.arrival_ms
        elif isinstance(said, Envelope):
            for fact in said.facts:
                if isinstance(fact, Finding):
                    journal.found.setdefault(fact.execution, row.arrival_ms)
    return journal
