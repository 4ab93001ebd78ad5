"""Who spends, as a number: cells and members get one when they are first heard of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import islice
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, select

from service.facts import Cell, Member, encode
from service.ledger.sql import put
from service.ledger.tables import subjects

CACHE_MAX: Final = 200_000
LOOKUPS_PER_QUERY: Final = 500
Subject: TypeAlias = Cell | Member


class Subjects:
    """Numbers of subjects, with a bounded memory of them, which lasts no longer than the transactions in which they were given."""

    def __init__(self) -> None:
        self._known: dict[Subject, int] = {}
        self._doubted = False

    def doubt(self, *_: object) -> None:
        """A transaction in which numbers were given may not have happened: it failed, or another server took over. Any thread may say so."""
        self._doubted = True

    def numbers(self, db: Connection, asked: Iterable[Subject]) -> dict[Subject, int]:
        """The number of each, new ones written down."""
        if self._doubted:
            self._doubted = False
            self._known.clear()
        wanted = set(asked)
        new = [subject for subject in wanted if subject not in self._known]
        if len(self._known) + len(new) > CACHE_MAX:
            self._known.clear()
            new = list(wanted)
        for part in _parts(new):
            self._look_up(db, part)
        return {subject: self._known[subject] for subject in wanted}

    def _look_up(self, db: Connection, new: list[Subject]) -> None:
        digests = {_digest(subject): subject for subject in new}
        found = _find(db, digests)
        put(db, subjects, [_row(subject, digest) for digest, subject in digests.items() if digest not in found], keep_first=True)
        for digest, number in (found if len(found) == len(digests) else _find(db, digests)).items():
            self._known[digests[digest]] = number


def _find(db: Connection, digests: Iterable[bytes]) -> dict[bytes, int]:
    rows = db.execute(select(subjects.c.digest, subjects.c.id).where(subjects.c.digest.in_(list(digests))))
    return {bytes(digest): number for digest, number in rows}


def _digest(subject: Subject) -> bytes:
    return blake2b(encode((type(subject).__name__, *subject)), digest_size=16).digest()


def _row(subject: Subject, digest: bytes) -> dict[str, Any]:
    """PostgreSQL's text cannot hold NUL, which JSON can; two names that differ in nothing else keep their own numbers."""
    empty = Cell("", "", "", "", "", "", "", "", "", batch=False)
    told = {"kind": "cell", "name": "", **subject._asdict()} if isinstance(subject, Cell) else {**empty._asdict(), **subject._asdict()}
    return {name: clean(value) if isinstance(value, str) else value for name, value in told.items()} | {"digest": digest}


def clean(text: str) -> str:
    """Text that any database takes.

    >>> clean("a" + chr(0) + "b")
    'a\ufffdb'
    """
    return text.replace("\0", "\ufffd")


def _parts(items: list[Subject]) -> Iterator[list[Subject]]:
    left = iter(items)
    while part := list(islice(left, LOOKUPS_PER_QUERY)):
        yield part
