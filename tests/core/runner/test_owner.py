"""The owner's other rules one by one: where it stops, what ends it, what it adopts; that all hold together is shown in tests/simulation."""

from __future__ import annotations

import pytest

from service import facts
from service.engine.runner import SAVE_EVERY_MS, OwnerError
from service.facts import PolicySet
from service.log.memory import MemoryLog
from service.log.ports import STREAM, LogError
from tests.core.runner.world import World


async def test_begins_empty_only_where_nothing_is_lost(world: World) -> None:
    await world.hear(1, 2, 3)
    await world.trim(STREAM, 3, 1)
    with pytest.raises(OwnerError, match="no snapshot, and stream-3 begins at offset 1"):
        await world.owner()


async def test_stops_where_what_lies_between_has_expired(world: World) -> None:
    await world.hear(1, 2, 3)
    owner = await world.saved(1)
    await world.trim(STREAM, 3, 2)
    with pytest.raises(OwnerError, match="reads on from offset 1, but stream-3 holds 2 up to 3"):
        await world.owner()
    with pytest.raises(LogError, match="trimmed"):
        await owner.step(1, 0)


async def test_stops_where_the_source_is_shorter_than_the_snapshot_knows(world: World) -> None:
    await world.hear(1, 2, 3)
    await world.saved(10)
    world.log = MemoryLog(lambda: 0)
    with pytest.raises(OwnerError, match="holds 0 up to 0"):
        await world.owner()


async def test_stops_before_a_snapshot_of_a_newer_program(world: World) -> None:
    await world.hear(1)
    await world.saved(1, version=2)
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
