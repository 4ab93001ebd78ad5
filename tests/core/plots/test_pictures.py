"""Pictures: what stands in them as golden text, and what must hold whatever they show. No pixel is compared.

`GOLDEN=rewrite pytest tests/core/plots` writes the golden texts anew; read the difference as who looks at the picture.
"""

from __future__ import annotations

import struct
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from service.facts import Scope
from service.money import NANO
from service.plots import NoPlotsError, alt, drawn, of_incident, of_scope
from service.plots.chart import Bar, Chart, Halt, Mark, Why, Window
from tests.core.plots.told import PAUSED, RUNAWAY, Told, structure, week
from tests.golden import assert_golden

GOLDEN = Path(__file__).parents[1] / "golden" / "plots"
TEN_MS = 600_000
PICTURES = {
    "runaway": of_incident(Told(week(), [RUNAWAY], [PAUSED]), RUNAWAY),
    "calm": of_scope(Told(week(runaway=NANO)), "default", Scope("agent", "indexer")),
    "cause_alone": of_incident(Told({}), RUNAWAY),
}


@pytest.mark.parametrize("name", PICTURES)
def test_it_says_what_was_reviewed(name: str) -> None:
    assert_golden(GOLDEN / f"{name}.txt", structure(PICTURES[name]))


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("form", ["png", "svg"])
def test_the_same_figures_are_the_same_bytes(name: str, form: str) -> None:
    first = drawn(PICTURES[name], form)
    assert first == drawn(PICTURES[name], form)
    assert b"nan" not in first.lower() or form == "png"
    assert b"created with" not in first.lower()


def test_a_png_has_the_size_that_messages_show() -> None:
    picture = drawn(PICTURES["runaway"])
    assert struct.unpack(">II", picture[16:24]) == (1600, 800)
    assert alt(PICTURES["runaway"]).encode() in picture, "its sentence goes with it"


def window(number: int, usd: float, high: float | None = None) -> Window:
    return Window(start_ms=number * TEN_MS, usd=usd, low=None if high is None else 0.0, high=high)


ODD = {
    "one window": Chart(title="one", about="it", windows=(window(0, 1.0),)),
    "nothing spent": Chart(title="none", about="it", windows=(window(0, 0.0), window(1, 0.0, 0.0))),
    "huge": Chart(title="huge", about="it", windows=(window(0, 1e18, 1e15), window(1, 0.0, 1e15))),
    "tiny": Chart(title="tiny", about="it", windows=(window(0, 1e-9, 1e-10), window(1, 0.0))),
    "a credit": Chart(title="back", about="it", windows=(window(0, -5.0, 1.0), window(1, 2.0, 1.0))),
    "the range ends and begins again": Chart(title="gap", about="it", windows=tuple(window(k, 1.0, 2.0 if k % 2 else None) for k in range(6))),
    "a hundred alerts": Chart(
        title="storm", about="it", windows=(window(0, 1.0), window(1, 1.0)), marks=tuple(Mark(at_ms=k * 9000, text="loop") for k in range(100))
    ),
    "names that would draw": Chart(
        title="$a_b^c$ & <b>" * 20,
        about="\\frac $x$ 日本 \U0001f600",
        windows=(window(0, 1.0),),
        halts=(Halt(from_ms=-5, to_ms=-5, text="$1$ <g>" * 30, sent=True),),
        why=Why(head="$1 more", bars=(Bar(text="<more> $x$", usd=1.0, dollars="+$1.00"),), carriers=("y" * 400,)),
    ),
    "nothing at all": Chart(title="", about=""),
}


@pytest.mark.parametrize("name", ODD)
def test_whatever_it_shows_it_can_be_drawn(name: str) -> None:
    found = structure(ODD[name])
    assert "nan" not in found.replace("finance", "")
    assert "inf" not in found
    assert drawn(ODD[name]).startswith(b"\x89PNG")


def test_what_comes_from_outside_stays_text() -> None:
    found = structure(ODD["names that would draw"])
    assert "$a_b^c$ & <b>" in found
    assert "\\frac $x$ 日本 \U0001f600" in found


def test_a_window_above_its_range_is_drawn_apart() -> None:
    calm = Chart(title="", about="", windows=(window(0, 1.0, 2.0), window(1, 2.0, 2.0)))
    assert "drawn: above" not in structure(calm)
    wild = replace(calm, windows=(*calm.windows, window(2, 2.01, 2.0)))
    assert "drawn: above" in structure(wild)
    assert "$2.01 in 10 minutes, usually at most $2.00" in structure(wild)


def test_a_pause_that_stopped_nothing_shades_nothing() -> None:
    spent = Chart(title="", about="", windows=(window(0, 1.0), window(1, 1.0)))
    shaded = [drawn(replace(spent, halts=(Halt(from_ms=0, to_ms=TEN_MS, text="x", sent=sent),)), "svg").count(b"#009e73") for sent in (True, False)]
    assert shaded[0] > shaded[1]


def test_without_the_extra_it_says_which_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(NoPlotsError, match=r"spendwarden\[plot\]"):
        drawn(ODD["one window"])
