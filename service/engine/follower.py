"""What the wardens of other processes know, in this one: their folds, restored from their snapshots and folding the journal on in silence.

Nothing is appended and nothing saved here. The fold is pure, so what is answered is what the wardens would answer, as far as the journal
has come; and each envelope says how far its meter has come with the stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, TypeVar

import structlog

from service.engine.asked import Heard, Questions, States, refused
from service.engine.background import Background
from service.engine.owners import Lag
from service.engine.published import newest_policy
from service.engine.runner import OwnerError, decoded, restored
from service.facts import Envelope, PolicySet
from service.log.ports import JOURNAL, STREAM, Log, LogError, Snapshots
from service.warden.snapshot import WardenFold
from service.warden.state import Warden

ROWS_AT_ONCE: Final = 2_000
TAIL_ROWS: Final = 2_000  # of what a snapshot already knows, read again for how far the meters have come: it does not remember that
LOOK_AGAIN_S: Final = 0.1
POLICY_EVERY_ROUNDS: Final = 10
RESTART_S: Final = (0.5, 1.0, 2.0, 5.0)
CATCHING_UP: Final = "catching up with the journal"
T = TypeVar("T")


@dataclass
class _Following:
    """One journal partition; `reached` is the end that it had when the following began."""

    partition: int
    warden: Warden
    offset: int
    reached: int


@dataclass
class Follower:
    """Of all `journals`, in a thread with a loop of its own. From it `decided` is called when the journal has grown, `adopted` at a newer policy.

    `snapshots` are opened each time it begins and forgotten when the wardens are restored, since they hold all of them as bytes.
    """

    log: Log
    snapshots: Callable[[], Snapshots]
    partitions: int
    journals: int = 1
    policy_version: int = 0
    decided: Callable[[], object] = lambda: None
    adopted: Callable[[PolicySet], object] = lambda _: None
    heard: Heard = field(default_factory=Heard)
    _following: list[_Following] = field(default_factory=list)
    _metered: dict[int, int] = field(default_factory=dict)
    _questions: Questions = field(default_factory=Questions)
    _wake: Callable[[], object] = lambda: None

    def __post_init__(self) -> None:
        self.thread = Background("follower", lambda: asyncio.run(self._live()))

    def nudge(self) -> None:
        """There may be something to read. Any thread may say so."""
        self._wake()

    def ask(self, question: Callable[[States], T]) -> Future[T]:
        """Answers between two rounds, in the follower's thread; with a LogError until it has once reached the journal's end."""
        if not self.heard.ready:
            return refused(f"the wardens' state is not known now: {self.heard.failure}")
        answer = self._questions.ask(question)
        self._wake()
        return answer

    async def lag(self) -> Lag:
        """How far the meters are behind the stream, as the journal says, and this follower behind the journal; raises LogError.

        The wardens lie beside the meters, in the same workers, and fold what is folded here: they are about as far. Of a meter that has
        not been heard the whole partition counts; before anything was read nothing does. Any loop may ask.
        """
        if not self._following:
            return Lag()
        streams = await asyncio.gather(*(self.log.span(STREAM, partition) for partition in range(self.partitions)))
        journals = await asyncio.gather(*(self.log.span(JOURNAL, each.partition) for each in self._following))
        behind = [end - max(first, self._metered.get(partition, 0)) for partition, (first, end) in enumerate(streams)]
        unheard = [end - each.offset for each, (_, end) in zip(self._following, journals, strict=True)]
        return Lag(sum(map(_above, behind)), sum(map(_above, unheard)))

    # ------------------------------------------------------------ the thread

    async def _live(self) -> None:
        log, news = structlog.get_logger("follower"), asyncio.Event()
        loop = asyncio.get_running_loop()
        self._wake = lambda: loop.call_soon_threadsafe(news.set)
        while not self.thread.stopping:
            try:
                await self._restore()
                await self._rounds(news)
            except (LogError, OwnerError) as failed:
                self._pause(str(failed), log)
            except Exception as fault:  # a fault of ours: readyz stays red until it is mended
                log.exception("follower_fault")
                self._pause(f"fault: {fault!r}", log)
        self._wake = lambda: None
        self._refuse("the follower has stopped")

    def _pause(self, reason: str, log: structlog.stdlib.BoundLogger) -> None:
        self._refuse(reason)
        pause_s = RESTART_S[min(self.heard.restarts, len(RESTART_S) - 1)]
        self.heard.restarts += 1
        log.warning("follower_restarts", reason=reason, pause_s=pause_s, restarts=self.heard.restarts)
        self.thread.pause(pause_s)

    def _refuse(self, reason: str) -> None:
        self.heard.ready, self.heard.failure = False, reason
        self._questions.refuse(reason)

    async def _restore(self) -> None:
        """From the newest snapshot of each warden; raises LogError, OwnerError."""
        fold, snapshots = WardenFold(self.partitions), self.snapshots()
        following: list[_Following] = []
        for partition in range(self.journals):
            found = await restored(fold, partition, self.log, snapshots)
            first, end = await self.log.span(JOURNAL, partition)
            await self._look_back(fold, partition, max(first, found.offset - TAIL_ROWS), found.offset)
            following.append(_Following(partition, found.state, found.offset, end))
        self._following = following
        self.heard.failure = CATCHING_UP

    async def _look_back(self, fold: WardenFold, partition: int, offset: int, end: int) -> None:
        while offset < end:
            rows = await self.log.read(JOURNAL, partition, offset, end - offset)
            self._hear_meters(decoded(fold, partition, rows))
            offset = rows[-1].offset + 1 if rows else end

    async def _rounds(self, news: asyncio.Event) -> None:
        fold = WardenFold(self.partitions)
        while not self.thread.stopping:
            news.clear()
            if self.heard.rounds % POLICY_EVERY_ROUNDS == 0:
                await self._look_for_policy()
            self.heard.rounds += 1
            moved = sum([await self._step(fold, each) for each in self._following])
            if all(each.offset >= each.reached for each in self._following):
                self.heard.ready, self.heard.failure, self.heard.restarts = True, "", 0
                self._questions.answer(States({}, {each.partition: each.warden for each in self._following}))
            if moved:
                self.decided()
                await asyncio.sleep(0)
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), LOOK_AGAIN_S)

    async def _step(self, fold: WardenFold, it: _Following) -> int:
        rows = await self.log.read(JOURNAL, it.partition, it.offset, ROWS_AT_ONCE)
        if rows:
            items = list(decoded(fold, it.partition, rows))
            fold.fold(it.warden, items)
            self._hear_meters(items)
            it.offset = rows[-1].offset + 1
            self.heard.folded_rows += len(rows)
        return len(rows)

    def _hear_meters(self, items: Iterable[tuple[int, int, object]]) -> None:
        """A meter that was restored says again what is known."""
        for _, _, row in items:
            if isinstance(row, Envelope):
                self._metered[row.partition] = max(self._metered.get(row.partition, 0), row.offset)

    async def _look_for_policy(self) -> None:
        newest = await newest_policy(self.log)
        if newest is not None and newest.version > self.policy_version:
            self.policy_version = self.heard.policy_version = newest.version
            self.adopted(newest)


def _above(rows: int) -> int:
    """Two logs are not looked at in one moment."""
    return max(0, rows)
