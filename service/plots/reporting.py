"""A report as a picture: when it was spent, where that is the whole tenant's, and who spent it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from service.books import Books, Span
from service.facts import MINUTE_MS, TOTAL, Notice, Report
from service.money import NANO, spoken
from service.phrases import DETAIL_MAX, called, shown, spelt
from service.plots.chart import Bar, Chart, Why
from service.plots.gather import NothingSpentError, of_scope

BARS_MAX: Final = 7


def of_report(books: Books, notice: Notice, report: Report) -> Chart:
    """The bars add up to the report's total; an owner's spend is in no books by itself, so there are bars alone."""
    title, why = shown(notice.title, DETAIL_MAX), _parts(report)
    if report.owner is not None:
        return Chart(title=title, about=title, why=why)
    try:
        chart = of_scope(books, notice.tenant, TOTAL, Span(report.start_ms // MINUTE_MS, report.end_ms // MINUTE_MS))
    except NothingSpentError:
        return Chart(title=title, about=called(TOTAL), why=why)
    return replace(chart, title=title, why=why)


def _parts(report: Report) -> Why | None:
    """The dearest names, and all others as one bar."""
    told = [(shown(each.name) or "no name", each.nanos) for each in report.spent[:BARS_MAX] if each.nanos]
    rest = report.total.nanos - sum(nanos for _, nanos in told)
    told += [("all others", rest)] if rest else []
    bars = tuple(Bar(text=name, usd=nanos / NANO, dollars=spoken(nanos)) for name, nanos in told)
    return Why(head=f"{spoken(report.total.nanos)} by {spelt(report.by)}", bars=bars, parts=True) if bars else None
