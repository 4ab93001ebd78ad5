"""Records of producers' topics are passed on to the stream, each into the partition of its run; what is refused goes to the dead letters.

At least once: rows are only done with when the log has what became of them, and what is passed on twice is known to the meter as a
repeat. Each source is read apart, so one that fails, is missing or is not allowed keeps no other waiting.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

import structlog

from service.engine.background import Background
from service.facts import encode
from service.intake import FORMATS, Reason, Unknown
from service.intake.sorting import Form, sort
from service.log.ports import REFUSED, STREAM, Log, LogError, Row
from service.policy import Policy
from service.policy.telling import Source

BEAT_S: Final = 0.1
END_S: Final = 3.0
RESTART_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0)


class Reading(Protocol):
    """A topic, as far as this process is given it."""

    async def take(self) -> Mapping[int, Sequence[Row]]:
        """The next rows by partition, none after a short wait without any; raises LogError."""
        ...

    def done(self) -> None:
        """What was taken last need not be taken again."""
        ...


Reads: TypeAlias = Callable[[str], AbstractAsyncContextManager[Reading]]


@dataclass
class Passed:
    """What the shell shows of its sources: written by their thread only. `failures`: topic -> why it is not read now."""

    records: int = 0
    refused: Counter[Reason] = field(default_factory=Counter)
    unknown: Unknown = field(default_factory=Unknown)
    failures: dict[str, str] = field(default_factory=dict)


@dataclass
class Republisher:
    """`own`: the topic whose records are in our own form and have ids; `reads` opens a topic by its name, on this thread's loop.

    `appended` is called in this thread when the stream has grown.
    """

    own: str
    reads: Reads
    log: Log
    partitions: int
    appended: Callable[[], object] = lambda: None
    passed: Passed = field(default_factory=Passed)
    _beats: int = 0
    _sources: frozenset[Source] = frozenset()

    def __post_init__(self) -> None:
        self.thread = Background("intake", lambda: asyncio.run(self._live()))

    @property
    def beat(self) -> object:
        """Changes while the thread lives as it should; whoever was asked to end stands still in order."""
        return object() if self.thread.stopping else self._beats

    def adopt(self, policy: Policy) -> None:
        """From now on the sources of this policy are read, and no others. Any thread may say so."""
        self._sources = frozenset((Source(topic=self.own), *policy.sources))

    async def _live(self) -> None:
        """Until it is to stop; then each source ends behind what it has under way, or is cut off in it and will read that again.

        Nothing here waits without end, so it is enough that the beat says whether the loop still turns.
        """
        following: dict[Source, asyncio.Task[None]] = {}
        while not self.thread.stopping:
            self._beats += 1
            following = {source: task for source, task in following.items() if not task.done()}
            for source in self._sources - following.keys():
                following[source] = asyncio.create_task(self._follow(source))
            await asyncio.sleep(BEAT_S)
        for task in following.values():
            asyncio.get_running_loop().call_later(END_S, task.cancel)
        await asyncio.gather(*following.values(), return_exceptions=True)

    def _is_wanted(self, source: Source) -> bool:
        return source in self._sources and not self.thread.stopping

    async def _follow(self, source: Source) -> None:
        """For as long as it is wanted; after a failure it begins again from where it was done."""
        restarts = 0
        while self._is_wanted(source):
            try:
                form = self._form(source)
                async with self.reads(source.topic) as reading:
                    while self._is_wanted(source):
                        await self._pass_on(reading, form)
                        restarts = 0
                        self.passed.failures.pop(source.topic, None)
            except Exception as failed:  # noqa: BLE001 -- whatever it was, nothing may be skipped
                await self._pause(source, failed, RESTART_S[min(restarts, len(RESTART_S) - 1)])
                restarts += 1
        self.passed.failures.pop(source.topic, None)

    def _form(self, source: Source) -> Form:
        parse = FORMATS.get(source.format)
        if parse is None:
            raise LogError(f"no format is called {source.format}; formats are {', '.join(FORMATS)}")
        if source.topic == self.own and source != Source(topic=self.own):
            raise LogError(f"{self.own} holds records in our own form; let another topic be the policy's source")
        return Form(source.topic, parse, gives_ids=source.topic != self.own)

    async def _pass_on(self, reading: Reading, form: Form) -> None:
        """One turn; the rows are done with when all of them are durable somewhere else."""
        taken = await reading.take()
        if not taken:
            return
        batches, refused = sort(taken, form, self.partitions, self.passed.unknown)
        if refused:
            await self.log.append(REFUSED, 0, [encode(refusal) for refusal in refused])
        if batches:
            await self.log.append_many(STREAM, batches)
            self.appended()
        reading.done()
        self.passed.records += sum(map(len, batches.values()))
        self.passed.refused.update(refusal.reason for refusal in refused)

    async def _pause(self, source: Source, failed: Exception, pause_s: float) -> None:
        """Said once for each reason."""
        reason = str(failed) or repr(failed)
        if self.passed.failures.get(source.topic) != reason:
            structlog.get_logger("intake").warning("source_waits", topic=source.topic, reason=reason, exc_info=not isinstance(failed, LogError))
        self.passed.failures[source.topic] = reason
        for _ in range(round(pause_s / BEAT_S)):
            if self._is_wanted(source):
                await asyncio.sleep(BEAT_S)
