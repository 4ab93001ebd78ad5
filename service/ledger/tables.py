"""The tables of the books. All of it can be rebuilt from the logs, so nothing here is the only copy of anything, but of the old audit.

An amount of money lies in two columns, whole dollars and the nano-dollars beside them, so that no sum of 64-bit numbers overflows.
Names are looked up by a digest, because ten names of 256 characters are too long for an index.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text

meta: Final = MetaData()
Whole: Final = BigInteger().with_variant(Integer, "sqlite")  # SQLite's INTEGER has 64 bits, and only it counts up by itself

# How far each partition of a log has been read: saved in the same transaction as what was read.
places: Final = Table(
    "places",
    meta,
    Column("topic", String(16), primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next_offset", Whole, nullable=False),
    Column("decided_at", Whole, nullable=False),
)

# How far each journal partition has heard of each stream partition.
marks: Final = Table(
    "marks",
    meta,
    Column("journal", Integer, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("mark_ms", Whole, nullable=False),
    Column("counts", LargeBinary, nullable=False),
)

# Who spends: a cell (kind `cell`), or a member of some kind with its name.
subjects: Final = Table(
    "subjects",
    meta,
    Column("id", Whole, primary_key=True),
    Column("digest", LargeBinary(16), nullable=False, unique=True),
    Column("tenant", Text, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    *(Column(name, Text, nullable=False) for name in ("agent", "use_case", "business_unit", "workflow", "provider", "model", "layer", "operation")),
    Column("batch", Boolean, nullable=False),
)

SUMS: Final = ("records", "usd", "nanos", "tokens", "input", "cache_read", "cache_write", "output", "reasoning", "calls", "errors", "retries", "unpriced")


def _sums() -> list[Column[int]]:
    return [Column(name, Whole, nullable=False, default=0) for name in SUMS]


# The open arrival minute of each stream partition: absolute, by greatest offset.
open_minutes: Final = Table(
    "open_minutes",
    meta,
    Column("journal", Integer, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("subject", Whole, primary_key=True),
    Column("minute", Whole, primary_key=True),
    Column("offset", Whole, nullable=False),
    *_sums(),
    sqlite_with_rowid=False,
)

# What closed arrival minutes said, by minute and by hour of the event.
minutes: Final = Table(
    "minutes", meta, Column("subject", Whole, primary_key=True), Column("minute", Whole, primary_key=True), *_sums(), sqlite_with_rowid=False
)
hours: Final = Table("hours", meta, Column("subject", Whole, primary_key=True), Column("hour", Whole, primary_key=True), *_sums(), sqlite_with_rowid=False)

# From which event minute on a grain finer than the hour is kept: raised before anything older is forgotten.
kept: Final = Table("kept", meta, Column("grain", String(16), primary_key=True), Column("since", Whole, nullable=False))


def _listed() -> list[Column[Any]]:
    """What every list is filtered and ordered by, beside the id."""
    return [
        Column("tenant", Text, nullable=False),
        Column("scope_kind", Text, nullable=False),
        Column("scope_name", Text, nullable=False),
        Column("state", String(32), nullable=False),
        Column("time_ms", Whole, nullable=False),
    ]


def _place() -> list[Column[Any]]:
    """Where a decision stands in the outbox."""
    return [Column("partition", Integer, primary_key=True), Column("at", Whole, primary_key=True), Column("n", Integer, primary_key=True)]


incidents: Final = Table(
    "incidents",
    meta,
    Column("id", String(128), primary_key=True),
    *_listed(),
    Column("body", LargeBinary, nullable=False),
)
incident_steps: Final = Table(
    "incident_steps",
    meta,
    *_place(),
    Column("incident", String(128), nullable=False, index=True),
    Column("body", LargeBinary, nullable=False),
)
orders: Final = Table(
    "orders",
    meta,
    Column("id", String(128), primary_key=True),
    *_listed(),
    Column("action", String(32), nullable=False),
    Column("mode", String(32), nullable=False),
    Column("incident", String(128), nullable=False, index=True),
    Column("expires_ms", Whole, nullable=False),
    Column("sequence", Whole, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
order_states: Final = Table(
    "order_states",
    meta,
    *_place(),
    Column("order", String(128), nullable=False, index=True),
    Column("body", LargeBinary, nullable=False),
)
notices: Final = Table(
    "notices",
    meta,
    Column("id", String(128), primary_key=True),
    Column("incident", String(128), nullable=False, index=True),
    Column("time_ms", Whole, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
# How the delivery of a notice or an order ended, by receiver.
deliveries: Final = Table(
    "deliveries",
    meta,
    Column("id", String(128), primary_key=True),
    Column("receiver", String(256), primary_key=True),
    Column("state", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("time_ms", Whole, nullable=False),
)
controls: Final = Table(
    "controls",
    meta,
    Column("id", String(128), primary_key=True),
    Column("incident", String(128), nullable=False, index=True),
    Column("order", String(128), nullable=False, index=True),
    Column("time_ms", Whole, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
# The audit, entry by entry, each in a chain with those before it: kept for ever, also when the books are built anew.
audit: Final = Table(
    "audit",
    meta,
    *_place(),
    Column("id", String(64), nullable=False),
    *_listed(),
    Column("body", LargeBinary, nullable=False),
)

Index("audit_newest", audit.c.time_ms, audit.c.id)
Index("incidents_newest", incidents.c.time_ms, incidents.c.id)
Index("orders_newest", orders.c.time_ms, orders.c.id)
