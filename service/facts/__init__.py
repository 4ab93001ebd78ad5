"""What the parts say to each other: rows of the stream, facts of the journal, decisions of the outbox.

Times are Unix milliseconds (`_ms`) or whole minutes since 1970 (`minute`); money is nano-dollars (`_nanos`).
Everything travels as MessagePack; fields are only ever added at the end.
"""

from service.facts.decided import (
    Cause,
    Decision,
    DimensionShare,
    DriverShare,
    Evidence,
    Incident,
    Notice,
    Order,
    Ordered,
    OrderState,
    Outbox,
    PricedLate,
    Untold,
)
from service.facts.names import CELL_KINDS, DRIVERS, LONG_RUN, MARK_MS, MINUTE_MS, TOTAL, Cell, Kind, Member, Scope, ident
from service.facts.reached import CALLS_TAUGHT, CHILDREN_TAUGHT, GROWTH_PERCENT, Reached
from service.facts.rows import Control, ControlAction, Envelope, JournalRow, PolicySet, Receipt, StreamItem, StreamRow, Tick
from service.facts.said import Counts, Fact, Finding, Heaviest, Measures, Progress, Purpose, Reckoning, RunSpend, Shape, Share, Tally, Vote, tenant_of
from service.facts.shapes import parts_of_call, shape_of_call, size_at, size_bin
from service.facts.travel import decode_journal, decode_outbox, decode_stream, encode

__all__ = [
    "CALLS_TAUGHT",
    "CELL_KINDS",
    "CHILDREN_TAUGHT",
    "DRIVERS",
    "GROWTH_PERCENT",
    "LONG_RUN",
    "MARK_MS",
    "MINUTE_MS",
    "TOTAL",
    "Cause",
    "Cell",
    "Control",
    "ControlAction",
    "Counts",
    "Decision",
    "DimensionShare",
    "DriverShare",
    "Envelope",
    "Evidence",
    "Fact",
    "Finding",
    "Heaviest",
    "Incident",
    "JournalRow",
    "Kind",
    "Measures",
    "Member",
    "Notice",
    "Order",
    "OrderState",
    "Ordered",
    "Outbox",
    "PolicySet",
    "PricedLate",
    "Progress",
    "Purpose",
    "Reached",
    "Receipt",
    "Reckoning",
    "RunSpend",
    "Scope",
    "Shape",
    "Share",
    "StreamItem",
    "StreamRow",
    "Tally",
    "Tick",
    "Untold",
    "Vote",
    "decode_journal",
    "decode_outbox",
    "decode_stream",
    "encode",
    "ident",
    "parts_of_call",
    "shape_of_call",
    "size_at",
    "size_bin",
    "tenant_of",
]
