"""The embedded shell's heart: every meter and the warden, driven in turn by one thread that also keeps the log's time.

It reads, folds, appends and saves through `runner.Owner`, like any worker; a log that fails ends all owners, and they are restored
from their snapshots after a pause that grows. Ticks are appended each second, and at the next mark where something is unsaid; each
second a policy that was published meanwhile is taken up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
import structlog

from service.background import Background
from service.facts import MARK_MS, PolicySet, Tick, encode
from service.log.gathered import Gathered
from service.log.ports import CONTROLS, JOURNAL, OUTBOX, STREAM, Log, LogError, Snapshots
from service.meter.fold import Meter
from service.meter.snapshot import MeterFold
from service.runner import SAVE_EVERY_MS, Owner, OwnerError
from service.warden.snapshot import WardenFold
from service.warden.state import Warden

ROWS_AT_ONCE: Final = 4_000
SECOND_MS: Final = 1_000
IDLE_S: Final = 0.02
RESTART_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
TRIM_EVERY_MS: Final = 600_000
FIRST_SAVE_MS: Final = 1_000  # a service that is killed again and again still gets on
SAVE_APART_MS: Final = 100  # between two owners' snapshots, so that none waits for all
DAY_MS: Final = 86_400_000
T = TypeVar("T")
_TICK: Final = encode(Tick())
decode_policy: Final = msgspec.msgpack.Decoder(PolicySet).decode


@dataclass
class Heard:
    """What the shell shows of its engine: read by other threads, written by this one only."""

    ready: bool = False
    failure: str = "starting"
    restarts: int = 0
    folded_rows: int = 0
    saved_ms: int = 0
    policy_version: int = 0


class Lag(NamedTuple):
    """Rows that no owner has folded yet: the meters' of the stream, the warden's of the journal."""

    stream: int = 0
    journal: int = 0

    @property
    def rows(self) -> int:
        """Of both logs."""
        return self.stream + self.journal


@dataclass
class Engine:
    """Owns all partitions. From the engine's thread `decided` is called when the outbox or the journal has grown, `adopted` at a newer policy."""

    log: Log
    snapshots: Snapshots
    partitions: int
    clock: Callable[[], int]
    nonce: Callable[[], int]
    policy: PolicySet
    decided: Callable[[], None] = lambda: None
    adopted: Callable[[PolicySet], None] = lambda _: None
    stream_days: int = 7
    journal_days: int = 35
    heard: Heard = field(default_factory=Heard)
    _meters: list[Owner[Meter]] = field(default_factory=list)
    _warden: Owner[Warden] | None = None
    _questions: deque[tuple[Callable[[Warden, list[Meter]], Any], Future[Any]]] = field(default_factory=deque)
    _second: int = 0
    _controls_read: int = 0
    _trimmed_ms: int = 0

    def __post_init__(self) -> None:
        self.thread = Background("engine", lambda: asyncio.run(self._live()))

    def ask(self, question: Callable[[Warden, list[Meter]], T]) -> Future[T]:
        """Answers from the state itself, between two steps, in the engine's thread; with a LogError while it has failed."""
        answer: Future[T] = Future()
        if self.heard.restarts and not self.heard.ready:
            answer.set_exception(LogError(f"the engine has failed and begins again soon: {self.heard.failure}"))
        else:
            self._questions.append((question, answer))
            self.thread.nudge()
        return answer

    async def lag(self) -> Lag:
        """How far the folds are behind the logs. Any thread may ask, also while the engine's own stands still in a fold or has failed."""
        stream = [(await self.log.span(STREAM, meter.partition))[1] - meter.offset for meter in self._meters]
        journal = [(await self.log.span(JOURNAL, owner.partition))[1] - owner.offset for owner in (self._warden,) if owner is not None]
        return Lag(sum(stream), sum(journal))

    async def _live(self) -> None:
        log = structlog.get_logger("engine")
        while not self.thread.stopping:
            try:
                await self._restore()
                self.heard.ready, self.heard.failure = True, ""
                await self._turns()
            except (LogError, OwnerError) as failed:
                self._pause(str(failed), log)
            except Exception as fault:  # a fault of ours: nothing is skipped, readyz stays red until it is mended
                log.exception("engine_fault")
                self._pause(f"fault: {fault!r}", log)
        self._refuse()

    def _pause(self, reason: str, log: structlog.stdlib.BoundLogger) -> None:
        """All owners have ended; after a while they are restored."""
        self.heard.ready, self.heard.failure = False, reason
        pause_s = RESTART_S[min(self.heard.restarts, len(RESTART_S) - 1)]
        self.heard.restarts += 1
        log.warning("engine_restarts", reason=reason, pause_s=pause_s, restarts=self.heard.restarts)
        self._refuse()
        self.thread.pause(pause_s)

    async def _restore(self) -> None:
        due_ms = self.clock() - SAVE_EVERY_MS + FIRST_SAVE_MS
        gathered = Gathered(self.log, self.snapshots)
        self._gathered = gathered
        self._warden = await Owner.restore(WardenFold(self.partitions), 0, gathered, gathered, nonce=self.nonce(), now_ms=due_ms)
        self._meters = [
            await Owner.restore(MeterFold(), p, gathered, gathered, nonce=self.nonce(), now_ms=due_ms + SAVE_APART_MS * (p + 1) % SAVE_EVERY_MS)
            for p in range(self.partitions)
        ]
        await self._adopt(self.policy)

    async def _adopt(self, policy: PolicySet) -> None:
        """Copies a policy into every owner's own source, where the folds take it up."""
        for owner in self._owners():
            await owner.adopt(policy)
        await self._gathered.flush()
        self.policy, self.heard.policy_version = policy, policy.version

    def _owners(self) -> list[Owner[Any]]:
        assert self._warden is not None
        return [*self._meters, self._warden]

    async def _look_for_policy(self) -> None:
        """Whoever publishes appends to the controls log, also from another process; an owner that fails here begins anew with the old one."""
        first, end = await self.log.span(CONTROLS, 0)
        if end == self._controls_read:
            return
        rows = await self.log.read(CONTROLS, 0, end - 1, 1) if end > first else []
        newest = decode_policy(rows[0].value) if rows else None
        if newest is not None and newest.version > self.policy.version:
            await self._adopt(newest)
            self.adopted(newest)
            structlog.get_logger("engine").info("policy_adopted", version=newest.version, digest=newest.digest)
        self._controls_read = end

    async def _turns(self) -> None:
        while True:
            now_ms = self.clock()
            moved = await self._turn(now_ms)
            self._answer()
            if self.thread.stopping and not moved:
                await self._save(now_ms)
                return
            if not moved:
                self.heard.restarts = 0
                wait_ms = min(MARK_MS - now_ms % MARK_MS + 1, MARK_MS)
                self.thread.rest(min(wait_ms / 1000, IDLE_S) if self._unsaid() else wait_ms / 1000)

    async def _turn(self, now_ms: int) -> int:
        """One round: time, meters, warden. Returns how many rows were folded beside ticks."""
        assert self._warden is not None
        await self._tick(now_ms)
        moved = 0
        for meter in self._meters:
            moved += await meter.step(ROWS_AT_ONCE, now_ms)
        await self._gathered.flush()
        heard = await self._warden.step(ROWS_AT_ONCE, now_ms)
        await self._gathered.flush()
        if heard:
            self.decided()
        self.heard.folded_rows += moved
        if now_ms - self._trimmed_ms >= TRIM_EVERY_MS:
            self._trimmed_ms = now_ms
            await self._trim(now_ms)
        return moved + heard

    async def _tick(self, now_ms: int) -> None:
        second = now_ms // SECOND_MS
        if second != self._second:
            self._second = second
            await self._look_for_policy()
            due = list(range(self.partitions))
        else:
            due = [m.partition for m in self._meters if _unsaid(m.state) and now_ms >= m.state.next_mark_ms]
        if due:
            await self.log.append_many(STREAM, {p: [_TICK] for p in due})

    def _unsaid(self) -> bool:
        return any(_unsaid(meter.state) for meter in self._meters)

    async def _save(self, now_ms: int) -> None:
        for owner in self._owners():
            await owner.save(now_ms)
        self.heard.saved_ms = now_ms

    async def _trim(self, now_ms: int) -> None:
        """Retention: never what a restored owner would have to read again."""
        for owner in self._owners():
            topic, days = owner.fold.source, self.stream_days if owner.fold.source == STREAM else self.journal_days
            before = await self._older(topic, owner.partition, now_ms - days * DAY_MS, owner.offset)
            if before:
                await owner.save(now_ms)
                await self.log.trim(topic, owner.partition, before)
        before = await self._older(OUTBOX, 0, now_ms - self.journal_days * DAY_MS, 1 << 62)
        if before:
            await self.log.trim(OUTBOX, 0, before)

    async def _older(self, topic: str, partition: int, before_ms: int, at_most: int) -> int:
        """The first offset that is young enough to stay, 0 where nothing is old; a search by halves, since arrival never goes back."""
        low, high = await self.log.span(topic, partition)
        first, high = low, min(high, at_most)
        while low < high:
            middle = (low + high) // 2
            rows = await self.log.read(topic, partition, middle, 1)
            if rows and rows[0].arrival_ms < before_ms:
                low = middle + 1
            else:
                high = middle
        return low if low > first else 0

    def _answer(self) -> None:
        assert self._warden is not None
        while self._questions:
            question, answer = self._questions.popleft()
            if not answer.set_running_or_notify_cancel():  # whoever asked waits no more
                continue
            try:
                answer.set_result(question(self._warden.state, [meter.state for meter in self._meters]))
            except Exception as wrong:  # noqa: BLE001 -- it is raised again where it was asked
                answer.set_exception(wrong)

    def _refuse(self) -> None:
        while self._questions:
            answer = self._questions.popleft()[1]
            if answer.set_running_or_notify_cancel():
                answer.set_exception(LogError("the engine has stopped"))


def _unsaid(meter: Meter) -> bool:
    return bool(meter.minute.dirty or meter.minute.dirty_members or meter.pending or meter.runs.watched)
