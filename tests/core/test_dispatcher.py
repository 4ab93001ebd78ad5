"""The dispatcher in a small world whose time is moved by hand: nothing is lost, nothing waits for the wrong thing, everything ends in a receipt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as but

from service.couriers.deliveries import ENDED_KEPT_MS, SqliteDeliveries
from service.couriers.dispatcher import Dispatcher
from service.couriers.lane import Lane
from service.couriers.pacing import CAP_MS, FAILURES_MAX, OPEN_MS, Circuit, LaneName, delay_ms
from service.couriers.parcel import Parcel
from service.couriers.port import Delivered, GaveUp, Item, Outcome, Receiver, RetryLater
from service.facts import Decision, Incident, Kind, Notice, Order, Outbox, Receipt, Scope, Untold, encode
from service.log.memory import MemoryLog
from service.log.ports import OUTBOX, LogError

START = 1_763_518_440_000
HOUR = 3_600_000
INCIDENT = Incident(
    time_ms=START,
    action="opened",
    id="inc-1",
    tenant="default",
    scope=Scope("agent", "indexer"),
    kinds=[Kind.LOOP],
    severity="critical",
    state="open",
    opened_ms=START,
    revision=1,
    spend_nanos=0,
    excess_nanos=0,
    limit_nanos=None,
    cause=None,
    evidence=[],
    reason="opened",
)
LANES: st.SearchStrategy[LaneName] = st.sampled_from(("orders", "notices"))
DOWN = RetryLater(None, "503 Service Unavailable")


def order(number: int, scope: str = "indexer", **known: object) -> Order:
    base = Order(START, "pause", f"ord-{number}", "default", Scope("agent", scope), "inc-1", "loop", "enforce", START + HOUR, number)
    return but(base, **known)


def notice(number: int, incident: str = "inc-1", receiver: str = "orchestrator") -> Notice:
    return Notice(START, f"ntc-{number}", "default", incident, receiver, "opened", "title", INCIDENT)


@dataclass
class Script:
    """A courier that answers as it is told, by item or for all, and keeps what it was given."""

    name: str
    answers: dict[str, list[Outcome]] = field(default_factory=dict)
    always: Outcome = field(default_factory=Delivered)
    given: list[str] = field(default_factory=list)

    async def deliver(self, item: Item) -> Outcome:
        self.given.append(item.id)
        waiting = self.answers.get(item.id)
        return waiting.pop(0) if waiting else self.always

    async def close(self) -> None: ...


@dataclass
class World:
    """One dispatcher with everything around it; `restart` is a kill and a new start on the same memory."""

    path: Path
    receivers: list[Receiver] = field(default_factory=lambda: [Receiver(name="orchestrator", kind="webhook", takes="all")])
    waiting_max: int = 100
    now_ms: int = START
    draw: float = 1.0
    naps: list[tuple[float, asyncio.Future[None]]] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.couriers = {receiver.name: Script(receiver.name) for receiver in self.receivers}
        self.memory = SqliteDeliveries(self.path / "deliveries.db")
        self.rows = 0
        self.dispatcher = self._made()

    @property
    def courier(self) -> Script:
        return self.couriers["orchestrator"]

    def _made(self) -> Dispatcher:
        async def record(receipt: Receipt) -> None:
            self.receipts.append(receipt)

        async def sleep(wait_s: float) -> None:
            nap = asyncio.get_running_loop().create_future()
            self.naps.append((wait_s, nap))
            await nap

        return Dispatcher(
            self.receivers,
            self.couriers,
            self.memory,
            record,
            clock=lambda: self.now_ms,
            sleep=sleep,
            draw=lambda: self.draw,
            waiting_max=self.waiting_max,
        )

    async def restart(self) -> None:
        self.memory.close()
        self.memory = SqliteDeliveries(self.path / "deliveries.db")
        self.dispatcher = self._made()
        await self.dispatcher.restore()

    async def take(self, *decisions: Decision) -> None:
        self.rows += 1
        await self.dispatcher.take(0, self.rows, decisions)

    async def due(self) -> int | None:
        return await self.dispatcher.deliver_due()

    async def pass_time(self, ms: int) -> int | None:
        self.now_ms += ms
        return await self.due()

    def ends(self) -> list[tuple[str, str]]:
        return [(receipt.id, receipt.state) for receipt in self.receipts]

    def lane(self, name: str = "orders") -> dict[str, object]:
        return next(row for row in self.dispatcher.snapshot() if row["lane"] == name)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    yield made
    made.memory.close()


async def test_orders_and_notices_are_delivered_and_receipted(world: World) -> None:
    world.courier.answers["ord-1"] = [Delivered("accepted")]
    await world.take(INCIDENT, order(1), notice(1), Untold(START, "inc-1", "default", "snoozed"))
    assert await world.due() is None
    assert world.courier.given == ["ord-1", "ntc-1"]
    assert world.receipts == [Receipt("ord-1", "orchestrator", "accepted", "", "default"), Receipt("ntc-1", "orchestrator", "delivered", "", "default")]


async def test_a_failing_receiver_is_tried_again_with_growing_patience(world: World) -> None:
    world.courier.answers["ord-1"] = [DOWN, DOWN, RetryLater(9.0, "429 Too Many Requests")]
    await world.take(order(1))
    assert await world.due() == 250
    assert await world.pass_time(249) == 1
    assert world.courier.given == ["ord-1"]
    assert await world.pass_time(1) == 500
    assert await world.pass_time(500) == 9_000
    assert world.lane() == {
        "receiver": "orchestrator",
        "lane": "orders",
        "pending": 1,
        "in_flight": 0,
        "circuit": "closed",
        "last_error": "429 Too Many Requests",
        "next_attempt_ms": world.now_ms + 9_000,
        "delivered": 0,
        "retried": 3,
        "gave_up": 0,
        "expired": 0,
        "dropped": 0,
    }
    assert await world.pass_time(9_000) is None
    assert world.ends() == [("ord-1", "delivered")]


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


async def test_what_will_never_work_ends_with_its_reason(world: World) -> None:
    world.courier.answers["ord-1"] = [GaveUp("404 Not Found: no such hook")]
    await world.take(order(1))
    await world.due()
    assert world.receipts == [Receipt("ord-1", "orchestrator", "failed", "404 Not Found: no such hook", "default")]


async def test_an_expired_order_is_not_sent(world: World) -> None:
    world.courier.answers["ord-1"] = [DOWN]
    await world.take(order(1, expires_ms=START + 200))
    await world.due()
    await world.pass_time(250)
    assert world.courier.given == ["ord-1"]
    assert world.receipts == [Receipt("ord-1", "orchestrator", "expired", "it expired before it could be delivered", "default")]


async def test_an_overtaken_order_is_not_sent_and_holds_nothing_up(world: World) -> None:
    world.courier.answers["ord-1"] = [DOWN]
    await world.take(order(1))
    await world.due()
    await world.take(order(2, action="resume"), order(3, "other"))
    await world.due()
    assert world.courier.given == ["ord-1", "ord-2", "ord-3"]
    assert world.ends() == [("ord-1", "expired"), ("ord-2", "delivered"), ("ord-3", "delivered")]


async def test_what_overtook_an_order_is_remembered_over_a_restart(world: World) -> None:
    await world.take(order(2, action="resume"))
    await world.due()
    await world.restart()
    await world.take(order(1))
    await world.due()
    assert world.courier.given == ["ord-2"]
    assert world.ends()[-1] == ("ord-1", "expired")


async def test_a_notice_nobody_took_for_a_day_is_given_up(world: World) -> None:
    world.courier.always = DOWN
    await world.take(notice(1))
    for _ in range(400):
        wait = await world.due()
        if wait is None:
            break
        world.now_ms += wait
    assert world.receipts == [Receipt("ntc-1", "orchestrator", "failed", "nobody took it for a day", "default")]


async def test_an_observed_order_is_not_sent(world: World) -> None:
    await world.take(order(1, mode="observe"))
    await world.due()
    assert world.courier.given == []
    assert world.receipts == []


@pytest.mark.parametrize(
    ("takes", "item", "state"),
    [
        ("notices", order(1), "no receiver takes orders"),
        ("orders", notice(1), "no receiver orchestrator takes notices"),
        ("all", notice(1, receiver="gone"), "no receiver gone takes notices"),
    ],
)
async def test_what_nobody_takes_ends_at_once(tmp_path: Path, takes: str, item: Order | Notice, state: str) -> None:
    world = World(tmp_path, [Receiver(name="orchestrator", kind="webhook", takes=takes)])  # type: ignore[arg-type]
    await world.take(item)
    assert [(receipt.id, receipt.state, receipt.reason) for receipt in world.receipts] == [(item.id, "failed", state)]
    assert world.courier.given == []
    world.memory.close()


async def test_orders_go_to_every_receiver_that_takes_them(tmp_path: Path) -> None:
    world = World(tmp_path, [Receiver(name=name, kind="webhook", takes=takes) for name, takes in (("a", "orders"), ("b", "all"), ("c", "notices"))])  # type: ignore[arg-type]
    await world.take(order(1), notice(1, receiver="c"))
    await world.due()
    assert {name: courier.given for name, courier in world.couriers.items()} == {"a": ["ord-1"], "b": ["ord-1"], "c": ["ntc-1"]}
    world.memory.close()


async def test_what_the_outbox_says_again_is_not_sent_again(world: World) -> None:
    await world.take(order(1), order(1), notice(1))
    await world.due()
    await world.restart()
    await world.take(order(1), notice(1))
    await world.due()
    assert world.courier.given == ["ord-1", "ntc-1"]
    await world.pass_time(ENDED_KEPT_MS + HOUR)
    await world.take(notice(1))
    await world.take(notice(1))
    await world.due()
    assert world.courier.given == ["ord-1", "ntc-1", "ntc-1"]  # forgotten after a while: the memory is bounded


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
    world.memory.close()


async def test_a_courier_s_own_fault_stops_nothing_and_shows_nothing(world: World) -> None:
    class Faulty(Script):
        async def deliver(self, item: Item) -> Outcome:
            raise RuntimeError("my secret is xyzzy")

    world.couriers["orchestrator"] = Faulty("orchestrator")
    world.dispatcher = world._made()
    await world.take(order(1))
    await world.due()
    assert world.lane()["last_error"] == "fault in the courier (RuntimeError)"
    assert world.lane()["pending"] == 1


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


async def test_running_wakes_when_a_retry_is_due(world: World) -> None:
    world.courier.answers["ord-1"] = [DOWN]
    running = asyncio.ensure_future(world.dispatcher.run())
    await world.take(order(1))
    while not any(wait_s == 0.25 for wait_s, _ in world.naps):  # noqa: ASYNC110 -- until a worker has gone to sleep
        await asyncio.sleep(0)
    world.now_ms += 250
    for _, nap in world.naps:
        if not nap.done():
            nap.set_result(None)
    while not world.receipts:  # noqa: ASYNC110 -- until the worker has woken
        await asyncio.sleep(0)
    assert world.courier.given == ["ord-1", "ord-1"]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_journal_that_fails_stops_the_couriers(world: World) -> None:
    async def broken(_: Receipt) -> None:
        raise LogError("disk full")

    world.dispatcher._record = broken
    await world.take(order(1))
    with pytest.raises(ExceptionGroup) as stopped:
        await world.dispatcher.run()
    assert stopped.group_contains(LogError, match="disk full")
    await world.restart()
    await world.due()
    assert world.ends() == [("ord-1", "delivered")]


async def test_follows_the_outbox_and_goes_on_where_it_stopped(world: World) -> None:
    log = MemoryLog(clock=lambda: world.now_ms)
    await log.append(OUTBOX, 0, [encode(Outbox(0, [order(1)])), encode(Outbox(1, [INCIDENT])), encode(Outbox(2, [notice(1)]))])
    for expected in (["ord-1", "ntc-1"], ["ord-1", "ntc-1", "ord-2"]):
        following = asyncio.ensure_future(world.dispatcher.follow(log))
        while await world.memory.offset(0) != (await log.span(OUTBOX, 0))[1]:  # noqa: ASYNC110 -- each look lets the follower take a step
            await asyncio.sleep(0)
        following.cancel()
        with pytest.raises(asyncio.CancelledError):
            await following
        await world.due()
        assert world.courier.given == expected
        await log.append(OUTBOX, 0, [encode(Outbox(3, [order(2)]))])
        await world.restart()


class Killed(BaseException):
    """SIGKILL, as far as Python can say it."""


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 12), max_size=6))
def test_killed_anywhere_nothing_is_lost(tmp_path_factory: pytest.TempPathFactory, kills: list[int]) -> None:
    items: list[Decision] = [order(1), notice(1), order(2, "b"), notice(2), order(3), notice(3, "inc-2")]
    asyncio.run(_survives(tmp_path_factory.mktemp("killed"), items, list(kills)))


async def _survives(path: Path, items: list[Decision], kills: list[int]) -> None:
    """Kills at the n-th action (a take, a delivery, a receipt, a mark of the memory), goes on, and looks at what came of it."""
    world = World(path)
    left = kills.pop(0) if kills else 10**9

    def act() -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            left = kills.pop(0) if kills else 10**9
            raise Killed

    def sabotage() -> None:
        def wrapped(thing: object, name: str, *, before: bool) -> None:
            whole = getattr(thing, name)

            async def cut(*args: object) -> object:
                if before:
                    act()
                made = await whole(*args)
                act()
                return made

            setattr(thing, name, cut)

        wrapped(world.memory, "take", before=True)
        wrapped(world.memory, "ended", before=True)
        wrapped(world.dispatcher, "_record", before=True)
        wrapped(world.courier, "deliver", before=False)

    log = MemoryLog(clock=lambda: START)
    await log.append(OUTBOX, 0, [encode(Outbox(at, [item])) for at, item in enumerate(items)])
    deliver = world.courier.deliver
    for _ in range(20):
        world.courier.deliver = deliver  # type: ignore[method-assign]
        await world.restart()
        sabotage()
        try:
            offset = await world.memory.offset(0) or 0
            for row in await log.read(OUTBOX, 0, offset, 100):
                await world.dispatcher.take(0, row.offset + 1, [items[row.offset]])
            await world.due()
        except Killed:
            continue
        break
    world.memory.close()
    assert set(world.courier.given) | {"ord-1"} == {"ord-1", "ntc-1", "ord-2", "ntc-2", "ord-3", "ntc-3"}
    assert {receipt.id for receipt in world.receipts} == {"ord-1", "ntc-1", "ord-2", "ntc-2", "ord-3", "ntc-3"}
