"""The transcript: each decision as the JSON object that `replay --json` prints, the API answers and webhooks carry.

Money is exact decimal text, time is RFC 3339 in UTC with milliseconds, what is unknown or empty is left out, and every number is finite.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any, assert_never

from service.facts import Act, Cause, Evidence, Incident, Notice, Order, Ordered, OrderState, Reckoning, Scope
from service.messages.report_line import report_line
from service.money import usd
from service.records import rfc3339


def transcript_line(decision: Incident | Order | OrderState | Notice) -> dict[str, Any]:
    """One line of the transcript, ready for any JSON encoder."""
    match decision:
        case Incident():
            return incident_line(decision)
        case Order():
            return order_line(decision)
        case OrderState():
            return state_line(decision)
        case Notice():
            return notice_line(decision)
    assert_never(decision)


def incident_line(incident: Incident) -> dict[str, Any]:
    """A step of an incident."""
    period = (incident.period_start_ms, incident.period_end_ms)
    return {
        "type": "incident",
        "time": rfc3339(incident.time_ms),
        "action": incident.action,
        "id": incident.id,
        "tenant": incident.tenant,
        "scope": scope_of(incident.scope),
        "kinds": [str(kind) for kind in incident.kinds],
        "severity": incident.severity,
        "state": incident.state,
        "opened": rfc3339(incident.opened_ms),
        "revision": incident.revision,
        "spend_usd": usd(incident.spend_nanos),
        "excess_usd": usd(incident.excess_nanos),
        "evidence": [_evidence(vote) for vote in incident.evidence],
        "reason": incident.reason,
    } | known(
        ("limit_usd", None if incident.limit_nanos is None else usd(incident.limit_nanos)),
        ("cause", _cause(incident.cause)),
        ("owner", incident.owner),
        ("detail", incident.detail),
        ("executions", list(incident.executions)),
        ("budget", incident.budget),
        ("threshold", finite(incident.threshold)),
        ("thresholds", _numbers(incident.thresholds)),
        ("pace", finite(incident.pace)),
        ("period", dict(known(*zip(("start", "end"), map(_time, period), strict=True)))),
        ("runs_out", dict(zip(("early", "likely", "late"), map(rfc3339, incident.runs_out_ms or ()), strict=False))),
        ("parent", incident.parent),
        ("order", incident.order),
        ("ordered", _ordered(incident.ordered, incident.time_ms)),
        ("acts", [_act(act) for act in incident.acts]),
        ("hindered", incident.hindered),
    )


def order_line(order: Order) -> dict[str, Any]:
    """An order; `webhook.py` adds what a receiver needs on every one."""
    return {
        "type": "order",
        "time": rfc3339(order.time_ms),
        "action": order.action,
        "id": order.id,
        "tenant": order.tenant,
        "scope": scope_of(order.scope),
        "incident": order.incident,
        "reason": order.reason,
        "mode": order.mode,
        "expires_at": rfc3339(order.expires_ms),
        "sequence": order.sequence,
    } | known(("executions", list(order.executions or ())), ("by", order.by), ("approved_by", order.approved_by), ("tier", order.tier), ("to", list(order.to)))


def state_line(state: OrderState) -> dict[str, Any]:
    """A step in an order's life."""
    return {
        "type": "order_state",
        "time": rfc3339(state.time_ms),
        "id": state.id,
        "tenant": state.tenant,
        "scope": scope_of(state.scope),
        "state": state.state,
        "overshoot_usd": usd(state.overshoot_nanos),
    } | known(("reason", state.reason), ("receiver", state.receiver), ("saved_usd", None if state.saved_nanos is None else usd(state.saved_nanos)))


def notice_line(notice: Notice) -> dict[str, Any]:
    """One receiver is told one thing; only the notice that tells a budget line has `budget`, `threshold` and `thresholds`, only a report has figures."""
    return {
        "type": "notice",
        "time": rfc3339(notice.time_ms),
        "id": notice.id,
        "tenant": notice.tenant,
        "incident": notice.incident,
        "receiver": notice.receiver,
        "reason": notice.reason,
        "title": notice.title,
        "severity": notice.about.severity,
        "scope": scope_of(notice.about.scope),
    } | known(
        ("budget", notice.budget),
        ("threshold", finite(notice.threshold)),
        ("thresholds", _numbers(notice.thresholds)),
        ("report", notice.report and report_line(notice.report)),
    )


def scope_of(scope: Scope) -> dict[str, str]:
    """A scope as JSON answers carry it.

    >>> scope_of(Scope("agent", "indexer"))
    {'kind': 'agent', 'name': 'indexer'}
    """
    return {"kind": scope.kind, "name": scope.name}


def known(*pairs: tuple[str, Any]) -> dict[str, Any]:
    """The pairs that have a value: neither None, nor an empty text, list or object.

    >>> known(("a", 0), ("b", ""), ("c", None), ("d", []))
    {'a': 0}
    """
    return {key: value for key, value in pairs if value is not None and value not in ("", [], {})}


def finite(number: float | None) -> float | None:
    """The number, or None where JSON has no word for it.

    >>> finite(1.5), finite(float("inf")), finite(None)
    (1.5, None, None)
    """
    return number if number is not None and isfinite(number) else None


def _numbers(numbers: Iterable[float]) -> list[float]:
    return [number for number in numbers if isfinite(number)]


def _time(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)


def _cause(cause: Cause | None) -> dict[str, Any] | None:
    if cause is None:
        return None
    return {
        "driver": cause.driver,
        "share": finite(cause.share),
        "drivers": [{"driver": part.driver, "usd": usd(part.nanos)} for part in cause.drivers],
        "dimensions": [{"kind": part.kind, "name": part.name, "share": finite(part.share)} for part in cause.dimensions],
    } | known(("changes", list(cause.changes)))


def _evidence(vote: Evidence) -> dict[str, Any]:
    numbers = {"score": finite(vote.score), "expected": finite(vote.expected), "observed": finite(vote.observed)}
    others = [{"detector": other.detector, "score": finite(other.score)} for other in vote.votes]
    return {"detector": vote.detector} | numbers | known(("detail", vote.detail), ("reckoning", _reckoning(vote.reckoning)), ("votes", others))


def _reckoning(reckoning: Reckoning | None) -> dict[str, float | None] | None:
    return None if reckoning is None else {name: finite(getattr(reckoning, name)) for name in reckoning.__struct_fields__}


def _act(act: Act) -> dict[str, Any]:
    until = None if act.until_ms is None else rfc3339(act.until_ms)
    return {"time": rfc3339(act.time_ms), "what": act.what, "by": act.by} | known(("until", until), ("reason", act.reason), ("approved_by", act.approved_by))


def _ordered(ordered: Ordered | None, now_ms: int) -> dict[str, Any] | None:
    if ordered is None:
        return None
    avoided = ordered.avoided(now_ms)
    return {
        "id": ordered.id,
        "action": ordered.action,
        "mode": ordered.mode,
        "state": ordered.state,
        "time": rfc3339(ordered.time_ms),
        "expires_at": rfc3339(ordered.expires_ms),
        "overshoot_usd": usd(ordered.overshoot_nanos),
    } | known(
        ("reason", ordered.reason),
        ("saved_usd", None if ordered.saved_nanos is None else usd(ordered.saved_nanos)),
        ("tier", ordered.tier),
        ("avoided_usd", None if avoided is None else dict(zip(("least", "most"), map(usd, avoided), strict=True))),
    )
