"""A report's figures as JSON: money is exact decimal text, what is unknown is left out."""

from __future__ import annotations

from typing import Any

from service.facts import Quality, Report, Spent, Stopped
from service.money import usd
from service.records import rfc3339


def report_line(report: Report) -> dict[str, Any]:
    """What the transcript and webhooks carry beside the words."""
    return {
        "kind": report.kind,
        "from": rfc3339(report.start_ms),
        "to": rfc3339(report.end_ms),
        "timezone": report.timezone,
        "by": report.by,
        "total": _spent(report.total),
        "spent": [{"name": each.name} | _spent(each) for each in report.spent],
        "incidents": [{"id": it.incident, "severity": it.severity, "state": it.state, "title": it.title, "driver": it.driver} for it in report.happened],
        "orders": [_stopped(each) for each in report.stopped],
        "budgets": [
            {"name": it.budget, "scope": it.scope._asdict(), "spent_usd": usd(it.spent_nanos), "limit_usd": usd(it.limit_nanos)}
            | ({"runs_out": rfc3339(it.runs_out_ms)} if it.runs_out_ms is not None else {})
            for it in report.filling
        ],
        "quality": _quality(report.quality),
        "audit": {"entries": report.entries, "head": report.head},
    } | _known(owner=report.owner, others=None if report.others is None else {"names": report.others_count} | _spent(report.others))


def _spent(spent: Spent) -> dict[str, Any]:
    return {"usd": usd(spent.nanos)} | _known(
        before_usd=None if spent.before_nanos is None else usd(spent.before_nanos), usual_usd=None if spent.usual_nanos is None else usd(spent.usual_nanos)
    )


def _stopped(order: Stopped) -> dict[str, Any]:
    low, high = order.avoided_nanos or (None, None)
    return {"id": order.order, "action": order.action, "scope": order.scope._asdict(), "mode": order.mode, "state": order.state} | _known(
        overshoot_usd=usd(order.overshoot_nanos),
        avoided_at_least_usd=None if low is None else usd(low),
        avoided_at_most_usd=None if high is None else usd(high),
    )


def _quality(quality: Quality) -> dict[str, Any]:
    counts = quality._asdict()
    return {"unattributed_usd": usd(counts.pop("unattributed_nanos"))} | counts


def _known(**pairs: Any) -> dict[str, Any]:
    return {name: value for name, value in pairs.items() if value is not None}
