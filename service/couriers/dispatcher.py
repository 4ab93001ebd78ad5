"""From the outbox to the receivers: every decision that must be told or ordered gets there at least once, and ends in a receipt.

Law of this file: first remember, then send, then put the receipt into the journal, then remember the end. A crash at any point
means sending again under the same id, never losing. Directly before each try an order is looked at again: what has expired, or is
overtaken by a newer one of its scope, is not sent any more; nor is anything by a courier whose memory is another's by now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from service.couriers.addressing import Addressing
from service.couriers.deliveries import Deliveries, Sequences
from service.couriers.edits import EDIT_AFTER_MS, Edits
from service.couriers.hearing import Tell, hear, is_ending
from service.couriers.lane import WAITING_MAX, Lane
from service.couriers.pacing import LaneName
from service.couriers.parcel import Parcel
from service.couriers.port import Acts, Courier, Delivered, GaveUp, Hears, Merges, Outcome, Receiver, RetryLater
from service.couriers.unmade import Unmade
from service.facts import HOUR_MS, Decision, Incident, Notice, Order, Receipt, decode_outbox
from service.log.ports import OUTBOX, Log, LogError

ROWS_AT_ONCE: Final = 256
LOOK_AGAIN_S: Final = 0.05
FORGET_EVERY_MS: Final = HOUR_MS
WORKERS: Final[Mapping[LaneName, int]] = {"orders": 4, "notices": 1}
_LANES: Final[Mapping[str, tuple[LaneName, ...]]] = {"orders": ("orders",), "notices": ("notices",), "all": ("orders", "notices")}


class Dispatcher:
    """All lanes of all receivers. `restore` once, then `follow` each outbox partition and `run`, side by side; `close` in the end.

    `record` appends a receipt to the journal, or what people did at a receiver; `clock` is Unix milliseconds; `sleep` waits seconds; `draw` gives 0..1 for the jitter.
    What `record` or the memory raises ends `follow` and `run`: the shell stops, and another goes on from what is remembered. So may the
    shell itself at any moment, to go on with other receivers.
    """

    def __init__(
        self,
        receivers: Sequence[Receiver],
        couriers: Mapping[str, Courier],
        deliveries: Deliveries,
        record: Tell,
        *,
        clock: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]],
        draw: Callable[[], float],
        waiting_max: int = WAITING_MAX,
    ) -> None:
        self._couriers, self._deliveries, self._record = couriers, deliveries, record
        self._clock, self._sleep, self._draw = clock, sleep, draw
        self._lanes = {(receiver.name, name): Lane(receiver.name, name, waiting_max) for receiver in receivers for name in _LANES[receiver.takes]}
        self._addressing = Addressing(receivers)
        self._edits = {name: Edits() for name, lane in self._lanes if lane == "notices" and couriers[name].follows}
        self._news = {key: asyncio.Event() for key in self._lanes}
        self._outbox_news = asyncio.Event()
        self._forgot_ms = 0

    async def restore(self) -> None:
        """Takes up every delivery that had not ended; those whose receiver is gone end here."""
        self._addressing.newest = await self._deliveries.sequences()
        for parcel in await self._deliveries.waiting():
            await self._enter(parcel)

    async def take(self, partition: int, offset: int, decisions: Iterable[Decision]) -> None:
        """Remembers what these decisions ask to deliver, and that this outbox partition was read up to before `offset`."""
        now_ms = self._clock()
        await self._deliveries.confirm(now_ms)
        parcels: list[Parcel] = []
        newest: Sequences = {}
        for item in decisions:
            if isinstance(item, Notice):
                parcels.append(_parcel(item, item.receiver, now_ms))
            elif isinstance(item, Incident):
                self._edit(item, now_ms)
            elif isinstance(item, Order) and item.mode != "observe":
                parcels += [_parcel(item, receiver, now_ms) for receiver in self._addressing.takers(item)] or [_parcel(item, "", now_ms)]
                newest[item.tenant, item.scope] = self._addressing.note(item)
        for parcel in await self._deliveries.take(partition, offset, parcels, newest):
            await self._enter(parcel)
        await self._housekeeping(now_ms)

    async def follow(self, log: Log, partition: int = 0) -> None:
        """Takes rows of the outbox as they come, for ever; `nudge` makes it look at once."""
        known = await self._deliveries.offset(partition)
        offset = (await log.span(OUTBOX, partition))[0] if known is None else known
        while True:
            self._outbox_news.clear()
            rows = await log.read(OUTBOX, partition, offset, ROWS_AT_ONCE)
            if rows:
                offset = rows[-1].offset + 1
                await self.take(partition, offset, [decision for row in rows for decision in decode_outbox(row.value).decisions])
            else:
                await self._idle(self._outbox_news, LOOK_AGAIN_S)

    def nudge(self) -> None:
        """There may be news in the outbox."""
        self._outbox_news.set()

    async def run(self) -> None:
        """Delivers, for ever."""
        async with asyncio.TaskGroup() as group:
            for key, lane in self._lanes.items():
                for _ in range(WORKERS[lane.name]):
                    group.create_task(self._work(lane, self._news[key]))
            for courier in self._couriers.values():
                if isinstance(courier, Hears):
                    group.create_task(hear(courier, self._record, self._sleep))

    async def deliver_due(self) -> int | None:
        """Sends everything that may be sent now; how many milliseconds until there is more, None when nothing waits for time."""
        for lane in self._lanes.values():
            while await self._turn(lane):
                pass
        waits = [wait for lane in self._lanes.values() if (wait := self._wait_ms(lane)) is not None]
        return min(waits, default=None)

    def snapshot(self) -> list[dict[str, Any]]:
        """The state of each lane, for the metrics and the API."""
        now_ms = self._clock()
        return [lane.snapshot(now_ms) | self._beside(lane) for lane in self._lanes.values()]

    def _beside(self, lane: Lane) -> dict[str, int]:
        """What is counted beside a receiver's deliveries, once: with its notices."""
        courier, edits, is_one = self._couriers[lane.receiver], self._edits.get(lane.receiver), lane.name == "notices"
        return {
            "told_twice": courier.told_twice if is_one and isinstance(courier, Merges) else 0,
            "edits_dropped": edits.dropped if is_one and edits is not None else 0,
        }

    def unusable(self) -> dict[str, str]:
        """The receivers that cannot be reached as they stand in the policy, and why."""
        return {name: courier.reason for name, courier in self._couriers.items() if isinstance(courier, Unmade)}

    async def close(self) -> None:
        """Lets go of the couriers' connections."""
        await asyncio.gather(*(courier.close() for courier in self._couriers.values()), return_exceptions=True)

    async def _work(self, lane: Lane, news: asyncio.Event) -> None:
        while not is_ending():
            news.clear()
            if not await self._turn(lane):
                wait_ms = self._wait_ms(lane)
                await self._idle(news, None if wait_ms is None else wait_ms / 1000)

    async def _turn(self, lane: Lane) -> bool:
        """Looks after one parcel, or one edit where there is none; False when there was neither."""
        parcel = lane.pick(self._clock())
        if parcel is None:
            return await self._turn_edit(lane)
        await self._deliveries.confirm(self._clock())
        outdated = self._addressing.outdated(parcel, self._clock())
        if outdated and isinstance(left := await self._let_go(parcel), RetryLater):
            await self._settle(lane, parcel, left)
        elif outdated:
            lane.counts.expired += 1
            await self._end(parcel, "expired" if parcel.lane == "orders" else "failed", outdated)
            lane.ended(parcel)
        else:
            if isinstance(parcel.item, Notice) and parcel.receiver in self._edits:
                self._edits[parcel.receiver].told(parcel.item.about)
            await self._settle(lane, parcel, await self._try(self._couriers[parcel.receiver].deliver(parcel.item)))
        return True

    async def _turn_edit(self, lane: Lane) -> bool:
        """Brings one message up to date, while the receiver is not spared; whatever became of it, nobody is told."""
        edits, now_ms = self._edits.get(lane.receiver), self._clock()
        step = edits.pick(now_ms) if edits is not None and lane.name == "notices" and lane.spared_ms(now_ms) == 0 else None
        if edits is None or step is None:
            return False
        await self._deliveries.confirm(now_ms)
        outcome = await self._try(self._couriers[lane.receiver].deliver(step))
        lane.learn(outcome, self._clock())
        if isinstance(outcome, RetryLater):
            edits.again(step, self._clock() + EDIT_AFTER_MS)
        return True

    def _wait_ms(self, lane: Lane) -> int | None:
        """How long until a lane has a parcel or an edit to send; None while neither can be without an event."""
        now_ms = self._clock()
        edits = self._edits.get(lane.receiver) if lane.name == "notices" else None
        edit_ms, spared_ms = edits.wait_ms(now_ms) if edits is not None else None, lane.spared_ms(now_ms)
        waits = [lane.wait_ms(now_ms), None if edit_ms is None or spared_ms is None else max(edit_ms, spared_ms)]
        return min((wait for wait in waits if wait is not None), default=None)

    def _edit(self, step: Incident, now_ms: int) -> None:
        for receiver, edits in self._edits.items():
            edits.add(step, now_ms)
            self._news[receiver, "notices"].set()

    async def _let_go(self, parcel: Parcel) -> Outcome:
        """What an order may have done although its answer never came is undone."""
        courier, item = self._couriers[parcel.receiver], parcel.item
        if isinstance(item, Order) and isinstance(courier, Acts) and self._addressing.lapsed(item, self._clock()):
            return await self._try(courier.let_go(item))
        return Delivered()

    async def _try(self, attempt: Awaitable[Outcome]) -> Outcome:
        try:
            return await attempt
        except LogError:
            raise  # the courier's memory is another's by now
        except Exception as fault:  # noqa: BLE001 -- a courier's own fault must not stop the other lanes; its text may hold anything, so only its type is told
            return RetryLater(None, f"fault in the courier ({type(fault).__name__})")

    async def _settle(self, lane: Lane, parcel: Parcel, outcome: Outcome) -> None:
        now_ms = self._clock()
        lane.learn(outcome, now_ms)
        match outcome:
            case RetryLater():
                lane.again(parcel, lane.delay_ms(parcel, outcome, self._draw()), now_ms)
                await self._deliveries.retried(parcel)
            case Delivered(state, reason):
                lane.counts.delivered += 1
                await self._end(parcel, state, reason)
                lane.ended(parcel)
            case GaveUp(reason):
                lane.counts.gave_up += 1
                await self._end(parcel, "failed", reason)
                lane.ended(parcel)

    async def _enter(self, parcel: Parcel) -> None:
        """Puts a parcel into its lane; without one, or when the lane is full, something ends here."""
        lane = self._lanes.get((parcel.receiver, parcel.lane))
        if lane is None:
            await self._end(parcel, "failed", f"no receiver {parcel.receiver} takes {parcel.lane}" if parcel.receiver else self._addressing.untaken())
            return
        dropped = lane.add(parcel)
        self._news[parcel.receiver, parcel.lane].set()
        if dropped is not None:
            await self._end(dropped, "failed", f"more than {lane.waiting_max:,} were waiting")

    async def _end(self, parcel: Parcel, state: str, reason: str) -> None:
        await self._record(Receipt(id=parcel.item.id, receiver=parcel.receiver, state=state, reason=reason, tenant=parcel.item.tenant))
        await self._deliveries.ended(parcel, state, self._clock())

    async def _housekeeping(self, now_ms: int) -> None:
        if now_ms - self._forgot_ms >= FORGET_EVERY_MS:
            self._forgot_ms = now_ms
            self._addressing.forget(now_ms)
            await self._deliveries.forget(now_ms)

    async def _idle(self, news: asyncio.Event, wait_s: float | None) -> None:
        """Until there is news, or so many seconds."""
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(news.wait())]
        if wait_s is not None:
            waits.append(asyncio.ensure_future(self._sleep(wait_s)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def _parcel(item: Order | Notice, receiver: str, now_ms: int) -> Parcel:
    return Parcel(receiver=receiver, item=item, place=0, taken_ms=now_ms, next_ms=now_ms)
