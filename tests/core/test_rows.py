"""A snapshot that looks only at what was handed out holds what a whole one would hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, MutableMapping
from typing import Final, TypeAlias
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct, field

from service.facts import Cell, Counts, Envelope, Measures, Tally
from service.state import parts, rows
from service.state.rows import Rows
from service.warden import snapshot
from service.warden.fold import hear
from service.warden.state import Warden
from tests.core.streams import START_MS, policy_set

GROUPED: Final = ("t0.totals#", "t0.periods#", "t0.series#", "t0.runs#")
Table: TypeAlias = MutableMapping[int, list[int]]


class Holder(Struct):
    """A state of one table."""

    table: Rows[int, list[int]] = field(default_factory=Rows)


def change_all(table: Table, key: int, value: int) -> None:
    for row in table.values():
        row.append(value)


def look(table: Table, key: int, value: int) -> None:
    found = table.get(key)
    if found is not None:
        found.append(value)


# every way in which a dict lets somebody change it or what is in it
WAYS: Final[dict[str, Callable[[Table, int, int], object]]] = {
    "set": lambda table, key, value: table.__setitem__(key, [value]),
    "look": look,
    "change all": change_all,
    "setdefault": lambda table, key, value: table.setdefault(key, []).append(value),
    "pop": lambda table, key, _: table.pop(key, None),
    "delete": lambda table, key, _: table.__delitem__(key) if key in table else None,
    "delete oldest": lambda table, _, __: table.__delitem__(next(iter(table))) if table else None,
    "update": lambda table, key, value: table.update({key: [value], key + 1: [value]}),
    "nothing": lambda *_: None,
}


@given(
    st.lists(st.tuples(st.sampled_from([*WAYS]), st.integers(0, 40), st.integers(0, 9)), max_size=120),
    st.integers(1, 5),
    st.sampled_from([40, parts.PART_BYTES_MAX]),
)
@settings(max_examples=60, deadline=None)
def test_a_table_is_dumped_as_it_is_whatever_was_done_to_it(steps: list[tuple[str, int, int]], per_group: int, part_bytes: int) -> None:
    state, plain = Holder(), dict[int, list[int]]()
    with patch.object(rows, "ROWS_PER_GROUP", per_group), patch.object(parts, "PART_BYTES_MAX", part_bytes):
        for step, key, value in steps:
            WAYS[step](state.table, key, value)
            WAYS[step](plain, key, value)
            dumped = parts.dump("x", state)
            loaded = parts.load("x", Holder, dumped)
            assert list(loaded.table.items()) == list(plain.items())
            assert parts.dump("x", loaded) == dumped
            if step == "nothing":
                state = loaded
    assert list(state.table.items()) == list(plain.items())
    assert all(1 <= len(group.rows) <= per_group for group in state.table.groups())


def test_only_groups_that_were_handed_out_are_dumped_anew() -> None:
    state = Holder()
    state.table.update({number: [number] for number in range(3 * rows.ROWS_PER_GROUP)})
    before = parts.dump("x", state)
    state.table[rows.ROWS_PER_GROUP].append(7)
    assert -1 not in state.table
    assert state.table.get(-1) is None
    after = parts.dump("x", state)
    assert [name for name in after if after[name] is not before[name] and name != "x."] == ["x.table#000001"]


def test_what_lay_in_one_plain_table_is_read_as_rows() -> None:
    plain = {number: [number] for number in range(1500)}
    raw = {"x.": parts.dump("x", Holder())["x."], **parts.table("x.table", plain)}
    loaded = parts.load("x", Holder, raw)
    loaded.table[1500] = [1500]
    assert list(loaded.table.items()) == [*plain.items(), (1500, [1500])]
    assert parts.load("x", Holder, parts.dump("x", loaded)) == loaded


def test_a_warden_looks_only_at_the_scopes_that_spent() -> None:
    """Of a thousand agents one goes on: his own groups are dumped anew, the thousand series not before their window closes."""
    warden = Warden(0, 1)
    hear(warden, START_MS, policy_set("version: 1\nbudgets: [{name: each, scope: {agent: '*'}, period: month, limit_usd: 50}]"))
    minute = START_MS // 600_000 * 10 + 10
    spent(warden, minute - 1, [])
    spent(warden, minute, range(1000))
    spent(warden, minute + 11, [])
    before = snapshot.dump(warden)
    spent(warden, minute + 12, [])
    spent(warden, minute + 13, [500])
    assert changed(before, snapshot.dump(warden)) == {"t0.totals": 2, "t0.periods": 1}
    spent(warden, minute + 32, [])
    assert changed(before, snapshot.dump(warden)) == {"t0.totals": 2, "t0.periods": 1, "t0.series": 16}


def spent(warden: Warden, minute: int, agents: Iterable[int]) -> None:
    cells = [Cell("default", f"agent-{n:04d}", "", "", "", "anthropic", "claude-sonnet-4-5", "inference", "chat", batch=False) for n in agents]
    facts = [Tally(cell, minute, minute, minute * 1000 + at, Measures(records=1, nanos=1_000_000, calls=1)) for at, cell in enumerate(cells)]
    hear(warden, (minute + 1) * 60_000, Envelope(0, (minute + 1) * 60_000, minute * 1000, list(facts), Counts(*[0] * len(Counts.__struct_fields__))))


def changed(before: dict[str, bytes], after: dict[str, bytes]) -> dict[str, int]:
    """How many parts of each table in groups are other objects than before."""
    return dict(Counter(name.split("#")[0] for name, raw in after.items() if "#" in name and before.get(name) is not raw and name.startswith(GROUPED)))
