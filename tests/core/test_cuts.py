"""However the rows are cut, stopped or saved, what is decided is the same, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from service.engine.runner import Owner
from service.facts import Decision, Tick, encode
from service.log.memory import MemoryLog, MemorySnapshots
from service.log.ports import JOURNAL, OUTBOX, STREAM, Row
from service.meter.snapshot import MeterFold
from service.replay.engine import Engine
from service.state import rows
from service.state.rows import Rows
from service.warden import snapshot
from service.warden.snapshot import WardenFold
from service.warden.state import Tenant, Warden
from tests.core.streams import CALM, DAY_MS, START_MS, Heard, policy_set, runaways, streams

POLICY = (
    CALM.replace("mode: observe", 'mode: enforce, allow: [{agent: "*"}, {execution: "*"}], min_loss_usd: 0, on: [loop, execution_cap]')
    + """
budgets:
  - {name: all, scope: total, period: day, limit_usd: 20, pause_at: 100}
  - {name: recent, scope: {agent: "*"}, rolling: 1h, limit_usd: 9}
  - {name: users, scope: {user: "*"}, period: month, limit_usd: 5}
caps: [{scope: {workflow: "*"}, limit_usd: 4, calls: 5, action: pause}]
"""
)


@given(st.one_of(streams(20), runaways()), st.data())
@settings(max_examples=24, deadline=None)
def test_an_engine_saved_and_loaded_at_any_record_goes_on_bit_for_bit(heard: list[Heard], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(heard)))
    through, stopped = Engine(policy_set(POLICY), 3), Engine(policy_set(POLICY), 3)
    said: list[Decision] = []
    again: list[Decision] = []
    for number, (arrival_ms, record) in enumerate(heard):
        if number == cut:
            stopped = Engine.load(stopped.dump())
        said += through.hear(arrival_ms, record)
        again += stopped.hear(arrival_ms, record)
    end_ms = heard[-1].arrival_ms + 3 * DAY_MS
    if cut == len(heard):
        stopped = Engine.load(stopped.dump())
    said += through.finish(end_ms)
    again += stopped.finish(end_ms)
    assert [encode(d) for d in again] == [encode(d) for d in said]
    assert stopped.dump() == through.dump()


@given(st.one_of(streams(20), runaways()), st.lists(st.integers(1, 9), min_size=40, max_size=40), st.data())
@settings(max_examples=16, deadline=None)
async def test_how_an_owners_rows_are_cut_changes_no_fact(heard: list[Heard], cuts: list[int], data: st.DataObject) -> None:
    values = [encode(policy_set(POLICY)), *[encode(record) for _, record in heard], encode(Tick())]
    arrivals = [START_MS, *[arrival_ms for arrival_ms, _ in heard], heard[-1].arrival_ms + 120_000]
    saved_after = data.draw(st.integers(0, 6))
    whole = await _owned(values, arrivals, [len(values)], len(values))
    assert await _owned(values, arrivals, cuts, saved_after) == whole


@given(st.one_of(streams(20), runaways()), st.integers(1, 3))
@settings(max_examples=16, deadline=None)
def test_what_is_dumped_of_a_warden_is_what_it_is(heard: list[Heard], per_group: int) -> None:
    with patch.object(rows, "ROWS_PER_GROUP", per_group):
        engine = Engine(policy_set(POLICY), 3)
        for arrival_ms, record in heard:
            engine.hear(arrival_ms, record)
            assert snapshot.dump(engine.warden) == _looked_at_anew(engine.warden)
        engine.finish(heard[-1].arrival_ms + 3 * DAY_MS)
        assert snapshot.dump(engine.warden) == _looked_at_anew(engine.warden)


def _looked_at_anew(warden: Warden) -> dict[str, bytes]:
    """All of it dumped; then what its tables had kept is put back, so that what goes stale there shows at the next comparison."""
    tables = [table for t in warden.tenants.values() for name in Tenant.__struct_fields__ if isinstance(table := getattr(t, name), Rows)]
    groups = [group for table in tables for group in table.groups()]
    kept = [group.dump for group in groups]
    for group in groups:
        group.dump = None
    found = snapshot.dump(warden)
    for group, dump in zip(groups, kept, strict=True):
        group.dump = dump
    return found


async def _owned(values: Sequence[bytes], arrivals: Sequence[int], cuts: Sequence[int], saved_after: int) -> tuple[list[bytes], list[bytes]]:
    """Journal and outbox of one meter and the warden that read `values` in such steps; both are restored from a snapshot once on the way."""
    log, kept = MemoryLog(lambda: arrivals[-1]), MemorySnapshots()
    for offset, (value, arrival_ms) in enumerate(zip(values, arrivals, strict=True)):
        log.place(STREAM, 0, Row(offset, arrival_ms, value))
    meter = await Owner.restore(MeterFold(), 0, log, kept, nonce=1, now_ms=0)
    for number, cut in enumerate(cuts):
        await meter.step(cut, 0)
        if number == saved_after:
            await meter.save(0)
            meter = await Owner.restore(MeterFold(), 0, log, kept, nonce=2, now_ms=0)
    while await meter.step(1000, 0):
        pass
    await log.append(JOURNAL, 0, [encode(policy_set(POLICY))])
    warden = await Owner.restore(WardenFold(1), 0, log, kept, nonce=3, now_ms=0)
    for number, cut in enumerate(cuts):
        await warden.step(cut, 0)
        if number == saved_after:
            await warden.save(0)
            warden = await Owner.restore(WardenFold(1), 0, log, kept, nonce=4, now_ms=0)
    while await warden.step(1000, 0):
        pass
    journal = await log.read(JOURNAL, 0, 0, 1 << 30)
    outbox = await log.read(OUTBOX, 0, 0, 1 << 30)
    return [row.value for row in journal], [row.value for row in outbox]
