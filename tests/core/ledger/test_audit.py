"""The audit in the books: each entry once, whatever is said again; kept when all else is built anew; found by tenant, scope and page."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import pytest
from sqlalchemy import create_engine, update

from service.audit.chain import POLICIES, Chain, add
from service.audit.verify import Verification
from service.books import ListQuestion
from service.facts import Audited, Control, Outbox, PolicySet, Scope, encode
from service.ledger import Ledger
from service.ledger.tables import audit
from service.log.memory import MemoryLog
from service.log.ports import JOURNAL, OUTBOX, Row
from service.shells.rebuild import rebuild, sources_of
from tests.core.ledger.heard import rows


def entries(tenants: tuple[str, ...] = ("acme", "other"), count: int = 4) -> list[Audited]:
    """Of each tenant so many notes, all in one millisecond but the last; before them a policy."""
    chains = {name: Chain() for name in (POLICIES, *tenants)}
    policy = add(chains[POLICIES], 5, POLICIES, 0, 0, PolicySet(1, "d", b""))
    notes = [
        add(chains[name], 10 + n // (count - 1), name, 0, 1, Control(f"ctl-{n}", name, "note", "maria", scope=Scope("agent", f"a{n % 2}")), "done")
        for n in range(count)
        for name in tenants
    ]
    return [policy, *notes]


def decide(books: Ledger, told: list[Audited]) -> None:
    books.apply_outbox(0, rows([Outbox(at, [entry]) for at, entry in enumerate(told)]))


def verified(books: Ledger) -> Verification:
    seen = Verification()
    for kept in books.whole_audit():
        seen.hear(*kept)
    return seen


def test_each_entry_is_kept_once_in_the_order_in_which_it_was_made(books: Ledger) -> None:
    told = entries()
    decide(books, told)
    books.apply_outbox(0, rows([Outbox(3, [told[3]]), Outbox(8, [told[8]])], first=len(told)))
    assert [kept.entry for kept in books.whole_audit()] == told
    assert verified(books).breaks == []


def test_lists_hold_a_tenants_entries_and_the_policies(books: Ledger) -> None:
    told = entries()
    decide(books, told)
    mine = [entry for entry in told if entry.tenant in ("acme", POLICIES)]
    assert books.audit(ListQuestion("acme")).items == mine[::-1]
    assert {it.tenant for it in books.audit(ListQuestion()).items} == {"acme", "other", POLICIES}
    assert [it.sequence for it in books.audit(ListQuestion("acme", scope=Scope("agent", "a1"))).items] == [4, 2]
    page, found = books.audit(ListQuestion("acme", limit=2)), []
    while True:
        found += page.items
        if not page.next_cursor:
            break
        page = books.audit(ListQuestion("acme", limit=2, cursor=page.next_cursor))
    assert found == mine[::-1]


@pytest.mark.parametrize("column", ["tenant", "scope_name", "time_ms", "id", "state", "body"])
def test_a_row_that_was_touched_is_seen_whatever_column_it_is(fresh: Callable[[], str], column: str) -> None:
    url = fresh()
    with closing(Ledger(url)) as books:
        decide(books, entries())
        engine = create_engine(url)
        with engine.begin() as db:
            db.execute(update(audit).where(audit.c.at == 4).values({column: 1 if column == "time_ms" else b"x" if column == "body" else "x"}))
        engine.dispose()
        assert verified(books).breaks


async def test_what_the_logs_hold_no_more_is_kept_when_the_books_are_built_anew(fresh: Callable[[], str]) -> None:
    url, told = fresh(), entries()
    log = MemoryLog(clock=lambda: 1)
    await log.append(JOURNAL, 0, [encode(Control("ctl", "acme", "note", "maria"))])
    await log.append(OUTBOX, 0, [encode(Outbox(at, [entry])) for at, entry in enumerate(told)])
    with closing(Ledger(url)) as books:
        books.apply_outbox(0, [Row(*row) for row in await log.read(OUTBOX, 0, 0, 100)])
        await log.trim(OUTBOX, 0, 6)
        await rebuild(log, books, await sources_of(log, 1))
        assert [kept.entry for kept in books.whole_audit()] == told
        assert verified(books).breaks == []
