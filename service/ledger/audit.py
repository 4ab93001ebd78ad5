"""The audit in the books: entries are only ever added, and kept for ever.

Books that are built anew keep the entries of which the logs know nothing any more; those the logs still hold are written over by them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, or_, select

from service.audit.chain import POLICIES
from service.books import ListQuestion, Page
from service.facts import Audited, Scope, encode
from service.ledger.listing import listed, page
from service.ledger.subjects import clean
from service.ledger.tables import audit

_entry: Final = msgspec.msgpack.Decoder(Audited).decode
_UNREADABLE: Final = Audited(0, POLICIES, 0, 0, "", "")


class Kept(NamedTuple):
    """An entry as it was found; `odd` says what is wrong with its row, the columns of which are only for looking it up."""

    entry: Audited
    odd: str


def row_of(entry: Audited) -> dict[str, Any]:
    """The entry and what lists are filtered and ordered by; in one millisecond a chain goes on by its sequence."""
    said = msgspec.json.decode(entry.body)["said"]
    scope = said.get("scope") or {"kind": "", "name": ""}
    key = f"{entry.sequence:012d}-{entry.digest[:16]}"
    return listed(key, entry.tenant, Scope(scope["kind"], scope["name"]), said.get("state", ""), entry.time_ms) | {"body": encode(entry)}


def list_audit(db: Connection, asked: ListQuestion) -> Page[Audited]:
    """Of a tenant's chain and the policies', the newest first."""
    mine = [] if asked.tenant is None else [or_(audit.c.tenant == clean(asked.tenant), audit.c.tenant == POLICIES)]
    rows, cursor = page(db, audit, asked._replace(tenant=None), *mine)
    return Page([_entry(row.body) for row in rows], cursor)


def all_entries(db: Connection) -> Iterator[Kept]:
    """Every entry, in the order in which they were made."""
    for row in db.execute(select(audit).order_by(audit.c.partition, audit.c.at, audit.c.n).execution_options(yield_per=1_000)):
        try:
            entry = _entry(row.body)
            odd = "" if row_of(entry).items() <= dict(row._mapping).items() else "its row says otherwise than its text"  # noqa: SLF001 -- SQLAlchemy's public name
        except (msgspec.DecodeError, LookupError, TypeError, AttributeError):
            entry, odd = _UNREADABLE, f"the row at partition {row.partition}, at {row.at}, n {row.n} cannot be read"
        yield Kept(entry, odd)
