"""Minutes that were forgotten: the same money, in whole hours, wherever the forgetting has come to and whatever is late."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from service.books import Span, SpendQuestion, Step
from service.facts import MINUTE_MS, Counts, Envelope, Fact, Measures, Scope, Tally, encode
from service.ledger import Ledger, retention
from service.ledger.tables import hours, minutes
from service.log.memory import MemoryLog
from service.log.ports import JOURNAL
from service.shells.bookkeeper import DAY_MS, Bookkeeper
from tests.core.ledger.heard import ALL, Spent, cell, envelopes, rows

KEPT = 120  # minutes before this one are forgotten
records = st.builds(Spent, st.integers(0, 1), st.integers(0, 7), st.integers(55, 65) | st.integers(0, 200), st.sampled_from("abc"), st.integers(-9, 10**18))
spans = [Span(), Span(None, 60), Span(60, None), Span(57, 63), Span(58, 59), Span(30, 30), Span(0, 120), Span(10, 179), Span(61, 121), Span(130, 150)]


def hour(minute: int) -> int:
    return minute // 60 * 60


def counted(span: Span) -> Span:
    """What is counted where so much was asked for."""
    first, end = span
    if first == end and first is not None:
        return span
    return Span(hour(first) if first is not None and first < KEPT else first, -hour(-end) if end is not None and end < KEPT else end)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(spent=st.lists(records, max_size=20), steps=st.integers(1, 12), at=st.integers(0, 16), until=st.integers(0, 8))
def test_what_is_forgotten_by_the_minute_is_known_by_the_hour(*, fresh: Callable[[], str], spent: list[Spent], steps: int, at: int, until: int) -> None:
    """Forgotten in steps of two rows and one subject, some before the rest is booked and some after; how many does not matter."""
    log = rows(envelopes(spent, until))
    books = Ledger(fresh())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retention, "ROWS_AT_ONCE", 2)
        patch.setattr(retention, "SUBJECTS_AT_ONCE", 1)
        books.apply(0, log[:at])
        subject: int | None = 0
        for _ in range(steps):
            subject = books.forget_minutes(KEPT, subject or 0)
        books.apply(0, log[at:])
    heard = [s for s in spent if s.arrival < until]
    for span in spans:
        first, end = told = counted(span)
        inside = [s for s in heard if s.minute >= (first or 0) and (end is None or s.minute < end)]
        by: dict[str, int] = defaultdict(int)
        for s in inside:
            by[s.agent] += s.nanos
        answer = books.spend(SpendQuestion("default", span=span, by="agent"))
        assert (answer.nanos, answer.records, answer.by, answer.span) == (sum(by.values()), len(inside), by, told)
        assert books.spend(SpendQuestion("default", Scope("user", "a"), span)).nanos == by["a"]
        for step in (1, 10, 60, 1440):
            windows: dict[int, list[int]] = defaultdict(lambda: [0, 0])
            for s in inside:
                start = (hour(s.minute) if step < 60 and s.minute < KEPT else s.minute) // step * step
                windows[start][0] += s.nanos
                windows[start][1] += 1
            series = books.spend(SpendQuestion("default", span=span, step_minutes=step))
            assert series.series == [Step(start, *sums) for start, sums in sorted(windows.items())]
            assert series.by_hour_before == (KEPT if step < 60 and (first or 0) < KEPT else 0)
    books.close()


def spent_at(*event_minutes: int, agents: int = 1) -> Envelope:
    words: list[Fact] = [
        Tally(cell(f"agent-{n}"), minute, 0, n * 1000 + at, Measures(records=1, nanos=7)) for n in range(agents) for at, minute in enumerate(event_minutes)
    ]
    return Envelope(0, MINUTE_MS, 9, words, Counts())


def sizes(books: Ledger) -> tuple[int, ...]:
    with books._engine.begin() as db:
        return tuple(db.execute(select(func.count()).select_from(table)).scalar() or 0 for table in (minutes, hours))


def test_a_round_forgets_all_and_each_step_of_it_is_bounded(books: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "ROWS_AT_ONCE", 4)
    monkeypatch.setattr(retention, "SUBJECTS_AT_ONCE", 2)
    books.apply(0, rows([spent_at(1, 2, 3, 59, 60, 119, 120, 121, agents=5)]))
    subject: int | None = 0
    left = [sizes(books)[0]]
    while subject is not None:
        subject = books.forget_minutes(KEPT, subject)
        left.append(sizes(books)[0])
    assert all(0 <= before - after <= 4 for before, after in pairwise(left))
    assert sizes(books) == (5 * 2, 5 * 3)
    assert books.spend(ALL).nanos == 5 * 8 * 7


def test_an_earlier_time_does_not_bring_minutes_back(books: Ledger) -> None:
    books.apply(0, rows([spent_at(1, 70)]))
    assert books.forget_minutes(120) is None
    assert books.forget_minutes(60) is None
    assert books.spend(ALL._replace(span=Span(61, 62))).span == Span(60, 120)


async def test_the_books_forget_by_the_journal_s_time_and_go_on_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty days go by; of the minutes of the first five the hours are left, and a minute that comes for them late counts there."""
    monkeypatch.setattr(retention, "SUBJECTS_AT_ONCE", 1)
    now_ms = 0
    log = MemoryLog(clock=lambda: now_ms)
    keeper = Bookkeeper(lambda: nullcontext(log), Ledger(f"sqlite:///{tmp_path}/ledger.db"))
    day = 24 * 60
    for number in range(41):
        now_ms = number * DAY_MS
        words: list[Fact] = [Tally(cell(f"agent-{n}"), number * day + 5 * n, number, 0, Measures(records=1, nanos=1)) for n in range(3)]
        late: list[Fact] = [Tally(cell(), 100, number, 0, Measures(records=1, nanos=10))] if number == 40 else []
        await log.append(JOURNAL, 0, [encode(Envelope(0, (number + 1) * MINUTE_MS, number, words + late, Counts()))])
        steps = 0
        assert await keeper.catch_up(log) == 1
        while keeper.forget():
            steps += 1
        assert steps == (0 if number < 36 else 3 if number == 40 else 2), number
    assert sizes(keeper.ledger) == (36 * 3 + 0, 41 * 3 + 1)
    assert keeper.ledger.spend(ALL).nanos == 41 * 3 + 10
    assert keeper.ledger.spend(ALL._replace(span=Span(90, 91))).nanos == 10
    keeper.ledger.close()
