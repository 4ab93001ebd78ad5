"""Lists by time, the newest first, page by page. A cursor is the place of the last item, so pages stay right while items are added."""

from __future__ import annotations

import base64
import binascii
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, and_, exists, or_, select

from service.books import BadCursorError, Delivery, IncidentStory, ListQuestion, OrderStory, Page
from service.facts import Control, Incident, Notice, Order, OrderState, Scope
from service.ledger.subjects import clean
from service.ledger.tables import controls, deliveries, incident_steps, incidents, notices, order_states, orders

STEPS_MAX: Final = 1000  # of one incident's story: the latest
REPORT: Final = "rep-"  # how the ids of reports begin
NOT_HOLDING: Final = ("refused", "expired", "failed")
_incident: Final = msgspec.msgpack.Decoder(Incident).decode
_order: Final = msgspec.msgpack.Decoder(Order).decode
_state: Final = msgspec.msgpack.Decoder(OrderState).decode
_notice: Final = msgspec.msgpack.Decoder(Notice).decode
_control: Final = msgspec.msgpack.Decoder(Control).decode


def list_incidents(db: Connection, asked: ListQuestion) -> Page[Incident]:
    """The latest step of each incident, by its opening."""
    rows, cursor = page(db, incidents, asked)
    return Page([_incident(row.body) for row in rows], cursor)


def list_orders(db: Connection, asked: ListQuestion, *where: ColumnElement[bool]) -> Page[OrderStory]:
    """Orders with their states."""
    rows, cursor = page(db, orders, asked, *where)
    return Page(_stories(db, rows), cursor)


def list_paused(db: Connection, asked: ListQuestion, now_ms: int) -> Page[OrderStory]:
    """Pauses that were sent, still hold, and were not followed by another order about their scope."""
    later = orders.alias("later")
    followed = exists().where(
        later.c.tenant == orders.c.tenant,
        later.c.scope_kind == orders.c.scope_kind,
        later.c.scope_name == orders.c.scope_name,
        later.c.mode == "enforce",
        later.c.sequence > orders.c.sequence,
    )
    holds = and_(orders.c.action == "pause", orders.c.mode == "enforce", orders.c.state.not_in(NOT_HOLDING), orders.c.expires_ms > now_ms)
    return list_orders(db, asked, holds, ~followed)


def find_incident(db: Connection, incident_id: str, tenant: str | None) -> IncidentStory | None:
    """The whole story of an incident of that tenant."""
    where = [incidents.c.id == incident_id, *_of_tenant(incidents, tenant)]
    if db.execute(select(incidents.c.id).where(*where)).first() is None:
        return None
    newest = select(incident_steps.c.body).where(incident_steps.c.incident == incident_id)
    steps = db.execute(newest.order_by(incident_steps.c.at.desc(), incident_steps.c.n.desc()).limit(STEPS_MAX)).scalars().all()
    ordered = db.execute(select(orders).where(orders.c.incident == incident_id).order_by(orders.c.time_ms, orders.c.id)).all()
    about = or_(controls.c.incident == incident_id, controls.c.order.in_([row.id for row in ordered]))
    asked = db.execute(select(controls.c.body).where(about).order_by(controls.c.time_ms, controls.c.id)).scalars()
    return IncidentStory([_incident(body) for body in reversed(steps)], _deliveries(db, incident_id), _stories(db, ordered), [_control(body) for body in asked])


def find_order(db: Connection, order_id: str, tenant: str | None) -> OrderStory | None:
    """One order of that tenant."""
    rows = db.execute(select(orders).where(orders.c.id == order_id, *_of_tenant(orders, tenant))).all()
    return _stories(db, rows)[0] if rows else None


def reports(db: Connection, tenant: str | None) -> Iterator[Notice]:
    """Reports that were told, the newest first."""
    asked = select(notices.c.body).where(notices.c.incident.startswith(REPORT)).order_by(notices.c.time_ms.desc(), notices.c.id)
    found = map(_notice, db.execute(asked.execution_options(yield_per=100)).scalars())
    return (notice for notice in found if notice.report is not None and tenant in (None, notice.tenant))


def find_report(db: Connection, report_id: str) -> Notice | None:
    """Whoever was told it, its figures are the same."""
    body = db.execute(select(notices.c.body).where(notices.c.incident == report_id).order_by(notices.c.id)).scalars().first()
    return None if body is None else _notice(body)


def listed(key: str, tenant: str, scope: Scope, state: str, time_ms: int) -> dict[str, Any]:
    """What every list is filtered and ordered by; a scope's name may hold what PostgreSQL's text cannot."""
    return {"id": key, "tenant": clean(tenant), "scope_kind": clean(scope.kind), "scope_name": clean(scope.name), "state": clean(state), "time_ms": time_ms}


def page(db: Connection, table: Table, asked: ListQuestion, *where: ColumnElement[bool]) -> tuple[list[Any], str]:
    """Rows of a table with `id` and `time_ms`, and the cursor of the next page; raises BadCursorError."""
    found = select(table).where(*where, *_of_tenant(table, asked.tenant))
    if asked.state:
        found = found.where(table.c.state == clean(asked.state))
    if asked.scope is not None:
        found = found.where(table.c.scope_kind == clean(asked.scope.kind), table.c.scope_name == clean(asked.scope.name))
    if asked.cursor:
        time_ms, key = _place(asked.cursor)
        found = found.where(or_(table.c.time_ms < time_ms, and_(table.c.time_ms == time_ms, table.c.id < key)))
    rows = list(db.execute(found.order_by(table.c.time_ms.desc(), table.c.id.desc()).limit(asked.limit + 1)))
    if len(rows) <= asked.limit:
        return rows, ""
    return rows[: asked.limit], _cursor(rows[asked.limit - 1].time_ms, rows[asked.limit - 1].id)


def _of_tenant(table: Table, tenant: str | None) -> list[ColumnElement[bool]]:
    return [] if tenant is None else [table.c.tenant == clean(tenant)]


def _stories(db: Connection, rows: Iterable[Any]) -> list[OrderStory]:
    rows = list(rows)
    states: dict[str, list[OrderState]] = defaultdict(list)
    asked = select(order_states.c.order, order_states.c.body).where(order_states.c.order.in_([row.id for row in rows]))
    for order_id, body in db.execute(asked.order_by(order_states.c.at, order_states.c.n)):
        states[order_id].append(_state(body))
    return [OrderStory(_order(row.body), row.state, states[row.id]) for row in rows]


def _deliveries(db: Connection, incident_id: str) -> list[Delivery]:
    told = select(notices.c.body, deliveries.c.state, deliveries.c.reason).outerjoin(deliveries, deliveries.c.id == notices.c.id)
    rows = db.execute(told.where(notices.c.incident == incident_id).order_by(notices.c.time_ms, notices.c.id))
    return [Delivery(_notice(body), state or "", reason or "") for body, state, reason in rows]


def _cursor(time_ms: int, key: str) -> str:
    return base64.urlsafe_b64encode(f"{time_ms}:{key}".encode()).decode().rstrip("=")


def _place(cursor: str) -> tuple[int, str]:
    """Where a page ended; raises BadCursorError.

    >>> _place(_cursor(5, "inc-1"))
    (5, 'inc-1')
    """
    try:
        time_ms, _, key = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode().partition(":")
        place = int(time_ms), clean(key)
    except (ValueError, binascii.Error):
        raise BadCursorError(cursor) from None
    if not 0 <= place[0] < 2**63:
        raise BadCursorError(cursor)
    return place
