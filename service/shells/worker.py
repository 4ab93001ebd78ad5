"""The worker: one process of as many as wanted, each holding the partitions that Faust leases to it.

Meters and wardens live in the engine's thread as in the embedded shell; the couriers of a leased outbox partition in the main loop.
Who is told to give something away goes on until it hears who has it: an old owner can only repeat what is known as a repetition.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import faust
import structlog

from service.engine.engine import Engine
from service.engine.owners import Holding
from service.engine.watchdog import STILL_S, Watchdog
from service.facts import PolicySet
from service.policy import parse_dumped
from service.shells.delivery import Delivery
from service.shells.leases import Leased, LeaseError
from service.shells.republish import Republisher
from service.shells.telemetry import Couriers

BEAT_S: Final = 1.0
LEAVES_WITHIN_S: Final = 10.0


class WorkerError(Exception):
    """The worker has ended by itself; a supervisor starts another one."""


@dataclass
class Worker:
    """`another_delivery` makes the couriers of an outbox partition; they remember where they stopped, whichever process they run in.

    `waits_s`: how long a single call of the log may wait for its broker.
    """

    engine: Engine
    republisher: Republisher
    another_delivery: Callable[[int, PolicySet], Delivery]
    clock_s: Callable[[], float]
    waits_s: float = 30.0
    leased: Leased = field(default_factory=Leased)
    _deliveries: dict[int, tuple[Delivery, asyncio.Task[None]]] = field(default_factory=dict)
    _beats: int = 0

    def __post_init__(self) -> None:
        self.engine.decided, self.engine.adopted, self.engine.others_go_on = self._decided, self._adopted, True
        self.republisher.appended = self.engine.nudge
        self.republisher.adopt(parse_dumped(self.engine.policy.body))

    def assigned(self, leased: Leased) -> None:
        """From now on these are ours, and no others. Called in the main loop, inside of a rebalance."""
        self.leased = leased
        self.engine.hold(Holding(leased.meters, leased.wardens))
        for partition in self._deliveries.keys() - leased.couriers:
            self._deliveries.pop(partition)[1].cancel()
        for partition in leased.couriers - self._deliveries.keys():
            delivery = self.another_delivery(partition, self.engine.policy)
            self._deliveries[partition] = delivery, asyncio.get_running_loop().create_task(delivery.live())
        structlog.get_logger("worker").info("leased", meters=sorted(leased.meters), wardens=sorted(leased.wardens), couriers=sorted(leased.couriers))

    async def revoked(self) -> None:
        """Something is given away, and nobody knows what yet: all is saved, so that whoever gets it reads little again."""
        await asyncio.wrap_future(self.engine.save_soon())

    async def live(self, app: faust.App, stop: asyncio.Event) -> None:
        """Until `stop`, and then in order: saved, left, closed. Raises WorkerError when Faust ends by itself, or a partition cannot go on.

        While no broker answers the engine tries again and again, which is a beat too. A stop is heard from the first moment on: Faust's
        own start returns only after a rebalance that no other one has followed at once, and under a storm of them that may take minutes.
        """
        heard = self.engine.heard
        beats = {"engine": lambda: (heard.rounds, heard.restarts), "intake": lambda: self.republisher.beat, "main loop": lambda: self._beats}
        watchdog = Watchdog(beats, self.clock_s, still_s=STILL_S + self.waits_s)
        stuck = self._stuck(asyncio.get_running_loop())
        beating = asyncio.create_task(self._beat())
        self.engine.thread.start()
        self.republisher.thread.start()
        watchdog.thread.start()
        ended, stopped = asyncio.create_task(_ended(app)), asyncio.create_task(stop.wait())
        try:
            either: tuple[asyncio.Future[Any], ...] = (ended, stopped, stuck)
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not stop.is_set():
                raise WorkerError(stuck.result() if stuck.done() else ended.result())
        finally:
            leaving = asyncio.create_task(asyncio.to_thread(self.republisher.thread.stop))
            await asyncio.to_thread(self.engine.thread.stop)  # the last snapshot, while the partitions are still ours
            await _left(app)
            await leaving
            await _cancelled(beating, ended, stopped, *(task for _, task in self._deliveries.values()))
            await asyncio.to_thread(watchdog.thread.stop)  # the last: what does not end is ended by it

    def couriers(self) -> Couriers:
        """Those of every leased partition, as they stand; asked in the main loop."""
        dispatchers = [delivery.dispatcher for delivery, _ in self._deliveries.values()]
        return Couriers([lane for each in dispatchers for lane in each.snapshot()], {name for each in dispatchers for name in each.unusable()})

    async def _beat(self) -> None:
        while True:
            self._beats += 1
            await asyncio.sleep(BEAT_S)

    def _stuck(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[str]:
        """Why a partition cannot go on in this process: perhaps it can in another one, of a newer program."""
        why: asyncio.Future[str] = loop.create_future()

        def known(reason: str) -> None:
            if not why.done():
                why.set_result(reason)

        def stuck(reason: str) -> None:
            loop.call_soon_threadsafe(known, reason)

        self.engine.stuck = stuck
        return why

    def _decided(self) -> None:
        for delivery, _ in list(self._deliveries.values()):
            delivery.nudge()

    def _adopted(self, newest: PolicySet) -> None:
        policy = parse_dumped(newest.body)
        self.republisher.adopt(policy)
        for delivery, _ in list(self._deliveries.values()):
            delivery.adopt(policy)


async def _ended(app: faust.App) -> str:
    """Makes it a member, and says why it has ended by itself. Raises WorkerError where it could not begin: most often no broker answers."""
    try:
        await app.start()
    except Exception as failed:
        raise WorkerError(f"Faust could not begin: {failed!r}") from failed
    await app.wait_until_stopped()
    reason = app.crash_reason
    return str(reason) if isinstance(reason, LeaseError) else f"Faust has ended by itself: {reason!r}"


async def _left(app: faust.App) -> None:
    """Says goodbye to the group; one that does not come to an end is left behind, and its session with the broker ends by itself."""
    leaving = asyncio.create_task(app.stop())
    await asyncio.wait({leaving}, timeout=LEAVES_WITHIN_S)
    failed = leaving.exception() if leaving.done() else None
    if failed is not None or not leaving.done():
        advice = "others take over when its session has ended"
        structlog.get_logger("worker").warning("left_without_goodbye", waited_s=LEAVES_WITHIN_S, reason=repr(failed), advice=advice)
    await _cancelled(leaving)


async def _cancelled(*tasks: asyncio.Task[Any]) -> None:
    """What has not ended is told to, and waited for; what ended badly has said so before."""
    for task in tasks:
        task.cancel()
    await asyncio.wait({asyncio.gather(*tasks, return_exceptions=True)}, timeout=LEAVES_WITHIN_S)
