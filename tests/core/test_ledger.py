from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from service.books import BadCursorError, ListQuestion, Span, SpendQuestion, Step, Tokens
from service.facts import (
    MINUTE_MS,
    Cell,
    Control,
    Counts,
    Decision,
    Envelope,
    Fact,
    Incident,
    Kind,
    Measures,
    Member,
    Notice,
    Order,
    OrderState,
    Outbox,
    PricedLate,
    Progress,
    Receipt,
    Scope,
    Share,
    Tally,
    Tick,
    encode,
)
from service.ledger import Ledger, ledger
from service.ledger.tables import meta
from service.log.ports import JOURNAL, OUTBOX, LogError, Row


def cell(agent: str = "indexer", use_case: str = "kyc", tenant: str = "default") -> Cell:
    return Cell(tenant, agent, use_case, "BU", "", "openai", "gpt", "inference", "chat", batch=False)


class Spent(NamedTuple):
    """One record as a meter hears it."""

    partition: int
    arrival: int  # in half minutes
    minute: int
    agent: str
    nanos: int


def envelopes(spent: Sequence[Spent], until: int) -> list[Envelope]:
    """What honest meters say about records: a mark every half minute, last words when a minute is over."""
    said = []
    for mark in range(1, until + 1):
        for partition in (0, 1):
            facts: list[Fact] = []
            turning = mark % 2 == 0
            minute = (mark - 1) // 2
            heard = [s for s in spent if s.partition == partition and s.arrival // 2 == minute and s.arrival < mark]
            for agent, event in sorted({(s.agent, s.minute) for s in heard}):
                of = [s.nanos for s in heard if (s.agent, s.minute) == (agent, event)]
                total = (cell(agent), event, minute, mark)
                sums = Measures(records=len(of), nanos=sum(of), input=2 * len(of), output=len(of))
                facts.append(Tally(*total, sums) if turning else Progress(*total, len(of), sum(of), 3 * len(of), event * MINUTE_MS, 2 * len(of), 0, 0, len(of)))
                facts.append(Share(Member("default", "user", agent), event, minute, mark, len(of), sum(of), 3 * len(of), event * MINUTE_MS))
            said.append(Envelope(partition, mark * MINUTE_MS // 2, mark, facts, Counts(records=len(heard))))
    return said


def rows(facts: Sequence[Any], first: int = 0) -> list[Row]:
    return [Row(first + n, 1000 + n, encode(fact)) for n, fact in enumerate(facts)]


DATABASES = ["sqlite", *filter(None, [os.environ.get("SPENDWARDEN_TEST_DATABASE")])]  # the second one is emptied by each test


def emptied(url: str, folder: Path) -> str:
    """The address of a database without tables."""
    if url == "sqlite":
        return f"sqlite:///{folder}/ledger.db"
    engine = create_engine(url)
    meta.drop_all(engine)
    engine.dispose()
    return url


@pytest.fixture(params=DATABASES)
def books(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    kept = Ledger(emptied(request.param, tmp_path))
    yield kept
    kept.close()


ALL = SpendQuestion("default")
records = st.builds(
    Spent, st.integers(0, 1), st.integers(0, 7), st.integers(55, 65) | st.integers(0, 200), st.sampled_from("abc"), st.integers(-(10**18), 10**18)
)


# ---------------------------------------------------------------- money


@pytest.mark.parametrize("database", DATABASES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(spent=st.lists(records, max_size=20), echoes=st.lists(st.integers(0, 17), max_size=6), size=st.integers(1, 9), until=st.integers(0, 8))
def test_the_sums_are_the_truth_whatever_is_repeated_cut_or_killed(
    *, tmp_path_factory: pytest.TempPathFactory, database: str, spent: list[Spent], echoes: list[int], size: int, until: int
) -> None:
    """Echoes are envelopes that an old owner says once more; the reader goes back after each batch, and dies in each one first."""
    truth = envelopes(spent, until)
    told = list(truth)
    for place in sorted(echoes, reverse=True):
        told[place:place] = truth[max(0, place - 5) : place]
    log = rows(told)
    url = emptied(database, tmp_path_factory.mktemp("books"))
    for start in range(0, len(log), size):
        batch = log[max(0, start - 3) : start + size]
        kept = Ledger(url)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ledger, "book_said", lambda *_: 1 / 0)
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
        patch.setattr(ledger, "book_said", lambda *_: 1 / 0)
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


# ---------------------------------------------------------------- decisions


def incident(number: int, state: str = "open", tenant: str = "default", agent: str = "indexer", time_ms: int = 0) -> Incident:
    scope = Scope("agent", agent)
    return Incident(
        time_ms or number, "opened", f"inc-{number}", tenant, scope, [Kind.LOOP], "critical", state, number, 1, 5, 4, None, None, [], "new", executions=["run"]
    )


def order(number: int, action: str = "pause", agent: str = "indexer", mode: str = "enforce", expires_ms: int = 1000) -> Order:
    return Order(number, action, f"ord-{number}", "default", Scope("agent", agent), "inc-1", "loop", mode, expires_ms, number, ["run"])


def state(number: int, name: str) -> OrderState:
    return OrderState(number, f"ord-{number}", "default", Scope("agent", "indexer"), name, 12, saved_nanos=3)


def decide(books: Ledger, *decisions: Decision) -> None:
    at = books.next_offset(OUTBOX, 0)
    books.apply_outbox(0, rows([Outbox(at, list(decisions))], first=at))


def test_an_incidents_story_is_whole(books: Ledger) -> None:
    first, second = incident(1), incident(1, "acknowledged", time_ms=20)
    notice = Notice(1, "ntc-1", "default", "inc-1", "spend", "opened", "A loop", first)
    decide(books, first, order(5), notice)
    decide(books, state(5, "requested"), state(5, "delivered"), second)
    controls = [
        Control("ctl-1", "default", "acknowledge", "maria", incident="inc-1"),
        Control("ctl-2", "default", "resume", "li", order="ord-5"),
        Control("ctl-3", "default", "note", "li"),
    ]
    receipts = [Receipt("ntc-1", "spend", "delivered"), Receipt("ntc-1", "spend", "failed", "HTTP 500")]
    books.apply(0, rows([*controls, *controls, *receipts]))
    story = books.incident("inc-1", "default")
    assert story is not None
    assert story.steps == [first, second]
    assert [(told.notice, told.state, told.reason) for told in story.deliveries] == [(notice, "failed", "HTTP 500")]
    assert [(it.order, it.state, it.states) for it in story.orders] == [(order(5), "delivered", [state(5, "requested"), state(5, "delivered")])]
    assert story.controls == controls[:2]
    assert books.order("ord-5", "default") == story.orders[0]
    assert books.incidents(ListQuestion()).items == [second]
    assert books.incident("inc-1", "other") is None
    assert books.order("ord-5", "other") is None
    assert books.incident("inc-9", None) is None


def test_an_echo_of_a_decision_takes_nothing_back(books: Ledger) -> None:
    decide(books, incident(1), order(5))
    decide(books, state(5, "delivered"), incident(1, "resolved"))
    echo = [Outbox(0, [incident(1), order(5)]), Outbox(1, [state(5, "delivered"), incident(1, "resolved")])]
    assert books.apply_outbox(0, rows(echo, first=2)) == 4
    story = books.incident("inc-1", None)
    assert story is not None
    assert [step.state for step in story.steps] == ["open", "resolved"]
    assert [(it.state, len(it.states)) for it in story.orders] == [("delivered", 1)]


def test_lists_are_filtered_and_paged_while_they_grow(books: Ledger) -> None:
    decide(books, *(incident(n, "open" if n % 2 else "resolved", agent=f"agent-{n % 3}") for n in range(1, 21)), incident(99, tenant="other"))
    assert [it.id for it in books.incidents(ListQuestion("other")).items] == ["inc-99"]
    assert {it.state for it in books.incidents(ListQuestion(state="resolved")).items} == {"resolved"}
    assert {it.scope.name for it in books.incidents(ListQuestion("default", scope=Scope("agent", "agent-1"))).items} == {"agent-1"}
    seen, cursor, page = [], "", books.incidents(ListQuestion("default", limit=7))
    while page.items:
        seen += [it.opened_ms for it in page.items]
        decide(books, incident(30 + len(seen)))
        cursor = page.next_cursor
        if not cursor:
            break
        page = books.incidents(ListQuestion("default", limit=7, cursor=cursor))
    assert seen == list(range(20, 0, -1))


@pytest.mark.parametrize("cursor", ["x", "???", "\ud800", "é", "NTppbmMtMQ", "LTE6eA", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTp4"])
def test_a_cursor_that_was_never_given_out_is_known_as_one(books: Ledger, cursor: str) -> None:
    if cursor == "NTppbmMtMQ":  # 5:inc-1, as a page would write it
        assert books.incidents(ListQuestion(cursor=cursor)).items == []
    else:
        with pytest.raises(BadCursorError):
            books.incidents(ListQuestion(cursor=cursor))


def test_paused_is_what_holds_now(books: Ledger) -> None:
    def paused(now_ms: int = 500) -> list[str]:
        return [it.order.id for it in books.paused(ListQuestion("default"), now_ms).items]

    decide(books, order(1), order(2, agent="observed", mode="observe"), order(3, "throttle", agent="slow"), order(4, agent="other", expires_ms=400))
    assert paused() == ["ord-1"]
    assert paused(399) == ["ord-4", "ord-1"]
    assert paused(1000) == []
    decide(books, state(1, "effective"))
    assert paused() == ["ord-1"]
    decide(books, order(5, "resume"))
    assert paused() == []
    decide(books, order(6))
    assert paused() == ["ord-6"]
    decide(books, state(6, "refused"))
    assert paused() == []


# ---------------------------------------------------------------- the database


def test_a_locked_or_missing_database_is_a_log_error_and_books_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LogError, match="cannot open the books"):
        Ledger(f"sqlite:///{tmp_path}/nowhere/ledger.db")
    with pytest.raises(ValueError, match="sqlite or postgresql"):
        Ledger("mssql+pyodbc://x")
    monkeypatch.setattr("service.ledger.sql.BUSY_MS", 10)
    first, second = Ledger(f"sqlite:///{tmp_path}/ledger.db"), Ledger(f"sqlite:///{tmp_path}/ledger.db")
    log = rows([Envelope(0, MINUTE_MS, 9, [Tally(cell(), 5, 0, 9, Measures(records=1, nanos=7))], Counts())])
    with first._writer.begin(), pytest.raises(LogError, match="locked"):
        second.apply(0, log)
    assert second.next_offset(JOURNAL, 0) == 0
    assert second.apply(0, log) == 1
    assert first.apply(0, log) == 1
    assert first.spend(ALL).nanos == 7
    first.close()
    second.close()


def test_every_table_can_be_made_in_postgresql() -> None:
    for table in meta.sorted_tables:
        assert "BIG" in str(CreateTable(table).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
