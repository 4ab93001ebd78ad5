"""Nothing waits for the wrong thing: lanes are apart, bounded and spare a receiver that is broken."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.couriers.lane import Lane
from service.couriers.pacing import CAP_MS, FAILURES_MAX, OPEN_MS, Circuit, LaneName, delay_ms
from service.couriers.parcel import Parcel
from service.couriers.port import Delivered, Item, Outcome, RetryLater
from tests.core.dispatcher.world import DOWN, START, Script, World, notice, order

LANES: st.SearchStrategy[LaneName] = st.sampled_from(("orders", "notices"))


@given(LANES, st.integers(1, 10_000), st.floats(0, 1, exclude_max=True), st.none() | st.floats(0, 3600))
def test_patience_is_bounded_and_honours_the_receiver(lane: LaneName, attempts: int, draw: float, after_s: float | None) -> None:
    delay = delay_ms(lane, attempts, draw, after_s)
    assert int((after_s or 0) * 1000) <= delay <= max(CAP_MS[lane], int((after_s or 0) * 1000), 1)


async def test_a_wish_to_wait_holds_the_whole_lane(world: World) -> None:
    world.courier.answers["ord-1"] = [RetryLater(30.0, "429 Too Many Requests")]
    await world.take(order(1, "a"), order(2, "b"))
    assert await world.due() == 30_000
    assert world.courier.given == ["ord-1"]
    await world.pass_time(30_000)
    assert world.courier.given == ["ord-1", "ord-2", "ord-1"]


async def test_the_circuit_spares_a_broken_receiver_and_probes_it_with_one(world: World) -> None:
    world.courier.always, world.draw = DOWN, 0.0
    await world.take(*[order(n, f"agent-{n}") for n in range(1, 10)])
    await world.due()
    assert len(world.courier.given) == FAILURES_MAX
    assert world.lane()["circuit"] == "open"
    await world.pass_time(OPEN_MS - 1)
    assert len(world.courier.given) == FAILURES_MAX
    await world.pass_time(1)
    assert len(world.courier.given) == FAILURES_MAX + 1
    assert world.lane()["circuit"] == "open"
    world.courier.always = Delivered()
    await world.pass_time(OPEN_MS)
    assert len(world.receipts) == 9
    assert world.lane()["circuit"] == "closed"


def test_a_half_open_circuit_lets_one_through_at_a_time() -> None:
    lane = Lane("orchestrator", "orders", circuit=Circuit(FAILURES_MAX, START))
    for number in (1, 2):
        lane.add(Parcel(receiver="orchestrator", item=order(number, f"agent-{number}"), place=number, taken_ms=START))
    probe = lane.pick(START)
    assert probe is not None
    assert lane.pick(START) is None
    assert lane.wait_ms(START) is None
    lane.learn(Delivered(), START)
    lane.ended(probe)
    assert lane.pick(START) is not None


def test_a_full_lane_whose_first_is_in_flight_gives_up_the_one_behind() -> None:
    lane = Lane("orchestrator", "orders", waiting_max=2)
    parcels = [Parcel(receiver="orchestrator", item=order(number), place=number, taken_ms=START) for number in (1, 2, 3)]
    assert [lane.add(parcel) for parcel in parcels[:2]] == [None, None]
    assert lane.pick(START) is parcels[0]
    assert lane.add(parcels[2]) is parcels[1]
    lane.ended(parcels[0])
    assert lane.pick(START) is parcels[2]


async def test_notices_of_one_incident_keep_their_order_and_hold_up_no_other(world: World) -> None:
    world.courier.answers["ntc-1"] = [DOWN]
    await world.take(notice(1), notice(2), notice(3, "inc-2"))
    await world.due()
    assert world.courier.given == ["ntc-1", "ntc-3"]
    await world.pass_time(1_000)
    assert world.courier.given == ["ntc-1", "ntc-3", "ntc-1", "ntc-2"]


async def test_a_full_lane_gives_up_the_oldest_and_counts_it(tmp_path: Path) -> None:
    world = World(tmp_path, waiting_max=3)
    world.courier.always = DOWN
    await world.take(*[notice(n, "inc-1" if n < 4 else f"inc-{n}") for n in range(1, 6)])
    assert world.ends() == [("ntc-1", "failed"), ("ntc-2", "failed")]
    assert (world.lane("notices")["pending"], world.lane("notices")["dropped"]) == (3, 2)
    world.courier.always = Delivered()
    await world.due()
    assert world.courier.given == ["ntc-3", "ntc-4", "ntc-5"]
    world.close()


async def test_orders_never_wait_behind_notices(world: World) -> None:
    """With `run`: the notice's courier hangs for ever, the order goes out all the same, as do others while one order hangs."""
    ended = asyncio.Event()

    class Hanging(Script):
        async def deliver(self, item: Item) -> Outcome:
            self.given.append(item.id)
            if item.id in ("ntc-1", "ord-1"):
                await asyncio.Event().wait()
            if item.id == "ord-2":
                ended.set()
            return Delivered()

    world.couriers["orchestrator"] = Hanging("orchestrator")
    world.dispatcher = world._made()
    running = asyncio.ensure_future(world.dispatcher.run())
    await world.take(notice(1), notice(2), order(1, "a"), order(2, "b"))
    await asyncio.wait_for(ended.wait(), 5)
    assert "ntc-2" not in world.couriers["orchestrator"].given
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
