"""What every adapter of the ports Log and Snapshots promises, asked of each."""

from __future__ import annotations

import asyncio
from threading import Barrier

import pytest

from service.log import sqlite
from service.log.ports import STREAM, Log, LogError
from tests.conformance.stores import OTHER, PART, START_MS, WHOLE, Store, numbered, texts

# ---------------------------------------------------------------- the log


async def test_offsets_begin_at_nought_and_rise_by_one_in_each_partition_apart(store: Store) -> None:
    log = store.another_log()
    assert await log.span(STREAM, 0) == (0, 0)
    assert await log.append(STREAM, 0, [b"a", b"b"]) == 0
    assert await log.append(STREAM, 1, [b"x"]) == 0
    assert await log.append(STREAM, 0, [b"c"]) == 2
    assert await log.append(STREAM, 0, []) == 3
    assert numbered(await log.read(STREAM, 0, 0, 10)) == [(0, b"a"), (1, b"b"), (2, b"c")]
    assert await log.span(STREAM, 0) == (0, 3)
    assert await log.span("journal", 0) == (0, 0)


async def test_several_partitions_at_once(store: Store) -> None:
    log = store.another_log()
    await log.append_many(STREAM, {3: [b"a", b"b"], 5: [b"c"]})
    await log.append_many(STREAM, {3: [b"d"]})
    assert texts(await log.read(STREAM, 3, 0, 10)) == [b"a", b"b", b"d"]
    assert texts(await log.read(STREAM, 5, 0, 10)) == [b"c"]


async def test_reads_from_any_offset_up_to_the_limit_and_nothing_behind_the_end(store: Store) -> None:
    log = store.another_log()
    await log.append(STREAM, 0, [str(i).encode() for i in range(100)])
    assert texts(await log.read(STREAM, 0, 97, 10)) == [b"97", b"98", b"99"]
    assert texts(await log.read(STREAM, 0, 4, 2)) == [b"4", b"5"]
    assert await log.read(STREAM, 0, 100, 10) == []
    assert await log.read(STREAM, 0, 5_000, 10) == []


async def test_bytes_come_back_as_they_were(store: Store) -> None:
    log = store.another_log()
    values = [b"", b"\x00\xff", bytes(range(256)) * 256]
    await log.append(STREAM, 0, values)
    assert texts(await log.read(STREAM, 0, 0, 10)) == values


async def test_arrival_never_goes_back_although_the_clock_does(store: Store) -> None:
    log = store.another_log()
    await log.append(STREAM, 0, [b"a"])
    store.clock.now_ms -= 3_600_000
    await log.append(STREAM, 0, [b"b"])
    await log.append(STREAM, 1, [b"another partition has its own time"])
    store.clock.now_ms = START_MS + 5
    await store.another_log().append(STREAM, 0, [b"c"])
    arrivals = [row.arrival_ms for row in await log.read(STREAM, 0, 0, 10)]
    others = [row.arrival_ms for row in await log.read(STREAM, 1, 0, 10)]
    assert len(arrivals) == 3
    assert arrivals == sorted(arrivals)
    if store.arrivals_are_ours:
        assert arrivals == [START_MS, START_MS, START_MS + 5]
        assert others == [START_MS - 3_600_000]


async def test_what_came_since_an_instant_begins_with_the_first_that_arrived_then_or_later(store: Store) -> None:
    log = store.another_log()
    assert await log.since(STREAM, 0, START_MS) == 0, "nothing is there"
    for batch in range(5):
        await log.append(STREAM, 0, [str(batch).encode()] * 3)
        store.clock.now_ms += 1000
    await log.trim(STREAM, 0, 2)
    rows = await log.read(STREAM, 0, 2, 100)
    for instant in [0, *{at + more for at in {row.arrival_ms for row in rows} for more in (0, 1)}]:
        assert await log.since(STREAM, 0, instant) == next((row.offset for row in rows if row.arrival_ms >= instant), 15)
    await log.trim(STREAM, 0, 15)
    assert await log.since(STREAM, 0, 0) == 15


async def test_a_reopened_log_goes_on_where_it_was_even_when_all_was_trimmed(store: Store) -> None:
    log = store.another_log()
    await log.append(STREAM, 0, [b"a", b"b", b"c"])
    await log.trim(STREAM, 0, 99)
    store.clock.now_ms -= 1000
    again = store.another_log()
    assert await again.span(STREAM, 0) == (3, 3)
    assert await again.append(STREAM, 0, [b"d"]) == 3
    assert numbered(await again.read(STREAM, 0, 3, 10)) == [(3, b"d")]


async def test_what_was_trimmed_cannot_be_read_and_the_error_says_from_where_it_can(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "TRIM_ROWS_MAX", 3)  # several pieces
    log = store.another_log()
    await log.append(STREAM, 0, [str(i).encode() for i in range(20)])
    await log.append(STREAM, 1, [b"stays"])
    await log.trim(STREAM, 0, 11)
    await log.trim(STREAM, 0, 4)
    assert await log.span(STREAM, 0) == (11, 20)
    assert texts(await log.read(STREAM, 0, 11, 2)) == [b"11", b"12"]
    assert texts(await log.read(STREAM, 1, 0, 2)) == [b"stays"]
    with pytest.raises(LogError, match=r"stream-0: offset 10 .*11"):
        await log.read(STREAM, 0, 10, 5)


async def test_two_threads_append_to_one_partition_and_every_batch_stays_together(store: Store) -> None:
    await _from_threads(store, [STREAM, STREAM], [store.another_log(), store.another_log()])
    rows = await store.another_log().read(STREAM, 0, 0, 10_000)
    assert [row.offset for row in rows] == list(range(2 * 60 * 5))
    batches = [texts(rows[i : i + 5]) for i in range(0, len(rows), 5)]
    assert all(batch == [batch[0]] * 5 for batch in batches)
    for writer in (b"0", b"1"):
        assert [batch[0] for batch in batches if batch[0].startswith(writer)] == [b"%s-%d" % (writer, i) for i in range(60)]


async def test_two_threads_may_share_one_instance(store: Store) -> None:
    shared = store.another_log()
    await _from_threads(store, [STREAM, "journal"], [shared, shared])
    assert await shared.span(STREAM, 0) == (0, 300)
    assert await shared.span("journal", 0) == (0, 300)


async def test_many_threads_may_open_a_new_place_at_once(store: Store) -> None:
    start = Barrier(4)

    def work(number: int) -> None:
        start.wait()
        asyncio.run(store.another_log().append(STREAM, number, [b"x"]))

    async with asyncio.TaskGroup() as group:
        for number in range(4):
            group.create_task(asyncio.to_thread(work, number))
    assert [await store.another_log().span(STREAM, number) for number in range(4)] == [(0, 1)] * 4


async def _from_threads(store: Store, topics: list[str], logs: list[Log]) -> None:
    async def write(number: int) -> None:
        for i in range(60):
            await logs[number].append(topics[number], 0, [b"%d-%d" % (number, i)] * 5)
            await logs[number].read(STREAM, 0, 0, 3)

    async with asyncio.TaskGroup() as group:
        for number in range(2):
            group.create_task(asyncio.to_thread(asyncio.run, write(number)))


# ---------------------------------------------------------------- snapshots


async def test_a_value_is_found_under_its_key_alone_also_when_opened_again(store: Store) -> None:
    snapshots = store.another_snapshots()
    assert await snapshots.keys("meter-0") == []
    await snapshots.put("meter-0", PART, b"\x00one")
    await snapshots.put("meter-0", OTHER, b"two")
    await snapshots.put("meter-1", PART, b"three")
    for owner in ("meter-0", "meter-1"):
        await snapshots.put(owner, WHOLE, b"named")
    again = store.another_snapshots()
    assert set(await again.keys("meter-0")) == {PART, OTHER, WHOLE}
    assert [await again.get("meter-0", key) for key in (PART, OTHER, WHOLE)] == [b"\x00one", b"two", b"named"]
    assert await again.get("meter-1", PART) == b"three"
    assert await again.get("meter-1", OTHER) is None


async def test_a_put_replaces_and_a_delete_may_be_repeated(store: Store) -> None:
    snapshots = store.another_snapshots()
    await snapshots.put("meter-0", WHOLE, b"old")
    await snapshots.put("meter-0", WHOLE, b"new")
    await snapshots.put("meter-0", PART, b"part")
    assert await snapshots.get("meter-0", WHOLE) == b"new"
    for _ in range(2):
        await snapshots.delete("meter-0", [PART, OTHER])
    await snapshots.delete("meter-0", [])
    assert await snapshots.keys("meter-0") == [WHOLE]
