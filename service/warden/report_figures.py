"""What a report says, worked out of the fold's own state: who spent how much, beside the period before and a usual day, what happened, what was stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from statistics import median_low
from typing import Final, NamedTuple, TypeAlias

from service.facts import MINUTE_MS, Filling, Happened, Quality, Report, Spent, Stopped
from service.policy import ReportEntry
from service.warden import days, incidents, routing
from service.warden.days import NAMES, NANOS, Who
from service.warden.standing import standings
from service.warden.state import Episode, Tenant, Warden
from service.warden.titles import title

LINES_MAX: Final = 20
INCIDENTS_MAX: Final = 15
BUDGETS_MAX: Final = 8
USUAL_DAYS: Final = 7
NEARLY_PERCENT: Final = 80


Whose: TypeAlias = dict[str, dict[Who, list[int]]]  # by owner, nobody's under the empty name; all under it where owners are not told apart


class Span(NamedTuple):
    """The period of a report and the one before."""

    before_ms: int
    start_ms: int
    end_ms: int


class Known(NamedTuple):
    """What all owners' reports are made of, looked up once: sums of the period, of the one before, of the days before a digest's; and budgets."""

    now: Whose
    before: Whose
    past: list[Whose]
    whole: bool
    filling: list[tuple[str, Filling]]

    @classmethod
    def of(cls, w: Warden, t: Tenant, entry: ReportEntry, span: Span) -> Known:
        """As far as the journal has come."""

        @cache
        def owner(who: Who) -> str:
            return _owner(w, t, dict(zip(NAMES, who, strict=True))) if entry.per_owner else ""

        return cls(
            now=_whose(t, span.start_ms, span.end_ms, owner),
            before=_whose(t, span.before_ms, span.start_ms, owner),
            past=list(_past(w, t, span.start_ms, owner)) if entry.kind == "digest" else [],
            whole=days.first_ms(t) <= span.before_ms,
            filling=_filling(w, t, entry),
        )


def _whose(t: Tenant, start_ms: int, end_ms: int, owner: Callable[[Who], str]) -> Whose:
    """The sums of some days, by owner."""
    found: Whose = {}
    for who, row in days.between(t, start_ms, end_ms).items():
        found.setdefault(owner(who), {})[who] = row
    return found


def _past(w: Warden, t: Tenant, end_ms: int, owner: Callable[[Who], str]) -> Iterator[Whose]:
    """Each of the seven days before; none where not all are known."""
    starts = [end_ms]
    for _ in range(USUAL_DAYS):
        starts.append(w.plan.day_ms(starts[-1] // MINUTE_MS - 1))
    if days.first_ms(t) <= starts[-1]:
        yield from (_whose(t, start_ms, until_ms, owner) for until_ms, start_ms in pairwise(starts))


def _owner(w: Warden, t: Tenant, attributes: Mapping[str, str]) -> str:
    return w.plan.owner({**{kind: name for kind, name in attributes.items() if name}, "tenant": t.name})


def report_of(w: Warden, t: Tenant, entry: ReportEntry, span: Span, owner: str | None, known: Known) -> Report:
    """One owner's, or with None everybody's."""
    whose = owner or ""
    now, before = known.now.get(whose, {}), known.before.get(whose, {})
    usual = _usual([_by(day.get(whose, {}), entry.by) for day in known.past])
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
        filling=[budget for its, budget in known.filling if owner in (None, its)][:BUDGETS_MAX],
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
    return sorted(found, key=lambda each: (-incidents.SEVERITIES.index(each.severity), -each.excess_nanos, each.opened_ms, each.id))


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
