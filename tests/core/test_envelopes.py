"""What a meter says at a mark fits into rows, and goes to the journal of its tenant."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.facts import TOTAL, Decision, Envelope, decode_journal
from service.intake.partition import journal_of
from service.meter.snapshot import MeterFold
from service.records import Usage
from service.warden.fold import hear
from service.warden.state import Warden
from tests.core.streams import CALM, START_MS, Heard, policy_set, streams

MINUTE_MS = 60_000
LOOP = [Heard(START_MS, Usage(id=f"id-{n}", time=START_MS / 1000, execution_id="run-1", signature="same", cost_usd="0.05", model="told")) for n in range(50)]


def said(heard: list[Heard], fold: MeterFold) -> dict[int, list[Envelope]]:
    """The rows of each journal partition, from one meter."""
    meter = fold.empty(0)
    items = [(0, START_MS, policy_set(CALM)), *((offset, *each) for offset, each in enumerate(heard, 1))]
    items.append((len(items), heard[-1].arrival_ms + 2 * MINUTE_MS, heard[-1].record))
    rows: dict[int, list[Envelope]] = defaultdict(list)
    for journal, raw in fold.fold(meter, items):
        envelope = decode_journal(raw)
        assert isinstance(envelope, Envelope)
        rows[journal].append(envelope)
    return rows


def guarded(rows: list[Envelope]) -> tuple[Warden, list[Decision]]:
    warden, decisions = Warden(0, 1), list[Decision]()
    hear(warden, START_MS, policy_set(CALM))
    for at, row in enumerate(rows):
        arrival_ms = next(later.mark_ms for later in rows[at:] if later.mark_ms)  # all rows of a mark arrive together
        decisions += hear(warden, max(START_MS, arrival_ms), row)
        warden.out = []
    return warden, decisions


@example(LOOP, 200)  # the minute that begins with a mark in several rows looks at what all of them say
@given(streams(max_size=60), st.integers(200, 2_000))
@settings(max_examples=20, deadline=None)
def test_rows_that_were_cut_say_what_the_whole_says(heard: list[Heard], most: int) -> None:
    whole = said(heard, MeterFold())[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("service.meter.snapshot.ROW_BYTES_MAX", most)
        cut = said(heard, MeterFold())[0]
    assert [fact for row in cut for fact in row.facts] == [fact for row in whole for fact in row.facts]
    assert [row.mark_ms for row in cut if row.mark_ms] == [row.mark_ms for row in whole], "each mark once, behind all that it covers"
    (one, told), (other, told_in_pieces) = guarded(whole), guarded(cut)
    assert {name: dict(t.totals.items()) for name, t in one.tenants.items()} == {name: dict(t.totals.items()) for name, t in other.tenants.items()}
    assert [d for d in told if hasattr(d, "id")] == [d for d in told_in_pieces if hasattr(d, "id")]


@given(streams(max_size=60))
@settings(max_examples=15, deadline=None)
def test_every_journal_hears_every_mark_and_the_facts_of_its_tenants(heard: list[Heard]) -> None:
    whole, apart = said(heard, MeterFold())[0], said(heard, MeterFold(3))
    for journal in range(3):
        assert [row.mark_ms for row in apart[journal]] == [row.mark_ms for row in whole]
    totals = {name: t.totals[TOTAL] for journal in range(3) for name, t in guarded(apart[journal])[0].tenants.items()}
    assert totals == {name: t.totals[TOTAL] for name, t in guarded(whole)[0].tenants.items()}
    for journal, rows in apart.items():
        assert {journal_of(name, 3) for name in guarded(rows)[0].tenants} <= {journal}
