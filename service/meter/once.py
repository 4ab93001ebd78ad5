"""Findings about an agent's use of a model, said once a day: no price, a tier that is not allowed, no batch."""

from __future__ import annotations

from service.facts import DAY_MS, MINUTE_MS, Cell, Finding, Kind, Scope, ident
from service.meter.plan import Violation
from service.meter.pricing import unknown
from service.meter.state import Meter
from service.records import Usage


def say_once(meter: Meter, cell: Cell, u: Usage, event_ms: int, arrival_ms: int) -> None:
    """A record that nobody could price."""
    currency = u.currency if u.cost is not None else ""
    _say(meter, cell, Violation(Kind.UNPRICED, unknown(u), ""), "", event_ms, arrival_ms, currency)


def say_violations(meter: Meter, cell: Cell, event_ms: int, arrival_ms: int) -> None:
    """Rules of the policy that this cell breaks."""
    for violation in meter.plan.violations(cell):
        _say(meter, cell, violation, cell.workflow, event_ms, arrival_ms)


def _say(meter: Meter, cell: Cell, violation: Violation, workflow: str, event_ms: int, arrival_ms: int, currency: str = "") -> None:
    """Once for each model, or for each currency without a rate."""
    kind, detail, action, tier = violation
    about = Scope("currency", currency) if currency else Scope("model", cell.model)
    finding_id = ident("fnd", cell.tenant, kind, cell.agent, workflow, currency or cell.model, event_ms // DAY_MS, meter.partition)
    if finding_id in meter.said:
        return
    meter.said[finding_id] = arrival_ms // MINUTE_MS
    meter.pending.append(
        Finding(
            id=finding_id,
            tenant=cell.tenant,
            kind=kind,
            scope=Scope("agent", cell.agent),
            time_ms=event_ms,
            arrival_ms=arrival_ms,
            agent=cell.agent,
            use_case=cell.use_case,
            business_unit=cell.business_unit,
            workflow=cell.workflow,
            detail=detail,
            driver="price" if kind == Kind.UNPRICED else "model_mix",
            action=action,
            dimensions=[about] if about.name else [],
            tier=tier,
        )
    )
