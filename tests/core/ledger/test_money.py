"""The sums of the books are the truth: exact, whatever is repeated, cut or killed, and never of somebody else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.books import Span, SpendQuestion, Step, Tokens
from service.facts import MINUTE_MS, Counts, Decision, Envelope, Fact, Measures, Member, Outbox, PricedLate, Progress, Scope, Share, Tally, Tick
from service.ledger import Ledger, booking
from service.log.ports import JOURNAL
from tests.core.ledger.heard import ALL, Spent, cell, envelopes, rows

records = st.builds(
    Spent, st.integers(0, 1), st.integers(0, 7), st.integers(55, 65) | st.integers(0, 200), st.sampled_from("abc"), st.integers(-(10**18), 10**18)
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(spent=st.lists(records, max_size=20), echoes=st.lists(st.integers(0, 17), max_size=6), size=st.integers(1, 9), until=st.integers(0, 8))
def test_the_sums_are_the_truth_whatever_is_repeated_cut_or_killed(
    *, fresh: Callable[[], str], spent: list[Spent], echoes: list[int], size: int, until: int
) -> None:
    """Echoes are envelopes that an old owner says once more; the reader goes back after each batch, and dies in each one first."""
    truth = envelopes(spent, until)
    told = list(truth)
    for place in sorted(echoes, reverse=True):
        told[place:place] = truth[max(0, place - 5) : place]
    log = rows(told)
    url = fresh()
    for start in range(0, len(log), size):
        batch = log[max(0, start - 3) : start + size]
        kept = Ledger(url)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(booking, "book_said", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                kept.apply(0, batch)
        kept.close()
        kept = Ledger(url)
        assert kept.apply(0, batch) == kept.next_offset(JOURNAL, 0) == start + len(log[start : start + size])
        kept.close()
    heard = [s for s in spent if s.arrival < until]
    by: dict[str, int] = defaultdict(int)
    for s in heard:
        by[s.agent] += s.nanos
    kept = Ledger(url)
    answer = kept.spend(ALL._replace(by="agent"))
    assert (answer.records, answer.nanos, answer.by) == (len(heard), sum(s.nanos for s in heard), by)
    assert answer.tokens == Tokens(input=2 * len(heard), output=len(heard), total=3 * len(heard))
    assert kept.spend(ALL._replace(by="user")).by == by
    for span in (Span(None, 60), Span(60, None), Span(57, 63), Span(58, 59), Span(0, 120), Span(10, 179)):
        inside = [s for s in heard if (span.from_minute or 0) <= s.minute < (span.to_minute or 10**9)]
        for scope in (Scope("agent", "a"), Scope("user", "a")):
            assert kept.spend(SpendQuestion("default", scope, span)).nanos == sum(s.nanos for s in inside if s.agent == "a")
        for step in (1, 10, 60, 1440):
            windows: dict[int, list[int]] = defaultdict(lambda: [0, 0])
            for s in inside:
                windows[s.minute // step * step][0] += s.nanos
                windows[s.minute // step * step][1] += 1
            assert kept.spend(SpendQuestion("default", span=span, step_minutes=step)).series == [Step(at, *sums) for at, sums in sorted(windows.items())]
    kept.close()


def test_a_repetition_from_an_old_owner_changes_nothing(books: Ledger) -> None:
    words: list[Fact] = [Tally(cell(), 5, 0, 9, Measures(records=1, nanos=7, input=3, output=2, reasoning=1))]
    last = Envelope(0, MINUTE_MS, 9, words, Counts(records=1))
    older = Envelope(0, MINUTE_MS // 2, 8, [Progress(cell(), 5, 0, 8, 1, 7, 5, 0)], Counts())
    assert books.apply(0, rows([older, last, last, older, last, Tick()])) == 6
    answer = books.spend(ALL)
    assert (answer.records, answer.nanos) == (1, 7)
    assert answer.tokens == (3, 0, 0, 2, 1, 5)
    assert books.counts() == {0: Counts(records=1)}


def test_a_reader_that_goes_back_does_not_take_the_books_back(books: Ledger) -> None:
    log = rows([Tick()] * 6)
    assert books.apply(0, log) == 6
    assert books.apply(0, log[:2]) == 6
    assert books.apply_outbox(0, rows([Outbox(n, []) for n in range(3)])) == 3
    assert books.apply_outbox(0, rows([Outbox(0, [])])) == 3


def test_a_subject_first_heard_in_a_transaction_that_failed_is_booked_by_the_next(books: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    log = rows([Envelope(0, MINUTE_MS, 9, [Tally(cell(), 5, 0, 9, Measures(records=1, nanos=7))], Counts())])
    with monkeypatch.context() as patch:
        patch.setattr(booking, "book_said", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            books.apply(0, log)
    assert books.spend(ALL).nanos == 0
    books.apply(0, log)
    assert books.spend(ALL).nanos == 7


def test_what_is_still_open_is_told_by_the_greatest_offset(books: Ledger) -> None:
    for at, nanos in ((3, 30), (9, 90), (6, 60)):
        books.apply(0, rows([Envelope(0, 0, at, [Progress(cell(), 5, 0, at, at, nanos, 0, 0)], Counts())], first=at if at != 6 else 20))
    assert books.spend(ALL).nanos == 90


def test_money_beyond_64_bits_is_exact(books: Ledger) -> None:
    most = 10**18  # a thousand million dollars
    words: list[Fact] = [Tally(cell(f"agent-{n}"), 5, 0, n, Measures(records=1, nanos=most + n)) for n in range(50)]
    books.apply(0, rows([Envelope(0, MINUTE_MS, 9, words, Counts())]))
    assert books.spend(ALL).nanos == 50 * most + sum(range(50))
    assert books.spend(ALL._replace(span=Span(0, 60), step_minutes=60)).series == [Step(0, 50 * most + sum(range(50)), 50)]


def test_tenants_scopes_and_names_never_mix(books: Ledger) -> None:
    cells = [cell(tenant="a"), cell(tenant="b"), cell("x\0y", tenant="a"), cell("z", "kyc", "a")._replace(model="other")]
    words: list[Fact] = [Tally(c, 5, 0, n, Measures(records=1, nanos=10**n)) for n, c in enumerate(cells)]
    words.append(Share(Member("a", "label.team", "red"), 5, 0, 9, 1, 10**9, 0, 0))
    books.apply(0, rows([Envelope(0, MINUTE_MS, 9, words, Counts())]))
    assert books.spend(SpendQuestion("a")).nanos == 1101
    assert books.spend(SpendQuestion("b")).nanos == 10
    assert books.spend(SpendQuestion("none")).nanos == 0
    assert books.spend(SpendQuestion("a", Scope("model", "gpt"), by="agent")).by == {"indexer": 1, "x\ufffdy": 100}
    assert books.spend(SpendQuestion("a", Scope("agent", "x\0y"))).nanos == 100
    assert books.spend(SpendQuestion("a", Scope("label.team", "red"))).nanos == 10**9
    assert books.spend(SpendQuestion("a", by="label.team")).by == {"red": 10**9}


def test_what_is_priced_late_counts_once_where_it_belongs(books: Ledger) -> None:
    late: list[Decision] = [PricedLate(9, cell(), 65, 250), PricedLate(9, cell(), 65, 50)]
    books.apply_outbox(0, rows([Outbox(4, late)]))
    books.apply_outbox(0, rows([Outbox(4, late), Outbox(5, [])], first=0))
    books.apply_outbox(0, rows([Outbox(4, late)], first=2))
    answer = books.spend(SpendQuestion("default", span=Span(60, 120), step_minutes=60))
    assert (answer.nanos, answer.records, answer.series) == (300, 0, [Step(60, 300, 0)])
