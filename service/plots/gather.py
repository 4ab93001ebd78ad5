"""The books become a chart: which time to show, what was usual in it, what was told and stopped.

The usual range is kept nowhere: the detector hears the scope's windows once more (`service.warden.hindsight`) and says what it expected.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, TypeAlias

from service.books import PAGE_MAX, Books, ListQuestion, OrderStory, Span, Spend, SpendQuestion
from service.facts import MINUTE_MS, Incident, Scope
from service.phrases import called
from service.plots.chart import DAY, HOUR, TEN_MINUTES, Chart, Window
from service.plots.telling import calm, halt, heading, marks, why
from service.warden.hindsight import Expectation, Spent, usual

FINE_MAX: Final = 36 * HOUR  # a longer span is shown by the hour
HOURS_MAX: Final = 16 * DAY  # and a longer one than this by the day
BEFORE: Final = 18 * HOUR  # of an incident, so that its ordinary day is seen
AFTER: Final = 6 * HOUR
RECENT: Final = 7 * DAY  # an older incident is no longer what is asked about
NEAR: Final = 30  # of the picture's width: alerts of a kind that are closer together are one mark
PAST: Final = 100 * DAY  # what the detector hears before the picture begins: it remembers no more
ALL: Final = Span()
Minutes: TypeAlias = tuple[int, int]  # from the first, before the second


class NothingSpentError(Exception):
    """The books hold no spend of this scope."""


class _Whose(NamedTuple):
    books: Books
    tenant: str
    scope: Scope

    def spend(self, each: int, span: Span = ALL) -> Spend:
        return self.books.spend(SpendQuestion(self.tenant, self.scope, span, step_minutes=each))

    def incidents(self) -> list[Incident]:
        """The newest first."""
        return self.books.incidents(ListQuestion(self.tenant, scope=self.scope, limit=PAGE_MAX)).items

    def last(self, incidents: Iterable[Incident]) -> int:
        """The minute from which on nothing is known of the scope; raises NothingSpentError."""
        hours = self.spend(HOUR).series
        if not hours:
            raise NothingSpentError
        fine = self.spend(TEN_MINUTES, Span(hours[-1].minute, None)).series
        told = (it.time_ms // MINUTE_MS + 1 for it in incidents)
        return max(fine[-1].minute + TEN_MINUTES, *told, 0)

    def orders(self, incidents: Iterable[Incident]) -> list[OrderStory]:
        """Those about the scope, those that its incidents asked for, and whatever else was ordered about their scopes; the oldest first."""
        asked = [self.books.order(it.order, self.tenant) for it in incidents if it.order]
        scopes = {self.scope, *(story.order.scope for story in asked if story is not None)}
        found = [story for scope in scopes for story in self.books.orders(ListQuestion(self.tenant, scope=scope, limit=PAGE_MAX)).items]
        return sorted(found, key=lambda story: (story.order.time_ms, story.order.id))


def of_scope(books: Books, tenant: str, scope: Scope, asked: Span = ALL) -> Chart:
    """The spend of a scope with its newest incident that cost something.

    Where `asked` is open it shows the last day, and from before that incident on if it is of the last week. Raises NothingSpentError, LogError.
    """
    whose = _Whose(books, tenant, scope)
    incidents = whose.incidents()
    last = whose.last(incidents)
    to_minute = asked.to_minute if asked.to_minute is not None else max(last, (asked.from_minute or 0) + HOUR)
    costly = [it for it in incidents if why(it) is not None and it.opened_ms < to_minute * MINUTE_MS]
    from_minute = asked.from_minute
    if from_minute is None:
        from_minute = max(0, to_minute - DAY)
        if costly and costly[0].opened_ms // MINUTE_MS > to_minute - RECENT:
            from_minute = max(0, min(from_minute, costly[0].opened_ms // MINUTE_MS - BEFORE))
    focus = next((it for it in costly if it.opened_ms >= from_minute * MINUTE_MS), None)
    return _chart(whose, (from_minute, to_minute), incidents, focus)


def of_incident(books: Books, incident: Incident) -> Chart:
    """One incident: its cause, and the spend of its scope around it. Raises LogError; where the books hold no spend it is the cause alone."""
    whose = _Whose(books, incident.tenant, incident.scope)
    opened, now = incident.opened_ms // MINUTE_MS, incident.time_ms // MINUTE_MS
    incidents = whose.incidents()
    try:
        last = whose.last(incidents)
    except NothingSpentError:
        return Chart(title=heading(incident), about=_about(incident.scope), why=why(incident))
    to_minute = max(min(last, now + AFTER), opened + HOUR)
    return _chart(whose, (max(0, opened - BEFORE), to_minute), incidents, incident)


def _chart(whose: _Whose, shown: Minutes, incidents: list[Incident], focus: Incident | None) -> Chart:
    each, windows, nanos = _windows(whose, shown)
    from_ms, to_ms = windows[0].start_ms, windows[-1].start_ms + each * MINUTE_MS
    told = sorted((it for it in incidents if from_ms <= it.opened_ms < to_ms), key=lambda it: (it.opened_ms, it.id))
    orders = whose.orders(told)
    halts = [halt(it, orders, whose.scope, to_ms) for it in orders if it.order.action != "resume" and it.order.time_ms < to_ms]
    within = all(window.high is not None and not window.above for window in windows)
    return Chart(
        title=heading(focus) if focus is not None else calm(whose.scope, nanos, usual=within),
        about=_about(whose.scope),
        each_minutes=each,
        windows=tuple(windows),
        marks=marks(told, (to_ms - from_ms) // NEAR),
        halts=tuple(it for it in halts if it.to_ms >= from_ms),
        why=why(focus) if focus is not None else None,
    )


def _windows(whose: _Whose, shown: Minutes) -> tuple[int, list[Window], int]:
    """Minutes of a window, the windows, and what was spent in them in nanos. By the hour where the books keep no minutes any more."""
    from_minute, to_minute = shown
    length = to_minute - from_minute
    each = TEN_MINUTES if length <= FINE_MAX else HOUR if length <= HOURS_MAX else DAY
    first, end = from_minute // each * each, -(-to_minute // each) * each
    heard = Span(max(0, first - PAST) // DAY * DAY, end)
    spend = whose.spend(each, heard)
    if each == TEN_MINUTES and spend.by_hour_before > first:
        each, first, end = HOUR, first // HOUR * HOUR, -(-end // HOUR) * HOUR
        spend = whose.spend(each, Span(heard.from_minute, end))
    past = list(_unbroken(spend, each, end))
    expected = {window.start_s // 60: it for window, it in zip(past, usual(past), strict=True)}
    nanos = {window.start_s // 60: window.nanos for window in past}
    shown_minutes = range(first, max(end, first + each), each)
    return each, [_window(at, nanos.get(at, 0), expected.get(at)) for at in shown_minutes], sum(nanos.get(at, 0) for at in shown_minutes)


def _unbroken(spend: Spend, each: int, end: int) -> Iterator[Spent]:
    """All windows from the first with spend on, those without it too; hours where the books know nothing finer."""
    known = {step.minute: step.nanos for step in spend.series}
    at = min(known, default=end)
    while at < end:
        width = HOUR if at < spend.by_hour_before and each < HOUR else each
        yield Spent(at * 60, width * 60, known.get(at, 0))
        at += width


def _window(minute: int, nanos: int, expected: Expectation | None) -> Window:
    low, high = (expected.low, expected.high) if expected is not None else (None, None)
    return Window(start_ms=minute * MINUTE_MS, usd=nanos / 1e9, low=low, high=high)


def _about(scope: Scope) -> str:
    return called(scope) if scope.kind == "total" else f"AI spend of {called(scope)}"
