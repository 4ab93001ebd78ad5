"""Reports by the calendar: due by the log's own time, once a period whatever restarts, with the figures of the fold.

A report is due once every partition has been heard up to its hour. One that was just asked for begins with the next period; after a long
silence only the last period is told. What comes late for it afterwards stands in the books.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from statistics import median_low
from typing import Final, NamedTuple, TypeAlias

from service.facts import MINUTE_MS, TOTAL, Filling, Happened, Incident, Notice, Quality, Report, Scope, Spent, Stopped, ident
from service.policy import ReportEntry
from service.policy.reports import DAYS
from service.warden import days, incidents, routing
from service.warden.days import NAMES, NANOS, Who
from service.warden.standing import standings
from service.warden.state import Episode, Tenant, Warden
from service.warden.titles import reported, title

LINES_MAX: Final = 20
INCIDENTS_MAX: Final = 15
BUDGETS_MAX: Final = 8
USUAL_DAYS: Final = 7
REPORTS_AT_ONCE: Final = 50  # notices in one row of the outbox, each of 3 to 15 kB
NEARLY_PERCENT: Final = 80
_GRAVER: Final = {"critical": 0, "warning": 1, "info": 2}


Whose: TypeAlias = dict[str, dict[Who, list[int]]]  # by owner; nobody's under the empty name


class Span(NamedTuple):
    """The period of a report and the one before."""

    before_ms: int
    start_ms: int
    end_ms: int


def due(w: Warden) -> None:
    """Once a minute: tells every report whose hour has come since it was told last, of each tenant; what is too much for a row, a minute later."""
    if w.minute % 60 == 0:
        for t in w.tenants.values():
            days.forget(w, t)
    full = len(w.out) + REPORTS_AT_ONCE
    for entry in w.plan.reports if w.reach_ms else ():
        span, name = _span(w, entry), ident("", entry.kind, entry.by, entry.per_owner, *entry.to)
        for t in w.tenants.values():
            if t.reported.setdefault(name, span.end_ms) < span.end_ms and len(w.out) < full and _tell(w, t, entry, span, name, full):
                t.reported[name] = span.end_ms


def _span(w: Warden, entry: ReportEntry) -> Span:
    """Of the newest one that is due."""
    now = datetime.fromtimestamp(w.reach_ms / 1000, UTC).astimezone(w.plan.zone)
    day = now.date()
    if now.hour * 60 + now.minute < entry.minutes:
        day -= timedelta(days=1)
    if entry.kind == "digest":
        return Span(*(_midnight(w, day - timedelta(days=back)) for back in (2, 1, 0)))
    day -= timedelta(days=(day.weekday() - DAYS.index(entry.day)) % 7)
    monday = day - timedelta(days=day.weekday())
    return Span(*(_midnight(w, monday - timedelta(days=back)) for back in (14, 7, 0)))


def _midnight(w: Warden, day: date) -> int:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=w.plan.zone)
    return w.plan.day_ms(int(noon.timestamp()) // 60)


class _Known(NamedTuple):
    """What all owners' reports are made of, looked up once: sums of the period, of the one before, of the days before a digest's; and budgets."""

    now: Whose
    before: Whose
    past: list[Whose]
    whole: bool
    filling: list[tuple[str, Filling]]


def _tell(w: Warden, t: Tenant, entry: ReportEntry, span: Span, name: str, full: int) -> bool:
    """Of each owner, in the order of their names, until the row is full; whether all are told."""
    known = _Known(
        _whose(w, t, span.start_ms, span.end_ms),
        _whose(w, t, span.before_ms, span.start_ms),
        list(_past(w, t, span.start_ms)) if entry.kind == "digest" else [],
        days.first_ms(t) <= span.before_ms,
        _filling(w, t, entry),
    )
    owners = sorted(known.now.keys() | known.before.keys()) if entry.per_owner else [None]
    told = t.reporting.get(name)
    for owner in [each for each in owners if told is None or each is None or each > told]:
        if len(w.out) >= full:
            return False
        report = _report(w, t, entry, span, owner, known)
        if report.total.nanos or report.total.before_nanos or report.happened:
            w.out += [_notice(w, t, report, receiver) for receiver in entry.to]
        t.reporting[name] = owner or ""
    t.reporting.pop(name, None)
    return True


def _whose(w: Warden, t: Tenant, start_ms: int, end_ms: int) -> Whose:
    """The sums of some days, by owner."""
    found: Whose = {}
    for who, row in days.between(t, start_ms, end_ms).items():
        found.setdefault(_owner(w, t, dict(zip(NAMES, who, strict=True))), {})[who] = row
    return found


def _past(w: Warden, t: Tenant, end_ms: int) -> Iterator[Whose]:
    """Each of the seven days before; none where not all are known."""
    starts = [end_ms]
    for _ in range(USUAL_DAYS):
        starts.append(w.plan.day_ms(starts[-1] // MINUTE_MS - 1))
    if days.first_ms(t) <= starts[-1]:
        yield from (_whose(w, t, start_ms, until_ms) for until_ms, start_ms in pairwise(starts))


def _of(found: Whose, owner: str | None) -> dict[Who, list[int]]:
    if owner is not None:
        return found.get(owner, {})
    return {who: row for rows in found.values() for who, row in rows.items()}


def _owner(w: Warden, t: Tenant, attributes: Mapping[str, str]) -> str:
    return w.plan.owner({**{kind: name for kind, name in attributes.items() if name}, "tenant": t.name})


def _report(w: Warden, t: Tenant, entry: ReportEntry, span: Span, owner: str | None, known: _Known) -> Report:
    now, before = _of(known.now, owner), _of(known.before, owner)
    usual = _usual([_by(_of(day, owner), entry.by) for day in known.past])
    spent = _spent(_by(now, entry.by), _by(before, entry.by), usual, whole=known.whole)
    rest, began = spent[LINES_MAX:], _began(t, span, owner)
    return Report(
        kind=entry.kind,
        owner=owner,
        start_ms=span.start_ms,
        end_ms=span.end_ms,
        timezone=str(w.plan.zone),
        by=entry.by,
        total=_sum(spent, sum(usual.values()) if usual else None),
        spent=spent[:LINES_MAX],
        others=_sum(rest) if rest else None,
        others_count=len(rest),
        happened=[_happened(w, t, episode) for episode in began[:INCIDENTS_MAX]],
        happened_more=len(began[INCIDENTS_MAX:]),
        stopped=_stopped(w, t, span, owner),
        filling=[it for whose, it in known.filling if owner in (None, whose)][:BUDGETS_MAX],
        quality=days.quality(now),
        quality_before=days.quality(before) if known.whole else Quality(),
        entries=t.audit.sequence,
        head=t.audit.head,
    )


def _by(rows: dict[Who, list[int]], by: str) -> dict[str, int]:
    at, sums = NAMES.index(by), dict[str, int]()
    for who, row in rows.items():
        sums[who[at]] = sums.get(who[at], 0) + row[NANOS]
    return sums


def _spent(now: dict[str, int], before: dict[str, int], usual: dict[str, int], *, whole: bool) -> list[Spent]:
    """The dearest first; who spent only in the period before is told too. `whole`: that one is known from its beginning."""
    names = [name for name in {**now, **before} if now.get(name) or (whole and before.get(name))]
    found = [Spent(name, now.get(name, 0), before.get(name, 0) if whole else None, usual.get(name, 0) if usual else None) for name in names]
    return sorted(found, key=lambda each: (-each.nanos, -(each.before_nanos or 0), each.name))


def _sum(lines: Sequence[Spent], usual: int | None = None) -> Spent:
    before = [line.before_nanos for line in lines if line.before_nanos is not None]
    return Spent("", sum(line.nanos for line in lines), sum(before) if before else None, usual)


def _usual(past: Sequence[dict[str, int]]) -> dict[str, int]:
    """Of each name the middle one of the days."""
    return {name: median_low([day.get(name, 0) for day in past]) for name in sorted(set[str]().union(*past))}


def _began(t: Tenant, span: Span, owner: str | None) -> list[Episode]:
    """The gravest first, then the dearest."""
    found = [
        each for each in t.episodes.values() if each.state and not each.parent and span.start_ms <= each.opened_ms < span.end_ms and owner in (None, each.owner)
    ]
    return sorted(found, key=lambda each: (_GRAVER.get(each.severity, 3), -each.excess_nanos, each.opened_ms, each.id))


def _happened(w: Warden, t: Tenant, episode: Episode) -> Happened:
    said = incidents.line(w, t, episode, "updated", "reported")
    return Happened(episode.id, title(said, "updated"), episode.severity, episode.state, episode.cause.driver if episode.cause is not None else "")


def _stopped(w: Warden, t: Tenant, span: Span, owner: str | None) -> list[Stopped]:
    found = []
    for each in t.orders.values():
        episode = t.episodes.get(each.incident)
        whose = episode.owner if episode is not None else _owner(w, t, {each.scope.kind: each.scope.name})
        if not span.start_ms <= each.at_ms < span.end_ms or owner not in (None, whose):
            continue
        avoided = routing.told_order(each).avoided(w.now_ms)
        found.append(Stopped(each.id, each.action, each.scope, each.mode, each.state, each.overshoot_nanos, avoided))
    return found[:INCIDENTS_MAX]


def _filling(w: Warden, t: Tenant, entry: ReportEntry) -> list[tuple[str, Filling]]:
    """Budgets of dollars with their owners: those first that will not last, then the fullest. A digest tells of what needs somebody."""
    found = []
    for it in standings(w, t.name, None):
        runs_out_ms = it.runs_out_ms[1] if it.runs_out_ms is not None and it.runs_out_ms[1] < it.end_ms else None
        if entry.kind == "showback" or runs_out_ms is not None or it.spent_nanos * 100 >= it.limit_nanos * NEARLY_PERCENT:
            owner = _owner(w, t, {it.scope.kind: it.scope.name})
            found.append((owner, Filling(it.name, it.scope, it.limit_nanos, it.spent_nanos, runs_out_ms, it.end_ms)))
    return sorted(found, key=lambda each: each[1].runs_out_ms is None and each[1].spent_nanos < each[1].limit_nanos)


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
