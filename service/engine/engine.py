"""The heart of a shell: one thread that drives the owners it holds, keeps the log's time and answers questions about their states.

A log that fails ends all owners, and they are restored from their snapshots after a pause that grows. Ticks are appended each second,
and at the next mark where something is unsaid; each second a policy that was published meanwhile is taken up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias, TypeVar

import structlog

from service.engine.asked import Heard, Questions, States, refused
from service.engine.background import Background
from service.engine.owners import Holding, Lag, Owners
from service.engine.retention import Kept, trim
from service.engine.runner import OwnerError
from service.facts import MARK_MS, PolicySet
from service.log.ports import Log, LogError, Snapshots

SECOND_MS: Final = 1_000
IDLE_S: Final = 0.02
RESTART_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
TRIM_EVERY_MS: Final = 600_000
T = TypeVar("T")


class Ports(NamedTuple):
    """Where an engine reads and writes."""

    log: Log
    snapshots: Snapshots


Opens: TypeAlias = Callable[[], AbstractAsyncContextManager[Ports]]


@dataclass
class Engine:
    """From the engine's thread `decided` is called when the outbox or the journal has grown, `adopted` at a newer policy, `stuck` when a person must look.

    `others_go_on`: a stop saves at once and leaves what is not folded yet to others, instead of folding all there is.
    """

    opens: Opens
    partitions: int
    clock: Callable[[], int]
    nonce: Callable[[], int]
    policy: PolicySet
    wanted: Holding = field(default_factory=Holding)
    journals: int = 1
    decided: Callable[[], None] = lambda: None
    adopted: Callable[[PolicySet], None] = lambda _: None
    stuck: Callable[[str], None] = lambda _: None
    others_go_on: bool = False
    kept: Kept = field(default_factory=Kept)
    heard: Heard = field(default_factory=Heard)
    _owners: Owners | None = None
    _saves: deque[Future[None]] = field(default_factory=deque)
    _questions: Questions = field(default_factory=Questions)
    _wake: Callable[[], object] = lambda: None
    _second: int = 0
    _ticked: dict[int, int] = field(default_factory=dict)
    _trimmed_ms: int = 0
    _wanted_ms: int = 0

    def __post_init__(self) -> None:
        self.thread = Background("engine", lambda: asyncio.run(self._live()))

    @classmethod
    def of_all(cls, ports: Ports, partitions: int, clock: Callable[[], int], nonce: Callable[[], int], policy: PolicySet) -> Engine:
        """One that holds every partition, on logs that are open already."""
        return cls(lambda: nullcontext(ports), partitions, clock, nonce, policy, Holding(frozenset(range(partitions)), frozenset((0,))))

    def nudge(self) -> None:
        """There is something to read. Any thread may say so."""
        self._wake()

    def hold(self, wanted: Holding) -> None:
        """From the next round on these partitions are owned here, and no others. Any thread may say so."""
        self._wanted_ms = self.clock()
        self.wanted = wanted
        self._wake()

    def ask(self, question: Callable[[States], T]) -> Future[T]:
        """Answers from the states themselves, between two rounds, in the engine's thread; with a LogError while it has failed."""
        if self.heard.restarts and not self.heard.ready:
            return refused(f"the engine has failed and begins again soon: {self.heard.failure}")
        answer = self._questions.ask(question)
        self._wake()
        return answer

    def save_soon(self) -> Future[None]:
        """A snapshot of all that is held, after the round that is under way."""
        done: Future[None] = Future()
        self._saves.append(done)
        self._wake()
        return done

    async def lag(self) -> Lag:
        """How far the folds are behind. Where the log never waits any thread may ask, also while the engine's own stands still or has failed."""
        return await self._owners.lag() if self._owners is not None else Lag()

    async def _live(self) -> None:
        log, news = structlog.get_logger("engine"), asyncio.Event()
        loop = asyncio.get_running_loop()
        self._wake = lambda: loop.call_soon_threadsafe(news.set)
        while not self.thread.stopping:
            try:
                async with self.opens() as ports:
                    await self.restore(ports, self.clock())
                    await self._rounds(news)
            except LogError as failed:
                self._pause(str(failed), log)
            except OwnerError as failed:
                self.stuck(str(failed))
                self._pause(str(failed), log)
            except Exception as fault:  # a fault of ours: nothing is skipped, readyz stays red until it is mended
                log.exception("engine_fault")
                self._pause(f"fault: {fault!r}", log)
        self._wake = lambda: None
        self._questions.refuse("the engine has stopped")

    def _pause(self, reason: str, log: structlog.stdlib.BoundLogger) -> None:
        """All owners have ended; after a while they are restored."""
        self.heard.ready, self.heard.failure = False, reason
        pause_s = RESTART_S[min(self.heard.restarts, len(RESTART_S) - 1)]
        self.heard.restarts += 1
        log.warning("engine_restarts", reason=reason, pause_s=pause_s, restarts=self.heard.restarts)
        self._questions.refuse("the engine has stopped")
        self.thread.pause(pause_s)

    async def restore(self, ports: Ports, now_ms: int) -> None:
        """Takes over what is wanted; raises LogError, OwnerError."""
        owners = Owners(ports.log, ports.snapshots, self.partitions, self.nonce, self.policy, self.journals)
        await owners.hold(self.wanted, now_ms)
        self._owners, self.heard.policy_version = owners, self.policy.version
        self.heard.ready, self.heard.failure = True, ""

    async def _rounds(self, news: asyncio.Event) -> None:
        while True:
            news.clear()
            now_ms = self.clock()
            moved = await self.round(now_ms)
            self._questions.answer(States({p: it.state for p, it in self.held.meters.items()}, {p: it.state for p, it in self.held.wardens.items()}))
            await self._save_asked(now_ms)
            if self.thread.stopping and (self.others_go_on or not moved):
                await self.save(now_ms)
                return
            if moved:
                await asyncio.sleep(0)  # a log's own tasks live on this loop
                continue
            self.heard.restarts = 0
            wait_s = min(MARK_MS - now_ms % MARK_MS + 1, MARK_MS) / 1000
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), min(wait_s, IDLE_S) if self.held.unsaid() else wait_s)

    @property
    def held(self) -> Owners:
        """The owners of the moment."""
        assert self._owners is not None, "restore comes first"
        return self._owners

    async def round(self, now_ms: int) -> int:
        """Changes of hands, time, meters, wardens. Returns how many rows were folded beside ticks."""
        self.heard.rounds += 1
        await self._take_over(now_ms)
        await self._tick(now_ms)
        metered, guarded = await self.held.turn(now_ms)
        if guarded:
            self.decided()
        self.heard.folded_rows += metered
        if now_ms - self._trimmed_ms >= TRIM_EVERY_MS:
            self._trimmed_ms = now_ms
            await trim(self.held.log, self.held, self.kept, now_ms)
        return metered + guarded

    async def _take_over(self, now_ms: int) -> None:
        """What others may have held until now is restored; how long that took since it was asked for is told."""
        wanted, since_ms = self.wanted, self._wanted_ms
        is_new = bool(wanted.meters - self.held.meters.keys() or wanted.wardens - self.held.wardens.keys())
        await self.held.hold(wanted, now_ms)
        if is_new:
            self.heard.recovery_ms = self.clock() - since_ms

    async def _tick(self, now_ms: int) -> None:
        second = now_ms // SECOND_MS
        if second == self._second:
            due = self._unsaid(now_ms)
        else:
            self._second = second
            newest = await self.held.look_for_policy()
            if newest is not None:
                self.policy, self.heard.policy_version = newest, newest.version
                self.adopted(newest)
            due = list(self.held.meters)
        if due:
            await self.held.tick(due)

    def _unsaid(self, now_ms: int) -> list[int]:
        """Partitions with something to say whose mark has come, each once a mark: a log whose clock is behind ours would pass it no sooner for more ticks."""
        mark = now_ms // MARK_MS
        due = [m.partition for m in self.held.unsaid() if now_ms >= m.state.next_mark_ms and self._ticked.get(m.partition) != mark]
        self._ticked.update(dict.fromkeys(due, mark))
        return due

    async def save(self, now_ms: int) -> None:
        """A snapshot of all that is owned."""
        await self.held.save(now_ms)
        self.heard.saved_ms = now_ms

    async def _save_asked(self, now_ms: int) -> None:
        while self._saves:
            done = self._saves.popleft()
            if done.set_running_or_notify_cancel():
                await self.save(now_ms)
                done.set_result(None)
