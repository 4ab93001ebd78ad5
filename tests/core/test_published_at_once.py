"""Two policies published in the same moment have one version; all partitions come to hold the later one, whoever had heard of which."""

from __future__ import annotations

from service.engine.engine import Engine, Ports
from service.engine.owners import Holding
from service.engine.published import newest_policy
from service.facts import PolicySet, encode
from service.log.memory import MemoryLog, MemorySnapshots
from service.log.ports import CONTROLS
from tests.core.streams import START_MS, policy_set

FIRST, SECOND = policy_set("version: 1"), policy_set("version: 1\ntimezone: Europe/Berlin")


class World:
    """Two workers with a partition each on one log."""

    def __init__(self) -> None:
        self.now_ms = START_MS
        self.log = MemoryLog(lambda: self.now_ms)
        self.engines = [self.engine(number, policy) for number, policy in enumerate((FIRST, SECOND))]

    def engine(self, number: int, policy: PolicySet) -> Engine:
        ports = Ports(self.log, MemorySnapshots())
        engine = Engine.of_all(ports, 2, lambda: self.now_ms, lambda: number, policy)
        engine.hold(Holding(frozenset((number,)), frozenset((0,)) if number == 0 else frozenset()))
        return engine


async def test_the_later_one_holds_everywhere() -> None:
    world = World()
    await world.log.append(CONTROLS, 0, [encode(FIRST), encode(SECOND)])
    for engine in world.engines:
        await engine.restore(Ports(world.log, MemorySnapshots()), world.now_ms)
    for _ in range(4):
        world.now_ms += 1_000
        for engine in world.engines:
            await engine.round(world.now_ms)
    newest = await newest_policy(world.log)
    assert newest is not None
    assert (newest.version, newest.digest) == (2, SECOND.digest)
    assert [engine.policy for engine in world.engines] == [newest] * 2
    assert [engine.held.meters[number].state.policy for number, engine in enumerate(world.engines)] == [newest] * 2
    assert (await world.log.span(CONTROLS, 0))[1] == 3, "and no more is published"
