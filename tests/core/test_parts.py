"""A state as parts: of bounded size whatever it holds, and the same again."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct, field

from service.state import parts
from service.state.rows import Rows


class Minute(Struct):
    """A table inside of one row."""

    cells: dict[int, str] = field(default_factory=dict)


class State(Struct):
    """Every kind of field."""

    name: str = ""
    notes: list[str] = field(default_factory=list)
    open: dict[int, Minute] = field(default_factory=dict)
    deep: dict[int, dict[tuple[int, str], list[int]]] = field(default_factory=dict)
    rows: Rows[int, list[str]] = field(default_factory=Rows)


texts = st.text(max_size=40)
states = st.builds(
    State,
    name=texts,
    notes=st.lists(texts, max_size=30),
    open=st.dictionaries(st.integers(0, 9), st.builds(Minute, st.dictionaries(st.integers(0, 99), texts, max_size=20)), max_size=4),
    deep=st.dictionaries(
        st.integers(0, 9), st.dictionaries(st.tuples(st.integers(0, 9), texts), st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3), max_size=9), max_size=4
    ),
    rows=st.dictionaries(st.integers(0, 999), st.lists(texts, max_size=9), max_size=20).map(lambda rows: Rows.grouped([(0, rows)] if rows else [])),
)


@given(states, st.integers(20, 400))
def test_whatever_a_row_holds_its_parts_are_bounded_and_the_same_again(state: State, most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("service.state.parts.PART_BYTES_MAX", most)
        dumped = parts.dump("s", state)
        assert max(map(len, dumped.values())) <= most
        assert plain(parts.load("s", State, dumped)) == plain(state)


def test_a_hundred_thousand_cells_in_one_row_can_be_saved() -> None:
    state = State(open={7: Minute({number: f"agent-{number:06d}" for number in range(100_000)})})
    dumped = parts.dump("s", state)
    assert max(map(len, dumped.values())) <= parts.PART_BYTES_MAX
    assert parts.load("s", State, dumped) == state


def plain(state: State) -> dict[str, Any]:
    return {name: list(value.items()) if isinstance(value, Rows | dict) else value for name, value in msgspec.structs.asdict(state).items()}
