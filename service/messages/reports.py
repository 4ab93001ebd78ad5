"""A report as a message: the figures, whose they are and how they compare, what happened, what was stopped, which budgets will not last."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from service.facts import Filling, Happened, Notice, Quality, Report, Spent, Stopped
from service.messages.links import evidence_url
from service.messages.message import BASIS, Message
from service.messages.remedies import verbs
from service.money import CENT, spoken
from service.phrases import DETAIL_MAX, called, day, named, percent, shown, spelt
from service.records import DEFAULT_TENANT
from service.warden.titles import compared


def of_report(notice: Notice, report: Report, public_url: str) -> Message:
    """What its readers get; nothing of it is urgent."""
    sections = (
        (f"Spend by {spelt(report.by)}", tuple(_spent(report))),
        ("Top movers", tuple(_movers(report))),
        ("What happened", tuple(_happened(report, public_url))),
        ("What was stopped", tuple(map(_stopped, report.stopped))),
        ("Budgets", tuple(_filling(it, ZoneInfo(report.timezone)) for it in report.filling)),
    )
    tenant = () if notice.tenant == DEFAULT_TENANT else (("tenant", shown(notice.tenant)),)
    audit = (("audit", f"{report.entries} {report.head}"),) if report.head else ()
    return Message(
        headline=shown(notice.title, DETAIL_MAX),
        severity="info",
        lead=_lead(report),
        fields=tuple(_figures(report)),
        sections=tuple((head, lines) for head, lines in sections if lines),
        ids=(*tenant, ("report", notice.incident), ("notice", notice.id), *audit),
        basis=f"{BASIS} Days are those of {report.timezone}; what comes late for them stands in the books.",
    )


def _lead(report: Report) -> str:
    calm = "No incident began." if not report.happened else ""
    avoided = [each.avoided_nanos for each in report.stopped if each.avoided_nanos is not None]
    saved = f"Pauses avoided between {spoken(sum(low for low, _ in avoided))} and {spoken(sum(high for _, high in avoided))}." if avoided else ""
    return " ".join(part for part in (calm, saved) if part)


def _figures(report: Report) -> Iterator[tuple[str, str]]:
    total, before = report.total, "Day before" if report.kind == "digest" else "Week before"
    yield "Spent", f"{spoken(total.nanos)}{compared(total)}"
    if total.before_nanos is not None:
        yield before, spoken(total.before_nanos)
    if total.usual_nanos is not None:
        yield "Usual", f"{spoken(total.usual_nanos)}, the median of the seven days before of each {spelt(report.by)}, added up"
    yield from _quality(report.quality, report.quality_before, total.nanos)


def _quality(now: Quality, before: Quality, nanos: int) -> Iterator[tuple[str, str]]:
    """Only what is known, and of the mending only what is to be mended."""
    if now.input_tokens:
        then = f", {percent(before.cached_tokens / before.input_tokens)} before" if before.input_tokens else ""
        yield "Cache hits", f"{percent(now.cached_tokens / now.input_tokens)} of input tokens{then}"
    if now.unpriced:
        yield "Unpriced", f"{now.unpriced:,} of {now.records:,} calls ({percent(now.unpriced / now.records)}): no price is known, so $0 is counted"
    if now.unattributed_nanos and nanos:
        yield "No agent", f"{spoken(now.unattributed_nanos)} ({percent(now.unattributed_nanos / nanos)}) name no agent"


def _spent(report: Report) -> Iterator[str]:
    for each in report.spent:
        yield f"{named(each.name)}: {spoken(each.nanos)}{_share(each, report)}{compared(each)}{_usual(each)}"
    if report.others is not None:
        yield f"{report.others_count:,} more: {spoken(report.others.nanos)}{_share(report.others, report)}"


def _share(spent: Spent, report: Report) -> str:
    return f" ({percent(spent.nanos / report.total.nanos)})" if report.total.nanos > 0 else ""


def _usual(spent: Spent) -> str:
    return f", usually {spoken(spent.usual_nanos)}" if spent.usual_nanos is not None else ""


def _movers(report: Report) -> Iterator[str]:
    """Of a week, the three names that changed it most, by at least a cent."""
    if report.kind != "showback":
        return
    moved = [(each.nanos - each.before_nanos, each) for each in report.spent if each.before_nanos is not None]
    for change, each in sorted(moved, key=lambda it: -abs(it[0]))[:3]:
        if abs(change) >= CENT:
            yield f"{named(each.name)}: {spoken(abs(change))} {'more' if change > 0 else 'less'} than the week before"


def _happened(report: Report, public_url: str) -> Iterator[str]:
    for each in report.happened:
        yield f"[{each.severity.upper()}] {shown(each.title, DETAIL_MAX)}: {_standing(each)}{_link(each, public_url)}"
    if report.happened_more:
        yield f"{report.happened_more:,} more, less grave or less dear"


def _standing(each: Happened) -> str:
    return f"{spelt(each.state)}, mostly by {spelt(each.driver)}" if each.driver else spelt(each.state)


def _link(each: Happened, public_url: str) -> str:
    return f" ({evidence_url(public_url, each.incident)})" if public_url else f" ({each.incident})"


def _stopped(each: Stopped) -> str:
    who = called(each.scope)
    if each.mode == "observe":
        return f"Would have {verbs(each.action)[0].lower()} {who}: the policy says to observe only"
    words = f"{verbs(each.action)[0]} {who}: {spelt(each.state)}, {spoken(each.overshoot_nanos)} still spent after the order"
    if each.avoided_nanos is None:
        return words
    low, high = each.avoided_nanos
    return f"{words}, between {spoken(low)} and {spoken(high)} avoided"


def _filling(each: Filling, zone: ZoneInfo) -> str:
    whose = "" if each.scope.kind == "total" else f" of {called(each.scope)}"
    used = f"{named(each.budget)}{whose}: {spoken(each.spent_nanos)} of {spoken(each.limit_nanos)} ({percent(each.spent_nanos / each.limit_nanos)})"
    if each.spent_nanos >= each.limit_nanos:
        return f"{used}, used up"
    return f"{used}, likely gone on {day(each.runs_out_ms, zone)}" if each.runs_out_ms is not None else used
