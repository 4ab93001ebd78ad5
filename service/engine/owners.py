"""The owners that one process holds, of both folds, and one round of work over them.

Which partitions they are may change while it works: a shell asks for a `Holding`, and the next round lets go of what is not in it and
restores what is new; what stays goes on from memory. Everything said in a round is written before it ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec
import structlog

from service.engine.published import newest_policy
from service.engine.runner import SAVE_EVERY_MS, Fold, Owner
from service.facts import PolicySet, Tick, encode
from service.log.gathered import Gathered
from service.log.ports import CONTROLS, JOURNAL, STREAM, Log, Snapshots
from service.meter.fold import Meter
from service.meter.snapshot import MeterFold
from service.warden.snapshot import WardenFold
from service.warden.state import Warden

ROWS_AT_ONCE: Final = 4_000
FIRST_SAVE_MS: Final = 1_000  # a service that is killed again and again still gets on
RESTORED_AT_ONCE: Final = 4  # partitions whose parts are read at the same time
SAVE_APART_MS: Final = 100  # between two owners' snapshots, so that none waits for all
_TICK: Final = encode(Tick())


class Holding(NamedTuple):
    """The partitions of the stream that are metered here, and those of the journal that are guarded here."""

    meters: frozenset[int] = frozenset()
    wardens: frozenset[int] = frozenset()


class Lag(NamedTuple):
    """Rows that no owner has folded yet: the meters' of the stream, the wardens' of the journal."""

    stream: int = 0
    journal: int = 0

    @property
    def rows(self) -> int:
        """Of both logs."""
        return self.stream + self.journal


@dataclass
class Owners:
    """Begun with nothing. Whatever raises LogError or OwnerError ends them all: they are thrown away, and others begin from the snapshots."""

    log: Log
    snapshots: Snapshots
    partitions: int
    nonce: Callable[[], int]
    policy: PolicySet
    journals: int = 1
    meters: dict[int, Owner[Meter]] = field(default_factory=dict)
    wardens: dict[int, Owner[Warden]] = field(default_factory=dict)
    _controls_read: int = 0

    def __post_init__(self) -> None:
        self._gathered = Gathered(self.log, self.snapshots)

    def all(self) -> list[Owner[Any]]:
        """Meters and wardens."""
        return [*self.meters.values(), *self.wardens.values()]

    async def hold(self, wanted: Holding, now_ms: int) -> None:
        """Lets go of what is not wanted and takes over what is new; raises LogError and OwnerError as `Owner.restore` does."""
        for owned, partitions in ((self.meters, wanted.meters), (self.wardens, wanted.wardens)):
            for partition in owned.keys() - partitions:
                del owned[partition]
        new: list[tuple[Fold[Any], int, int]] = [
            *((WardenFold(self.partitions), p, now_ms) for p in sorted(wanted.wardens - self.wardens.keys())),
            *((MeterFold(self.journals), p, now_ms + SAVE_APART_MS * (p + 1) % SAVE_EVERY_MS) for p in sorted(wanted.meters - self.meters.keys())),
        ]
        for owner in await self._restored(new):
            (self.wardens if isinstance(owner.fold, WardenFold) else self.meters)[owner.partition] = owner
            await owner.adopt(self.policy)
        await self._gathered.flush()

    async def _restored(self, new: Iterable[tuple[Fold[Any], int, int]]) -> list[Owner[Any]]:
        """The owners, in their order; some at once, so that one is made of its parts while those of the next are read. Nothing is written."""
        some = asyncio.Semaphore(RESTORED_AT_ONCE)

        async def restored(fold: Fold[Any], partition: int, saved_ms: int) -> Owner[Any]:
            async with some:
                due_ms = saved_ms - SAVE_EVERY_MS + FIRST_SAVE_MS
                return await Owner.restore(fold, partition, self._gathered, self._gathered, nonce=self.nonce(), now_ms=due_ms)

        tasks = [asyncio.ensure_future(restored(*each)) for each in new]
        try:
            return await asyncio.gather(*tasks)
        finally:  # where one has failed the others are not waited for
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def turn(self, now_ms: int) -> tuple[int, int]:
        """One round: meters, then wardens. Returns how many rows each folded."""
        metered = 0
        for meter in self.meters.values():
            metered += await meter.step(ROWS_AT_ONCE, now_ms)
        await self._gathered.flush()
        guarded = 0
        for warden in self.wardens.values():
            guarded += await warden.step(ROWS_AT_ONCE, now_ms)
        await self._gathered.flush()
        return metered, guarded

    async def tick(self, partitions: Iterable[int]) -> None:
        """Time has passed for these partitions of the stream."""
        await self.log.append_many(STREAM, {p: [_TICK] for p in partitions})

    def unsaid(self) -> list[Owner[Meter]]:
        """Meters that will say something at their next mark."""
        return [meter for meter in self.meters.values() if _unsaid(meter.state)]

    async def look_for_policy(self) -> PolicySet | None:
        """Whoever publishes appends to the controls log, also from another process; a newer policy is copied into every owner's own source.

        Two that were published at once have one version: the later of them is published again, or some partitions would keep the other.
        """
        _, end = await self.log.span(CONTROLS, 0)
        if end == self._controls_read:
            return None
        newest = await newest_policy(self.log)
        self._controls_read = end
        if newest is None or newest.version < self.policy.version:
            return None
        if newest.version == self.policy.version and newest.digest == self.policy.digest:
            return None
        if newest.version == self.policy.version:
            await self.log.append(CONTROLS, 0, [encode(msgspec.structs.replace(newest, version=newest.version + 1))])
            return None
        self.policy = newest
        for owner in self.all():
            await owner.adopt(newest)
        await self._gathered.flush()
        structlog.get_logger("engine").info("policy_adopted", version=newest.version, digest=newest.digest)
        return newest

    async def save(self, now_ms: int) -> None:
        """A snapshot of each."""
        for owner in self.all():
            await owner.save(now_ms)

    async def lag(self) -> Lag:
        """How far the folds are behind the logs; they may change hands while another thread asks."""
        stream = [(await self.log.span(STREAM, meter.partition))[1] - meter.offset for meter in list(self.meters.values())]
        journal = [(await self.log.span(JOURNAL, warden.partition))[1] - warden.offset for warden in list(self.wardens.values())]
        return Lag(sum(stream), sum(journal))


def _unsaid(meter: Meter) -> bool:
    return bool(meter.minute.dirty or meter.minute.dirty_members or meter.pending or meter.runs.watched)
