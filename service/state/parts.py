"""A state as named parts of bounded size, and back: what both folds' snapshots are made of.

Tables are cut in their own order, so that a restored state goes on in exactly the order it stopped in. Dicts are cut by position, and
one that only grows leaves its first parts as they were. `Rows` are cut by group, and a group of which no row was handed out since the
last dump is the very same bytes, without being looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final, TypeVar, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from service.state.rows import Rows

ROWS_PER_PART: Final = 512
PART_BYTES_MAX: Final = 512 * 1024
PIECE: Final = "~"
_DIGITS: Final = 6  # of a part's number in its name, so that names sort as numbers do

S = TypeVar("S", bound=Struct)
_encode: Final = msgspec.msgpack.Encoder().encode


@cache
def _fields(cls: type[Struct]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The struct's tables (dicts and Rows) and its other fields, with their types."""
    hints = get_type_hints(cls)
    names = [f.name for f in msgspec.structs.fields(cls)]
    tables = {name: hints[name] for name in names if get_origin(hints[name]) in (dict, Rows)}
    return tables, {name: hints[name] for name in names if name not in tables}


@cache
def _decoder(kind: Any) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(kind)


def dump(prefix: str, state: Struct, leave_out: Iterable[str] = ()) -> dict[str, bytes]:
    """The struct's plain fields as one part, each of its tables as as many as it needs."""
    tables, plain = _fields(type(state))
    left_out = frozenset(leave_out)
    raw = _encode({name: getattr(state, name) for name in plain if name not in left_out})
    parts = {f"{prefix}.{piece}": cut for piece, cut in _pieces(raw)}
    for name in tables:
        if name not in left_out:
            parts |= table(f"{prefix}.{name}", getattr(state, name))
    return parts


def table(prefix: str, rows: Mapping[Any, Any]) -> dict[str, bytes]:
    """A table as parts of ROWS_PER_PART rows, or of one group each; one that is too large is cut in halves, a single row into pieces."""
    parts: dict[str, bytes] = {}
    for number, cut in _groups(rows) if isinstance(rows, Rows) else _blocks(list(rows.items())):
        for half, raw in cut.items():
            parts[f"{prefix}#{number:0{_DIGITS}d}{half}"] = raw
    return parts


def _groups(rows: Rows[Any, Any]) -> Iterator[tuple[int, Mapping[str, bytes]]]:
    for group in rows.groups():
        if group.dump is None:
            group.dump = dict(_cut("", list(group.rows.items())))
        yield group.number, group.dump


def _blocks(items: list[tuple[Any, Any]]) -> Iterator[tuple[int, Mapping[str, bytes]]]:
    for at in range(0, len(items), ROWS_PER_PART):
        yield at // ROWS_PER_PART, dict(_cut("", items[at : at + ROWS_PER_PART]))


def _cut(half: str, items: list[tuple[Any, Any]]) -> Iterator[tuple[str, bytes]]:
    raw = _encode(items)
    if len(raw) <= PART_BYTES_MAX or len(items) == 1:
        yield from ((half + piece, cut) for piece, cut in _pieces(raw))
        return
    middle = len(items) // 2
    yield from _cut(f"{half}0", items[:middle])
    yield from _cut(f"{half}1", items[middle:])


def _pieces(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """What cannot be halved (one row that holds a table of its own) is cut anywhere, into numbered pieces that only mean something together."""
    if len(raw) <= PART_BYTES_MAX:
        yield "", raw
        return
    for at in range(0, len(raw), PART_BYTES_MAX):
        yield f"{PIECE}{at // PART_BYTES_MAX:0{_DIGITS}d}", raw[at : at + PART_BYTES_MAX]


def _joined(prefix: str, parts: Mapping[str, bytes]) -> dict[str, bytes]:
    """The parts whose names begin so, in the order of their names, pieces put together again."""
    found: dict[str, list[bytes]] = {}
    for name in sorted(name for name in parts if name.startswith(prefix)):
        found.setdefault(name.partition(PIECE)[0], []).append(parts[name])
    return {name: b"".join(pieces) if len(pieces) > 1 else pieces[0] for name, pieces in found.items()}


def _whole(name: str, parts: Mapping[str, bytes]) -> bytes:
    return parts[name] if name in parts else _joined(name + PIECE, parts)[name]


def load(prefix: str, cls: type[S], parts: Mapping[str, bytes], **given: Any) -> S:
    """The struct again; `given` are the fields that were left out."""
    tables, plain = _fields(cls)
    raw = _decoder(dict[str, msgspec.Raw]).decode(_whole(f"{prefix}.", parts))
    values = {name: _decoder(plain[name]).decode(value) for name, value in raw.items() if name in plain}
    for name, kind in tables.items():
        if name not in given:
            values[name] = load_table(f"{prefix}.{name}", kind, parts)
    return cls(**values, **given)


def load_table(prefix: str, kind: Any, parts: Mapping[str, bytes]) -> Any:
    """A table again, in its order: a dict, or Rows where `kind` says so."""
    key, value = kind.__args__
    decode = _decoder(list[tuple[key, value]]).decode  # type: ignore[valid-type]
    groups = [(int(name[len(prefix) + 1 :][:_DIGITS]), dict(decode(raw))) for name, raw in _joined(f"{prefix}#", parts).items()]
    return Rows.grouped(groups) if get_origin(kind) is Rows else {key: row for _, rows in groups for key, row in rows.items()}
