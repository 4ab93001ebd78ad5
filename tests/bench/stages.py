"""Where the time goes between a record and its pause, from the logs' own stamps."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from service.facts import Decision, Envelope, Finding, Order, Receipt, decode_journal, decode_outbox, decode_stream
from service.log.ports import JOURNAL, OUTBOX, STREAM
from service.log.sqlite import SqliteLog
from service.records import Usage

ALL = 1 << 30
PARTITIONS = 12


class _Journal(NamedTuple):
    """When each run's finding, and each order's last receipt, were appended."""

    found: dict[str, int]
    receipts: dict[str, int]


async def stages_of(folder: Path, workflow: str) -> dict[str, list[float]]:
    """Milliseconds of each stage, one number a run of that workflow."""
    log = SqliteLog(folder, lambda: 0)
    heard, journal = await _heard(log, workflow), await _journal(log)
    stages: dict[str, list[float]] = {"stream -> journal": [], "journal -> outbox": [], "outbox -> receipt": []}
    for row in await log.read(OUTBOX, 0, 0, ALL):
        for order in _pauses(decode_outbox(row.value).decisions):
            name = order.scope.name
            if name in heard and name in journal.found:
                stages["stream -> journal"].append(journal.found[name] - heard[name])
                stages["journal -> outbox"].append(row.arrival_ms - journal.found[name])
            if name in heard and order.id in journal.receipts:
                stages["outbox -> receipt"].append(journal.receipts[order.id] - row.arrival_ms)
    log.close()
    return stages


def _pauses(decisions: list[Decision]) -> list[Order]:
    return [decision for decision in decisions if isinstance(decision, Order) and decision.action == "pause"]


async def _heard(log: SqliteLog, workflow: str) -> dict[str, int]:
    items = [(row.arrival_ms, decode_stream(row.value)) for partition in range(PARTITIONS) for row in await log.read(STREAM, partition, 0, ALL)]
    return {item.execution_id: arrival_ms for arrival_ms, item in items if isinstance(item, Usage) and item.workflow == workflow}


async def _journal(log: SqliteLog) -> _Journal:
    journal = _Journal({}, {})
    for row in await log.read(JOURNAL, 0, 0, ALL):
        said = decode_journal(row.value)
        if isinstance(said, Receipt):
            journal.receipts[said.id] = row.arrival_ms
        elif isinstance(said, Envelope):
            for fact in said.facts:
                if isinstance(fact, Finding):
                    journal.found.setdefault(fact.execution, row.arrival_ms)
    return journal
