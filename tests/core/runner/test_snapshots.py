"""An owner's snapshots: what is written when, which of them counts, and which is none."""

from __future__ import annotations

import pytest

from service.engine.runner import SAVE_EVERY_MS, SAVE_EVERY_ROWS
from service.log import snapshot
from service.log.ports import MANIFEST, LogError, SnapshotKey
from tests.core.runner.world import World


async def test_facts_are_appended_in_order_before_the_snapshot_that_covers_them(world: World) -> None:
    await world.hear(1, 2, 3, 5)
    owner = await world.owner()
    assert await owner.step(3, SAVE_EVERY_MS) == 3
    assert world.writes == ["append journal [0, 1]", "put even", "put odd", "put manifest", "delete []"]
    assert await owner.step(3, SAVE_EVERY_MS) == 1
    assert await owner.step(3, SAVE_EVERY_MS) == 0
    assert (await world.said(0), await world.said(1)) == ([b"2"], [b"1", b"3", b"5"])
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
    await world.hear(2, 4)
    owner = await world.saved(10)
    await world.hear(6, 0)
    await owner.step(10, 0)
    world.writes.clear()
    await owner.save(0)
    assert world.writes == ["put even", "put manifest", "delete ['1/even/2']"]
    again = await world.owner(nonce=8)
    assert (again.state, again.offset) == ({"even": 8, "odd": 4}, 4)


async def test_a_part_that_is_no_more_is_deleted_behind_the_manifest(world: World) -> None:
    await world.hear(2, 4)
    owner = await world.saved(10)
    del owner.state["odd"]
    world.writes.clear()
    await owner.save(0)
    assert world.writes == ["put manifest", "delete ['1/odd/2']"]


async def test_the_first_snapshot_of_an_epoch_is_whole_and_then_the_older_ones_go(world: World) -> None:
    await world.hear(2, 4)
    await world.saved(10, nonce=7)
    second = await world.owner(nonce=8)
    assert second.snapshots.epoch == 2
    world.writes.clear()
    await second.save(0)
    assert world.writes == ["put even", "put odd", "put manifest", "delete ['1/even/2', '1/manifest/0', '1/odd/2']"]


async def test_the_highest_epoch_wins_over_the_greatest_offset(world: World) -> None:
    await world.hear(1, 2)
    asleep = await world.saved(1, nonce=7)
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
    await world.saved(1, nonce=7)
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
    await world.saved(1)
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


@pytest.mark.parametrize(("part", "says"), [(MANIFEST, "taken"), ("huge", "has 524289 bytes")])
async def test_a_fold_keeps_to_the_form_of_parts(world: World, part: str, says: str) -> None:
    writer = snapshot.Writer("meter-3", world, 1, 7)
    with pytest.raises(AssertionError, match=says):
        await writer.write(1, 0, {part: bytes(snapshot.PART_BYTES_MAX + 1)})
