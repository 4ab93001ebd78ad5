"""Where records go is remembered while a minute is open; what is said is the same as if it were looked for each time."""

from __future__ import annotations

import pytest

from service.facts import MINUTE_MS, Tick, encode
from service.meter import snapshot
from service.meter.fold import Item, Meter, fold
from service.records import Usage
from tests.core.streams import START_MS, policy_set

ROWS = 80
LIMITS = {"usage.CELLS": 2, "callers.NAMES": 4, "shapes.SHAPES": 2}


def rows() -> list[tuple[int, int, Item]]:
    """Four agents in turns, one of them without a name, in runs that go on over three minutes; two calls in three are third tries."""
    found: list[tuple[int, int, Item]] = []
    for n in range(ROWS):
        at_ms, run = START_MS + n * MINUTE_MS // 36, f"run-{n % 4}" if n % 3 else ""
        agent = ("", "a", "b", "unattributed")[n % 4]
        u = Usage(id=f"{n}", time=at_ms / 1000, agent=agent, user="u", cost_usd="0.5", execution_id=run, attempt=3 if run else 0, input_tokens=9)
        found.append((n, at_ms, u))
    return found


def heard_from(cut: int) -> tuple[list[bytes], dict[str, bytes]]:
    """All that is said, and the state at the end, of a meter that was saved and restored after `cut` rows."""
    begun = Meter(0)
    items: list[tuple[int, int, Item]] = [(-1, START_MS, policy_set("caps: [{scope: {workflow: '*'}, limit_usd: 1}]")), *rows()]
    said = fold(begun, items[:cut])
    resumed = snapshot.load(snapshot.dump(begun))
    said += fold(resumed, [*items[cut:], (ROWS, START_MS + 9 * MINUTE_MS, Tick())])
    return [encode(envelope) for envelope in said], snapshot.dump(resumed)


@pytest.mark.parametrize("bounded", [False, True])
def test_a_meter_that_finds_all_places_anew_says_the_same(bounded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, most in LIMITS.items() if bounded else ():
        monkeypatch.setattr(f"service.meter.{name}_PER_MINUTE_MAX", most)
    if bounded:
        monkeypatch.setattr("service.meter.habits.AGENTS_LEARNED_MAX", 1)
    through = heard_from(0)
    assert all(heard_from(cut) == through for cut in range(1, ROWS + 1))


def test_what_both_spellings_of_nobody_spend_is_one_cell() -> None:
    meter = Meter(0)
    fold(meter, [(-1, START_MS, policy_set()), *rows()[:12]])
    assert {cell.agent: 0 for cell in (each.cell for each in meter.minute.cells.values())}.keys() == {"a", "b", "unattributed"}
    assert len(meter.minute.places) > len(meter.minute.cells)
    fold(meter, [(ROWS, START_MS + 9 * MINUTE_MS, Tick())])
    assert not meter.minute.places
