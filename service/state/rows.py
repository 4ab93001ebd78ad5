"""A table that knows which of its rows may have changed since they were last dumped.

Law of this file: whoever is handed a row may change it in place, so handing it out forgets the dump of its group; nobody has to say
what he touched. A row must therefore not be kept beyond the row of the log for which it was asked: what is changed after a dump without
being asked for again is not dumped. Groups are neighbours in the order of insertion and depend on the table's present content alone, so
a restored table is grouped, and goes on, exactly as the one that was dumped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any, Final, Generic, TypeVar, overload

ROWS_PER_GROUP: Final = 64

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")


class Group(Generic[K, V]):
    """Neighbouring rows; `dump` is theirs, as its owner keeps it, or None since one of them was handed out."""

    __slots__ = ("dump", "number", "rows")

    def __init__(self, number: int) -> None:
        self.number = number
        self.rows: dict[K, V] = {}
        self.dump: Mapping[str, bytes] | None = None


class Rows(MutableMapping[K, V]):
    """A dict in its order of insertion, in groups of ROWS_PER_GROUP.

    >>> totals = Rows[str, list[int]]()
    >>> totals["a"] = [1]
    >>> (group,) = totals.groups()
    >>> group.dump = {"": b"a, 1"}
    >>> "a" in totals, group.dump
    (True, {'': b'a, 1'})
    >>> totals["a"].append(2)
    >>> group.dump is None
    True
    """

    __slots__ = ("_groups", "_of")

    def __init__(self) -> None:
        self._groups: dict[int, Group[K, V]] = {}
        self._of: dict[K, Group[K, V]] = {}

    @classmethod
    def grouped(cls, groups: Iterable[tuple[int, Mapping[K, V]]]) -> Rows[K, V]:
        """The table of these groups, by ascending number; what comes under one number is one group."""
        table = cls()
        for number, rows in groups:
            group = table._groups.setdefault(number, Group(number))
            group.rows.update(rows)
            table._of.update(dict.fromkeys(rows, group))
        return table

    def groups(self) -> Iterable[Group[K, V]]:
        """In order; none is empty. For dumps: rows looked at here are not to be changed."""
        return self._groups.values()

    def peek(self) -> Iterator[tuple[K, V]]:
        """All rows in order, to look at alone: what is to be changed is asked for by its key."""
        for group in self._groups.values():
            yield from group.rows.items()

    def __getitem__(self, key: K) -> V:
        group = self._of[key]
        group.dump = None
        return group.rows[key]

    @overload
    def get(self, key: K) -> V | None: ...
    @overload
    def get(self, key: K, default: V | T) -> V | T: ...
    def get(self, key: K, default: Any = None) -> Any:
        """As a dict's; said here because Mapping's own raises and catches on each row that is not there."""
        group = self._of.get(key)
        if group is None:
            return default
        group.dump = None
        return group.rows[key]

    def __setitem__(self, key: K, row: V) -> None:
        group = self._of.get(key)
        if group is None:
            group = self._of[key] = self._last()
        group.dump = None
        group.rows[key] = row

    def __delitem__(self, key: K) -> None:
        group = self._of.pop(key)
        group.dump = None
        del group.rows[key]
        if not group.rows:
            del self._groups[group.number]

    def __contains__(self, key: object) -> bool:
        return key in self._of

    def __iter__(self) -> Iterator[K]:
        return iter(self._of)

    def __len__(self) -> int:
        return len(self._of)

    def _last(self) -> Group[K, V]:
        """The group that takes the next row: the last one while it has room, else a new one."""
        number = next(reversed(self._groups), -1)
        if number < 0 or len(self._groups[number].rows) >= ROWS_PER_GROUP:
            number += 1
            self._groups[number] = Group(number)
        return self._groups[number]
