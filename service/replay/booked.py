"""The books of a replay, in a folder that is gone at the end: what is asked of a live service's books can be asked of a file of records.

Booked is what a picture needs: the last words on cells, the decisions, and of members (users, keys, executions) the one that is asked about.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from service.facts import Decision, Envelope, Fact, Outbox, Scope, Share, Tally, encode
from service.folder import LEDGER
from service.ledger import Ledger
from service.log.ports import Row

ROWS_AT_ONCE: Final = 2_000


class Booked:
    """Hears the engine, books in large steps; `books` may be asked after `flush`."""

    def __init__(self, books: Ledger, asked: Scope | None) -> None:
        self.books = books
        self._asked = asked
        self._offset = 0
        self._said: list[Row] = []
        self._decided: list[Row] = []

    def hear(self, envelope: Envelope, decisions: Sequence[Decision]) -> None:
        """One row of the journal and what it made the warden decide."""
        wanted = [fact for fact in envelope.facts if self._wanted(fact)]
        self._said.append(Row(self._offset, envelope.mark_ms, encode(replace(envelope, facts=wanted))))
        if decisions:
            self._decided.append(Row(self._offset, envelope.mark_ms, encode(Outbox(self._offset, list(decisions)))))
        self._offset += 1
        if len(self._said) >= ROWS_AT_ONCE:
            self.flush()

    def _wanted(self, fact: Fact) -> bool:
        return isinstance(fact, Tally) or (isinstance(fact, Share) and (fact.member.kind, fact.member.name) == self._asked)

    def flush(self) -> None:
        """Books what was heard."""
        self.books.apply(0, self._said)
        self.books.apply_outbox(0, self._decided)
        self._said, self._decided = [], []


@contextmanager
def booked(asked: Scope | None = None) -> Iterator[Booked]:
    """Empty books, for as long as this lasts; `asked` is the scope that will be asked about, where that is known."""
    with tempfile.TemporaryDirectory(prefix="spendwarden-replay-") as folder, closing(Ledger(f"sqlite:///{Path(folder) / LEDGER}")) as books:
        yield Booked(books, asked)
