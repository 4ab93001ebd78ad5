"""Reports by the calendar: due by the log's own time, once a period whatever restarts, with the figures of the fold.

A report is due once every partition has been heard up to its hour. One that was just asked for begins with the next period; after a long
silence only the last period is told. What comes late for it afterwards stands in the books.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from service.facts import TOTAL, Incident, Notice, Report, Scope, ident
from service.policy import ReportEntry
from service.policy.reports import DAYS
from service.warden import days
from service.warden.periods import period_of
from service.warden.plan import DAY
from service.warden.report_figures import Known, Span, report_of
from service.warden.state import Tenant, Warden
from service.warden.titles import reported

REPORTS_AT_ONCE: Final = 50  # notices in one row of the outbox, each of 3 to 15 kB


def due(w: Warden) -> None:
    """Once a minute: tells every report whose hour has come since it was told last, of each tenant; what is too much for a row, a minute later."""
    if w.minute % 60 == 0:
        for t in w.tenants.values():
            days.forget(w, t)
    if not w.plan.reports or not w.reach_ms:
        return
    full, now = len(w.out) + REPORTS_AT_ONCE, datetime.fromtimestamp(w.reach_ms / 1000, UTC).astimezone(w.plan.zone)
    for name, entry in w.plan.reports:
        begun = now.hour * 60 + now.minute >= entry.minutes
        span = _span(entry.kind, entry.day, now.date() if begun else now.date() - timedelta(days=1), w.plan.zone)
        for t in w.tenants.values():
            if t.reported.setdefault(name, span.end_ms) >= span.end_ms or len(w.out) >= full:
                continue
            if span.start_ms < w.days_from_ms or _tell(w, t, entry, span, name, full):
                t.reported[name] = span.end_ms


@lru_cache(maxsize=256)  # asked for each minute, another one each day
def _span(kind: str, weekday: str, day: date, zone: ZoneInfo) -> Span:
    """Of the newest one that is due, where `day` is the last of which its hour has come."""
    if kind == "digest":
        return Span(*(_midnight(day - timedelta(days=back), zone) for back in (2, 1, 0)))
    day -= timedelta(days=(day.weekday() - DAYS.index(weekday)) % 7)
    monday = day - timedelta(days=day.weekday())
    return Span(*(_midnight(monday - timedelta(days=back), zone) for back in (14, 7, 0)))


def _midnight(day: date, zone: ZoneInfo) -> int:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=zone)
    return period_of(int(noon.timestamp()) // 60, DAY, zone).start_ms


def _tell(w: Warden, t: Tenant, entry: ReportEntry, span: Span, name: str, full: int) -> bool:
    """Of each owner, in the order of their names, until the row is full; whether all are told."""
    known = Known.of(w, t, entry, span)
    owners = sorted(known.now.keys() | known.before.keys()) if entry.per_owner else [None]
    told = t.reporting.get(name)
    for owner in [each for each in owners if told is None or each is None or each > told]:
        if len(w.out) >= full:
            return False
        report = report_of(w, t, entry, span, owner, known)
        if report.total.nanos or report.total.before_nanos or report.happened:
            w.out += [_notice(w, t, report, receiver) for receiver in entry.to]
        t.reporting[name] = owner or ""
    t.reporting.pop(name, None)
    return True


def _notice(w: Warden, t: Tenant, report: Report, receiver: str) -> Notice:
    key = (t.name, report.kind, report.by, report.owner is None, report.owner or "", report.start_ms, report.end_ms)
    about = Incident(
        time_ms=w.now_ms,
        action="reported",
        id=ident("rep", *key),
        tenant=t.name,
        scope=Scope(*TOTAL),
        kinds=[],
        severity="info",
        state="reported",
        opened_ms=w.now_ms,
        revision=1,
        spend_nanos=report.total.nanos,
        excess_nanos=0,
        limit_nanos=None,
        cause=None,
        evidence=[],
        reason=report.kind,
        owner=report.owner or "",
    )
    return Notice(w.now_ms, ident("ntc", about.id, receiver), t.name, about.id, receiver, report.kind, reported(report), about, report=report)
