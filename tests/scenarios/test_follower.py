"""The follower beside engines at work: it knows what their wardens know, to the byte, and writes nothing."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from service.api import BehindError, Check
from service.engine.engine import Engine, Ports
from service.engine.follower import Follower
from service.engine.owners import Holding, Lag
from service.engine.published import publish
from service.facts import PolicySet, encode
from service.intake.partition import journal_of, partition_of, root_of
from service.ledger import Ledger
from service.log.memory import MemoryLog, MemorySnapshots
from service.log.ports import JOURNAL, OUTBOX, STREAM, Log, LogError, Row
from service.policy import load
from service.records import Usage
from service.shells.bookkeeper import Bookkeeper
from service.shells.front import Front
from service.warden.snapshot import dump
from tests.scenarios.lives import POLICY
from tests.scenarios.small_service import NOON_MS, STEP_MS

PARTITIONS = 3
PATIENCE_S = 20
TENANTS = ("acme", "globex", "initech")


@dataclass
class Failing:
    """A log that cannot be read while it is `broken`."""

    log: Log
    broken: bool = False

    async def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Row]:
        if self.broken:
            raise LogError("no broker answers")
        return await self.log.read(topic, partition, offset, limit)

    async def span(self, topic: str, partition: int) -> tuple[int, int]:
        return await self.log.span(topic, partition)

    append = append_many = since = trim = None


@dataclass
class World:
    """An engine that owns everything, driven by hand; whoever follows it is a thread."""

    journals: int
    now_ms: int = NOON_MS
    snapshots: MemorySnapshots = field(default_factory=MemorySnapshots)

    def clock(self) -> int:
        """Time passes for the door alone."""
        self.looked += 1
        return self.now_ms + self.looked

    def __post_init__(self) -> None:
        self.looked = 0
        self.log = MemoryLog(lambda: self.now_ms)
        self.seen = Failing(self.log)

    async def begin(self) -> None:
        newest = await publish(self.log, load(POLICY), self.now_ms)
        ports = Ports(self.log, self.snapshots)
        self.engine = Engine.of_all(ports, PARTITIONS, lambda: self.now_ms, lambda: self.now_ms, newest)
        self.engine.journals = self.journals
        self.engine.hold(Holding(frozenset(range(PARTITIONS)), frozenset(range(self.journals))))
        await self.engine.restore(ports, self.now_ms)

    async def live(self, seconds: int) -> None:
        """Calls of three tenants, and the engine folds them."""
        for second in range(seconds):
            batches: dict[int, list[bytes]] = defaultdict(list)
            for tenant in TENANTS:
                name = f"{self.now_ms}-{second}"
                call = Usage(id=name, time=self.now_ms / 1000, tenant=tenant, agent="a", execution_id=f"run-{second % 5}", workflow="w", cost_usd="0.2")
                batches[partition_of(tenant, root_of(call), PARTITIONS)].append(encode(call))
            await self.log.append_many(STREAM, batches)
            for _ in range(3):
                self.now_ms += STEP_MS
                while await self.engine.round(self.now_ms):
                    pass

    async def written(self) -> tuple[list[tuple[int, int]], int]:
        """What only owners may change."""
        spans = [await self.log.span(topic, p) for topic in (STREAM, JOURNAL, OUTBOX) for p in range(max(PARTITIONS, self.journals))]
        return spans, len(self.snapshots._values)

    def follower(self, snapshots: MemorySnapshots | None = None) -> Follower:
        return Follower(self.seen, lambda: snapshots or self.snapshots, PARTITIONS, self.journals, policy_version=1)  # type: ignore[arg-type]

    def known(self) -> dict[int, dict[str, bytes]]:
        return {p: dict(dump(owner.state)) for p, owner in self.engine.held.wardens.items()}


@asynccontextmanager
async def following(world: World, follower: Follower | None = None) -> AsyncIterator[Follower]:
    follower = follower or world.follower()
    follower.thread.start()
    try:
        await until(lambda: follower.heard.ready)
        yield follower
    finally:
        await asyncio.to_thread(follower.thread.stop)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 -- a thread does it
            await asyncio.sleep(0.01)


async def begun(journals: int = 1) -> World:
    world = World(journals)
    await world.begin()
    return world


async def known_to(follower: Follower) -> dict[int, dict[str, bytes]]:
    return await asyncio.wrap_future(follower.ask(lambda states: {p: dict(dump(warden)) for p, warden in states.wardens.items()}))


async def knows_all(follower: Follower, world: World) -> None:
    """Once it has come as far."""
    ends = sum([(await world.log.span(JOURNAL, p))[1] for p in range(world.journals)])
    await until(lambda: sum(each.offset for each in follower._following) == ends)
    assert await known_to(follower) == world.known()


@pytest.mark.parametrize("journals", [1, 2])
async def test_it_knows_what_the_wardens_know_and_writes_nothing(journals: int) -> None:
    world = await begun(journals)
    assert len({journal_of(tenant, journals) for tenant in TENANTS}) == journals
    await world.live(40)
    async with following(world, world.follower(MemorySnapshots())) as from_the_beginning:
        await knows_all(from_the_beginning, world)
        await world.live(40)
        before = await world.written()
        async with following(world) as from_a_snapshot:
            await knows_all(from_a_snapshot, world)
            await knows_all(from_the_beginning, world)
            assert from_a_snapshot.heard.folded_rows < from_the_beginning.heard.folded_rows
        assert await world.written() == before


async def test_a_journal_says_how_far_the_meters_have_come() -> None:
    world = await begun()
    await world.log.append_many(STREAM, {p: [encode(Usage(id=str(p), time=world.now_ms / 1000, cost_usd=1))] * 4 for p in range(PARTITIONS)})
    follower = world.follower()
    assert await follower.lag() == Lag(), "nothing is known yet, and that shuts no door"
    async with following(world, follower):
        assert await follower.lag() == Lag(stream=5 * PARTITIONS, journal=0), "the policy is a row too"
        await world.live(5)
        await knows_all(follower, world)
        caught_up = await follower.lag()
        assert caught_up.stream <= 4 * PARTITIONS, "what came since the last mark"
        await world.log.append(STREAM, 1, [b"never folded"] * 1_000)
        assert await follower.lag() == Lag(caught_up.stream + 1_000, 0)
    await world.engine.save(world.now_ms)
    async with following(world) as another:
        assert another.heard.folded_rows == 0
        assert await another.lag() == Lag(caught_up.stream + 1_000, 0), "a snapshot does not know it: the journal before it does"


async def test_a_door_is_shut_while_the_meters_are_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("service.shells.front.LAG_MAX", 100)
    monkeypatch.setattr("service.shells.front.LAG_EVERY_MS", 1)
    world = await begun()
    async with following(world) as follower:
        books = Bookkeeper(lambda: nullcontext(world.log), Ledger(f"sqlite:///{tmp_path}/books.db"))
        front = Front(world.log.append_many, follower, follower.lag, nothing, books, load(""), world.clock, str, PARTITIONS)
        refused = 0
        for number in range(20):
            calls = [Usage(id=f"{number}-{n}", time=world.now_ms / 1000, cost_usd=1) for n in range(20)]
            try:
                await front.accept(calls, [])
            except BehindError as behind:
                refused += "of the stream" in str(behind)
        assert refused >= 10
        assert (await follower.lag()).stream < 100 + 2 * 20 + PARTITIONS
        await world.live(3)
        await knows_all(follower, world)
        await front.accept([Usage(id="again", time=world.now_ms / 1000, cost_usd=1)], [])
        books.ledger.close()


async def nothing() -> Sequence[Check]:
    return ()


async def test_while_it_knows_nothing_it_says_so_and_goes_on_by_itself() -> None:
    world = await begun()
    await world.live(10)
    follower = world.follower()
    with pytest.raises(LogError, match="not known now: starting"):
        await known_to(follower)
    async with following(world, follower):
        world.seen.broken = True
        await until(lambda: not follower.heard.ready)
        with pytest.raises(LogError, match="no broker answers"):
            await known_to(follower)
        await world.live(10)
        world.seen.broken = False
        await until(lambda: follower.heard.ready)
        await knows_all(follower, world)
    with pytest.raises(LogError, match="has stopped"):
        await known_to(follower)


async def test_what_is_no_row_is_named() -> None:
    world = await begun()
    await world.live(2)
    follower = world.follower()
    async with following(world, follower):
        end = (await world.log.span(JOURNAL, 0))[1]
        await world.log.append(JOURNAL, 0, [b"\xc1"])
        await until(lambda: f"offset {end} of journal-0 is not a row" in follower.heard.failure)


async def test_a_newer_policy_is_told_once() -> None:
    world = await begun()
    told: list[PolicySet] = []
    follower = world.follower()
    follower.adopted = told.append
    async with following(world, follower):
        newest = await publish(world.log, load(""), world.now_ms)
        await until(lambda: bool(told))
        await until(lambda start=follower.heard.rounds: follower.heard.rounds > start + 25)  # type: ignore[misc]
    assert told == [newest]
