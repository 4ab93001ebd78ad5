"""A state as named parts of bounded size, and back: what both folds' snapshots are made of.

Tables are cut by position, in their own order, so that a restored state goes on in exactly the order it stopped in, and a table that
only grows leaves its first parts as they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final, TypeVar, get_origin, get_type_hints

import msgspec
from msgspec import Struct

ROWS_PER_PART: Final = 512
PART_BYTES_MAX: Final = 512 * 1024

S = TypeVar("S", bound=Struct)
_encode: Final = msgspec.msgpack.Encoder().encode


@cache
def _fields(cls: type[Struct]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The struct's tables (dicts) and its other fields, with their types."""
    hints = get_type_hints(cls)
    names = [f.name for f in msgspec.structs.fields(cls)]
    tables = {name: hints[name] for name in names if get_origin(hints[name]) is dict}
    return tables, {name: hints[name] for name in names if name not in tables}


@cache
def _decoder(kind: Any) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(kind)


def dump(prefix: str, state: Struct, leave_out: Iterable[str] = ()) -> dict[str, bytes]:
    """The struct's plain fields as one part, each of its tables as as many as it needs."""
    tables, plain = _fields(type(state))
    left_out = frozenset(leave_out)
    parts = {f"{prefix}.": _encode({name: getattr(state, name) for name in plain if name not in left_out})}
    for name in tables:
        if name not in left_out:
            parts |= table(f"{prefix}.{name}", getattr(state, name))
    return parts


def table(prefix: str, rows: Mapping[Any, Any]) -> dict[str, bytes]:
    """A table as parts of ROWS_PER_PART rows; one that is too large is cut in halves."""
    items = list(rows.items())
    parts: dict[str, bytes] = {}
    for at in range(0, len(items), ROWS_PER_PART):
        _cut(f"{prefix}#{at // ROWS_PER_PART:06d}", items[at : at + ROWS_PER_PART], parts)
    return parts


def _cut(name: str, items: list[tuple[Any, Any]], parts: dict[str, bytes]) -> None:
    raw = _encode(items)
    if len(raw) <= PART_BYTES_MAX or len(items) == 1:
        parts[name] = raw
        return
    half = len(items) // 2
    _cut(f"{name}0", items[:half], parts)
    _cut(f"{name}1", items[half:], parts)


def load(prefix: str, cls: type[S], parts: Mapping[str, bytes], **given: Any) -> S:
    """The struct again; `given` are the fields that were left out."""
    tables, plain = _fields(cls)
    raw = _decoder(dict[str, msgspec.Raw]).decode(parts[f"{prefix}."])
    values = {name: _decoder(plain[name]).decode(value) for name, value in raw.items() if name in plain}
    for name, kind in tables.items():
        if name not in given:
            values[name] = load_table(f"{prefix}.{name}", kind, parts)
    return cls(**values, **given)


def load_table(prefix: str, kind: Any, parts: Mapping[str, bytes]) -> dict[Any, Any]:
    """A table again, in its order."""
    key, value = kind.__args__
    decode = _decoder(list[tuple[key, value]]).decode  # type: ignore[valid-type]
    rows: dict[Any, Any] = {}
    for name in sorted(name for name in parts if name.startswith(f"{prefix}#")):
        rows.update(decode(parts[name]))
    return rows
