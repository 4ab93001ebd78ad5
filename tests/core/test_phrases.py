"""Words and amounts of messages: titles, drivers that add up, names that are safe to show."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as but

from service.facts import Cause, DriverShare, Kind
from service.messages.causes import amounts, rounded
from service.phrases import NAME_MAX, shown
from service.warden.titles import title
from tests.core.episodes import BUDGET, LOOP, USD


def test_only_the_line_told_stands_in_the_title() -> None:
    assert "85 %" in title(BUDGET, "line_crossed")
    assert "%" not in title(BUDGET, "acknowledged")
    assert "%" not in title(but(BUDGET, threshold=None), "opened")


def test_a_new_finding_is_the_one_the_title_names() -> None:
    both = but(LOOP, kinds=[Kind.LOOP, Kind.CONTEXT_GROWTH])
    assert title(both, "new_finding") == "Also: agent indexer sends more context with every step, $6.12 since Wed 19 Nov 02:14 UTC"
    assert title(both, "worse") == "Getting worse: agent indexer repeats itself in a loop, $6.12 since Wed 19 Nov 02:14 UTC"


@given(st.lists(st.integers(-(10**13), 10**13), min_size=1, max_size=9), st.sampled_from([100_000, 10_000_000]))
def test_drivers_as_shown_add_up_to_the_excess_as_shown(parts: list[int], unit: int) -> None:
    units = rounded(parts, unit)
    assert abs(sum(units) * unit - sum(parts)) * 2 <= unit
    assert all(abs(count * unit - part) < unit for count, part in zip(units, parts, strict=True))


def test_excess_of_less_than_expected_is_said_so() -> None:
    head, lines = amounts(Cause("executions", 1.0, [DriverShare("executions", -3 * USD)], []))
    assert (head, lines) == ("$3.00 less than expected", ("- $3.00  fewer executions",))


def test_tiny_excess_keeps_four_places() -> None:
    head, lines = amounts(Cause("price", 1.0, [DriverShare("price", 12_300_000)], []))
    assert (head, lines) == ("$0.0123 more than expected", ("+ $0.0123  higher prices",))


@given(st.text(), st.integers(1, NAME_MAX))
def test_shown_is_printable_short_and_injective_enough(text: str, limit: int) -> None:
    safe = shown(text, limit)
    assert safe.isprintable()
    assert len(safe) <= limit + 40
    assert text.isprintable() is False or len(text) > limit or safe == text
