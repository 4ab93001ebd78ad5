"""The owner's rules one by one; that they hold together under crashes is shown in tests/simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from service import facts
from service.facts import PolicySet
from service.log import snapshot
from service.log.memory import MemoryLog, MemorySnapshots
from service.log.ports import JOURNAL, MANIFEST, STREAM, LogError, Row, SnapshotKey
from service.runner import SAVE_EVERY_MS, SAVE_EVERY_ROWS, Owner, OwnerError

Sums = dict[str, int]


@dataclass
class Adding:
    """Sums the numbers of even and of odd offsets, one part each, and says each number it hears."""

    kind: str = "meter"
    version: int = 1
    source: str = STREAM
    sink: str = JOURNAL

    def empty(self, partition: int) -> Sums:
        return {}

    def decode(self, raw: bytes) -> int:
        return int(raw)

    def fold(self, state: Sums, items: Sequence[tuple[int, int, int]]) -> list[tuple[int, bytes]]:
        for offset, _, number in items:
            name = "odd" if offset % 2 else "even"
            state[name] = state.get(name, 0) + number
        return [(number % 2, b"%d" % number) for _, _, number in items]

    def dump(self, state: Sums) -> dict[str, bytes]:
        return {name: b"%d" % total for name, total in state.items()}

    def load(self, parts: Mapping[str, bytes], partition: int) -> Sums:
        return {name: int(total) for name, total in parts.items()}

    def policy_version(self, state: Sums) -> int:
        return 4


@dataclass
class World:
    """A log and snapshots that write down every write, and refuse the ones named in `refused`."""

    log: MemoryLog = field(default_factory=lambda: MemoryLog(lambda: 1_000))
    kept: MemorySnapshots = field(default_factory=MemorySnapshots)
    writes: list[str] = field(default_factory=list)
    refused: str = "nothing"

    def _write(self, what: str) -> None:
        if what.startswith(self.refused):
            raise LogError("the disk is full")
        self.writes.append(what)

    async def append(self, topic: str, partition: int, values: Sequence[bytes]) -> int:
        self._write(f"append {topic}-{partition}")
        return await self.log.append(topic, partition, values)

    async def append_many(self, topic: str, batches: Mapping[int, Sequence[bytes]]) -> None:
        self._write(f"append {topic} {sorted(batches)}")
        await self.log.append_many(topic, batches)

    async def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Row]:
        return await self.log.read(topic, partition, offset, limit)

    async def span(self, topic: str, partition: int) -> tuple[int, int]:
        return await self.log.span(topic, partition)

    async def trim(self, topic: str, partition: int, before: int) -> None:
        await self.log.trim(topic, partition, before)

    async def keys(self, owner: str) -> list[SnapshotKey]:
        return await self.kept.keys(owner)

    async def get(self, owner: str, key: SnapshotKey) -> bytes | None:
        return await self.kept.get(owner, key)

    async def put(self, owner: str, key: SnapshotKey, value: bytes) -> None:
        self._write(f"put {key.name}")
        await self.kept.put(owner, key, value)

    async def delete(self, owner: str, keys: Sequence[SnapshotKey]) -> None:
        self._write(f"delete {sorted(f'{key.epoch}/{key.name}/{key.offset}' for key in keys)}")
        await self.kept.delete(owner, keys)

    async def hear(self, *numbers: int) -> None:
        await self.log.append(STREAM, 3, [b"%d" % number for number in numbers])

    async def owner(self, nonce: int = 7, version: int = 1, now_ms: int = 0) -> Owner[Sums]:
        return await Owner.restore(Adding(version=version), 3, self, self, nonce=nonce, now_ms=now_ms)


@pytest.fixture
def world() -> World:
    return World()


async def said(world: World, partition: int) -> list[bytes]:
    return [row.value for row in await world.log.read(JOURNAL, partition, 0, 1_000)]


async def test_facts_are_appended_in_order_before_the_snapshot_that_covers_them(world: World) -> None:
    await world.hear(1, 2, 3, 5)
    owner = await world.owner()
    assert await owner.step(3, SAVE_EVERY_MS) == 3
    assert world.writes == ["append journal [0, 1]", "put even", "put odd", "put manifest", "delete []"]
    assert await owner.step(3, SAVE_EVERY_MS) == 1
    assert await owner.step(3, SAVE_EVERY_MS) == 0
    assert (await said(world, 0), await said(world, 1)) == ([b"2"], [b"1", b"3", b"5"])
    assert owner.offset == 4


async def test_saves_by_time_and_by_rows_and_never_for_nothing(world: World) -> None:
    owner = await world.owner()
    await owner.step(10, 10 * SAVE_EVERY_MS)
    assert world.writes == []
    await world.hear(2)
    await owner.step(10, SAVE_EVERY_MS - 1)
    assert "put manifest" not in world.writes
    await owner.step(10, SAVE_EVERY_MS)
    assert world.writes.count("put manifest") == 1
    await world.hear(*[0] * SAVE_EVERY_ROWS)
    await owner.step(SAVE_EVERY_ROWS - 1, SAVE_EVERY_MS + 1)
    assert world.writes.count("put manifest") == 1
    await owner.step(10, SAVE_EVERY_MS + 1)
    assert world.writes.count("put manifest") == 2


async def test_a_part_that_did_not_change_is_named_again_and_not_written(world: World) -> None:
    owner = await world.owner()
    await world.hear(2, 4)
    await owner.step(10, 0)
    await owner.save(0)
    await world.hear(6, 0)
    await owner.step(10, 0)
    world.writes.clear()
    await owner.save(0)
    assert world.writes == ["put even", "put manifest", "delete ['1/even/2']"]
    again = await world.owner(nonce=8)
    assert (again.state, again.offset) == ({"even": 8, "odd": 4}, 4)


async def test_a_part_that_is_no_more_is_deleted_behind_the_manifest(world: World) -> None:
    owner = await world.owner()
    await world.hear(2, 4)
    await owner.step(10, 0)
    await owner.save(0)
    del owner.state["odd"]
    world.writes.clear()
    await owner.save(0)
    assert world.writes == ["put manifest", "delete ['1/odd/2']"]


async def test_the_first_snapshot_of_an_epoch_is_whole_and_then_the_older_ones_go(world: World) -> None:
    await world.hear(2, 4)
    first = await world.owner(nonce=7)
    await first.step(10, 0)
    await first.save(0)
    second = await world.owner(nonce=8)
    assert second.snapshots.epoch == 2
    world.writes.clear()
    await second.save(0)
    assert world.writes == ["put even", "put odd", "put manifest", "delete ['1/even/2', '1/manifest/0', '1/odd/2']"]


async def test_the_highest_epoch_wins_over_the_greatest_offset(world: World) -> None:
    await world.hear(1, 2)
    asleep = await world.owner(nonce=7)
    await asleep.step(1, 0)
    await asleep.save(0)
    new = await world.owner(nonce=8)
    await new.save(0)
    await asleep.step(1, 0)
    await asleep.save(0)
    assert (await world.owner()).offset == 1, "the old owner's later snapshot counts no more"


async def test_of_one_epoch_the_greatest_offset_wins(world: World) -> None:
    await world.hear(1, 2, 3)
    twins = [await world.owner(nonce=nonce) for nonce in (7, 8)]
    for twin, limit in zip(twins, (3, 1), strict=True):
        await twin.step(limit, 0)
        await twin.save(0)
    assert (await world.owner()).offset == 3


async def test_a_restore_that_misses_a_part_scans_again_to_the_new_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.hear(1, 2)
    old = await world.owner(nonce=7)
    await old.step(1, 0)
    await old.save(0)
    new = await world.owner(nonce=8)
    await new.step(1, 0)
    calm, scans = world.keys, []

    async def keys_of_a_moment_ago(owner: str) -> list[SnapshotKey]:
        found = await calm(owner)
        scans.append(len(found))
        if len(scans) == 1:
            await new.save(0)
        return found

    monkeypatch.setattr(world, "keys", keys_of_a_moment_ago)
    assert (await world.owner(nonce=9)).offset == 2
    assert len(scans) >= 2


async def test_a_part_that_is_lost_for_good_is_an_error(world: World) -> None:
    await world.hear(1)
    owner = await world.owner()
    await owner.step(1, 0)
    await owner.save(0)
    await world.kept.delete("meter-3", [SnapshotKey(1, 7, "even", 1)])
    with pytest.raises(LogError, match="meter-3: the newest snapshot misses even"):
        await world.owner()


async def test_a_snapshot_that_was_never_finished_is_none(world: World) -> None:
    await world.hear(1, 2)
    owner = await world.owner()
    await owner.step(10, 0)
    world.refused = "put manifest"
    with pytest.raises(LogError):
        await owner.save(0)
    world.refused = "nothing"
    again = await world.owner()
    assert (again.offset, again.state, again.snapshots.epoch) == (0, {}, 2)


async def test_begins_empty_only_where_nothing_is_lost(world: World) -> None:
    await world.hear(1, 2, 3)
    await world.trim(STREAM, 3, 1)
    with pytest.raises(OwnerError, match="no snapshot, and stream-3 begins at offset 1"):
        await world.owner()


async def test_stops_where_what_lies_between_has_expired(world: World) -> None:
    await world.hear(1, 2, 3)
    owner = await world.owner()
    await owner.step(1, 0)
    await owner.save(0)
    await world.trim(STREAM, 3, 2)
    with pytest.raises(OwnerError, match="reads on from offset 1, but stream-3 holds 2 up to 3"):
        await world.owner()
    with pytest.raises(LogError, match="trimmed"):
        await owner.step(1, 0)


async def test_stops_where_the_source_is_shorter_than_the_snapshot_knows(world: World) -> None:
    await world.hear(1, 2, 3)
    owner = await world.owner()
    await owner.step(10, 0)
    await owner.save(0)
    world.log = MemoryLog(lambda: 0)
    with pytest.raises(OwnerError, match="holds 0 up to 0"):
        await world.owner()


async def test_stops_before_a_snapshot_of_a_newer_program(world: World) -> None:
    await world.hear(1)
    owner = await world.owner(version=2)
    await owner.step(1, 0)
    await owner.save(0)
    with pytest.raises(OwnerError, match="has version 2, this program reads up to 1"):
        await world.owner(version=1)
    assert (await world.owner(version=3)).offset == 1


@pytest.mark.parametrize("refused", ["append", "put even", "put manifest", "delete"])
async def test_whoever_was_hindered_ends(world: World, refused: str) -> None:
    await world.hear(2, 4)
    owner = await world.owner()
    world.refused = refused
    with pytest.raises(LogError):
        await owner.step(10, SAVE_EVERY_MS)
    world.refused = "nothing"
    for again in (owner.step(1, 0), owner.save(0), owner.tick(), owner.adopt(PolicySet(9, "d", b"{}"))):
        with pytest.raises(OwnerError, match="meter-3: this owner has ended"):
            await again
    another = await world.owner(nonce=8)
    await another.step(10, 0)
    assert another.state == {"even": 2, "odd": 4}


async def test_a_row_that_is_none_is_named_by_its_offset(world: World) -> None:
    await world.hear(1, 2)
    await world.log.append(STREAM, 3, [b"not a number"])
    owner = await world.owner()
    with pytest.raises(OwnerError, match="meter-3: offset 2 of stream-3 is not a row: invalid literal"):
        await owner.step(10, 0)
    assert world.writes == []


async def test_adopts_a_policy_once_and_only_a_newer_one(world: World) -> None:
    owner = await world.owner()
    assert not await owner.adopt(PolicySet(4, "known", b"{}"))
    assert await owner.adopt(PolicySet(5, "new", b"{}"))
    assert not await owner.adopt(PolicySet(5, "new", b"{}"))
    assert [facts.decode_stream(row.value) for row in await world.log.read(STREAM, 3, 0, 10)] == [PolicySet(5, "new", b"{}")]


async def test_ticks_lie_in_the_own_source(world: World) -> None:
    await (await world.owner()).tick()
    assert [facts.decode_stream(row.value) for row in await world.log.read(STREAM, 3, 0, 10)] == [facts.Tick()]


@pytest.mark.parametrize(("part", "says"), [(MANIFEST, "taken"), ("huge", "has 524289 bytes")])
async def test_a_fold_keeps_to_the_form_of_parts(world: World, part: str, says: str) -> None:
    writer = snapshot.Writer("meter-3", world, 1, 7)
    with pytest.raises(AssertionError, match=says):
        await writer.write(1, 0, {part: bytes(snapshot.PART_BYTES_MAX + 1)})
