"""Decisions in the books: an incident's story is whole, lists are filtered and paged, and what is paused is what holds now."""

from __future__ import annotations

import pytest
from msgspec.structs import replace as but

from service.books import BadCursorError, ListQuestion
from service.facts import Control, Decision, Incident, Order, OrderState, Outbox, Receipt, Scope
from service.ledger import Ledger
from service.log.ports import OUTBOX
from tests import samples
from tests.core.ledger.heard import rows


def incident(number: int, state: str = "open", tenant: str = "default", agent: str = "indexer", time_ms: int = 0) -> Incident:
    known = {"id": f"inc-{number}", "tenant": tenant, "scope": Scope("agent", agent), "state": state, "opened_ms": number, "executions": ["run"]}
    return but(samples.INCIDENT, time_ms=time_ms or number, **known)


def order(number: int, action: str = "pause", agent: str = "indexer", mode: str = "enforce", expires_ms: int = 1000) -> Order:
    known = {"id": f"ord-{number}", "scope": Scope("agent", agent), "mode": mode, "expires_ms": expires_ms, "executions": ["run"]}
    return but(samples.ORDER, time_ms=number, action=action, sequence=number, **known)


def state(number: int, name: str) -> OrderState:
    return OrderState(number, f"ord-{number}", "default", Scope("agent", "indexer"), name, 12, saved_nanos=3)


def decide(books: Ledger, *decisions: Decision) -> None:
    at = books.next_offset(OUTBOX, 0)
    books.apply_outbox(0, rows([Outbox(at, list(decisions))], first=at))


def test_an_incidents_story_is_whole(books: Ledger) -> None:
    first, second = incident(1), incident(1, "acknowledged", time_ms=20)
    notice = samples.notice(first, "opened")
    decide(books, first, order(5), notice)
    decide(books, state(5, "requested"), state(5, "delivered"), second)
    controls = [
        Control("ctl-1", "default", "acknowledge", "maria", incident="inc-1"),
        Control("ctl-2", "default", "resume", "li", order="ord-5"),
        Control("ctl-3", "default", "note", "li"),
    ]
    receipts = [Receipt(notice.id, "spend", "delivered"), Receipt(notice.id, "spend", "failed", "HTTP 500")]
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
    decide(books, order(7, "resume", mode="observe"))
    assert paused() == ["ord-6"], "what was only observed ends nothing"
    decide(books, state(6, "refused"))
    assert paused() == []
