"""What the warden decided, as rows: the latest step of each thing, and every step there was."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, assert_never

from sqlalchemy import Connection, update

from service.facts import Audited, Control, Decision, Incident, Notice, Order, OrderState, PricedLate, Receipt, Untold, encode
from service.ledger.audit import row_of
from service.ledger.listing import listed
from service.ledger.sql import put
from service.ledger.subjects import clean
from service.ledger.tables import audit, controls, deliveries, incident_steps, incidents, notices, order_states, orders


class Place(NamedTuple):
    """Where a decision stands: partition of the outbox, the journal row that it answers, its number in that answer."""

    partition: int
    at: int
    n: int


def book_decisions(db: Connection, decided: Iterable[tuple[Place, Decision]]) -> None:
    """Books decisions in their order; those that say money are booked elsewhere."""
    for place, decision in decided:
        match decision:
            case Incident():
                _incident(db, place, decision)
            case Order():
                _order(db, decision)
            case OrderState():
                _order_state(db, place, decision)
            case Notice():
                row = {"id": decision.id, "incident": decision.incident, "time_ms": decision.time_ms, "body": encode(decision)}
                put(db, notices, [row])
            case Audited():
                put(db, audit, [place._asdict() | row_of(decision)])
            case Untold() | PricedLate():
                pass
            case _:
                assert_never(decision)


def book_said(db: Connection, said: Iterable[tuple[int, Control | Receipt]]) -> None:
    """Books what people and receivers said, with its arrival; the first control of an id stands, the last receipt of a receiver."""
    for arrival_ms, what in said:
        match what:
            case Control():
                row = {"id": what.id, "incident": what.incident, "order": what.order, "time_ms": arrival_ms, "body": encode(what)}
                put(db, controls, [row], keep_first=True)
            case Receipt():
                told = {"id": what.id, "receiver": clean(what.receiver), "state": what.state, "reason": clean(what.reason), "time_ms": arrival_ms}
                put(db, deliveries, [told])
            case _:
                assert_never(what)


def _incident(db: Connection, place: Place, incident: Incident) -> None:
    body = encode(incident)
    put(db, incident_steps, [{**place._asdict(), "incident": incident.id, "body": body}])
    put(db, incidents, [listed(incident.id, incident.tenant, incident.scope, incident.state, incident.opened_ms) | {"body": body}])


def _order(db: Connection, order: Order) -> None:
    row = listed(order.id, order.tenant, order.scope, "requested", order.time_ms) | {"action": order.action, "mode": order.mode}
    row |= {"incident": order.incident, "expires_ms": order.expires_ms, "sequence": order.sequence, "body": encode(order)}
    put(db, orders, [row], keep_first=True)


def _order_state(db: Connection, place: Place, state: OrderState) -> None:
    put(db, order_states, [{**place._asdict(), "order": state.id, "body": encode(state)}])
    db.execute(update(orders).where(orders.c.id == state.id).values(state=state.state))
