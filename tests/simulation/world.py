"""Processes that take turns at every call of a port, die, oversleep and come back, over one log and one store of snapshots.

There is no event loop: `World` sends each process its next turn, so that a seed decides everything. Time is the story's: it goes
on in leaps, the story's rows are placed with their own arrivals, and what owners append arrives now.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar, cast

from service.engine.runner import SAVE_EVERY_MS, Fold, Owner
from service.facts import Tick, encode
from service.log.memory import MemoryLog, MemorySnapshots
from service.log.ports import JOURNAL, OUTBOX, STREAM, LogError, Row
from tests.simulation.case import Case, Story
from tests.simulation.ports import Crash, Ports

TURNS_MAX = 100_000  # some ten times what a story takes; one whose owners die in most of their snapshots takes four
TICK = encode(Tick())

Result = TypeVar("Result")


class Process:
    """One run of an owner, from its restore to its end."""

    def __init__(self, life: Callable[[Process], Coroutine[Any, Any, None]]) -> None:
        self.owner: Owner[Any] | None = None
        self.asleep = False
        self.run = life(self)


class World:
    """`disturbed`: things go wrong, and ticks lie only where owners put them; otherwise all is well and ticks are regular."""

    def __init__(self, case: Case, story: Story, seed: int, *, disturbed: bool) -> None:
        self.case, self.story, self.disturbed = case, story, disturbed
        self.chance = random.Random(f"{case.name} {seed}")
        self.calm = not disturbed
        self.crashes = self.refusals = self.handovers = 0
        self.now_ms = story.rows[0][0] - 1
        self.log, self.kept = MemoryLog(lambda: self.now_ms), MemorySnapshots()
        self.jobs = [(case.meter, p) for p in range(case.streams)] + [(case.warden, p) for p in range(case.journals)]
        self._fed = self._asked = 0
        self._adopted: set[tuple[str, int]] = set()
        self._brought: set[bytes] = {row for _, row in story.asked}
        self._courier_at = [0] * case.journals
        self._policy = story.policy and encode(story.policy)
        self.running: list[list[Process]] = [[] for _ in self.jobs]
        for job in range(len(self.jobs)):
            self._start(job)

    # ------------------------------------------------------------ what the ports ask

    def strikes(self) -> bool:
        return not self.calm and self.chance.random() < self.case.strike_chance

    async def append(self, topic: str, partition: int, values: Sequence[bytes]) -> None:
        await self.log.append(topic, partition, values)
        if self._policy in values:
            self._adopted.add((topic, partition))

    # ------------------------------------------------------------ processes

    def _start(self, job: int) -> None:
        self.running[job].append(Process(lambda process: self._life(process, *self.jobs[job])))

    async def _life(self, process: Process, make: Callable[[], Fold[Any]], partition: int) -> None:
        ports, fold, shell_ms = Ports(self), make(), 0
        process.owner = owner = await Owner.restore(fold, partition, ports, ports, nonce=self.chance.getrandbits(64), now_ms=shell_ms)
        if self.story.policy:
            await owner.adopt(self.story.policy)
        while True:
            shell_ms += SAVE_EVERY_MS if self.disturbed and self.chance.random() < 0.25 else 0
            await owner.step(self.chance.choice([1, 3, 17, 60]), shell_ms)
            if not self.calm and self.chance.random() < 0.05:
                await owner.tick()

    def _turn(self, job: int) -> None:
        """One process of this partition goes on to its next call; before that, fate may hand the partition over."""
        mine = self.running[job]
        if not self.calm and self.chance.random() < 0.005:
            mine[-1].asleep = self.chance.random() < 0.5
            self.handovers += 1
            self._start(job)
        if len(mine) > 1 and self.chance.random() < 0.02:
            mine[0].asleep = not mine[0].asleep
        if len(mine) > 1 and self.chance.random() < 0.01:
            mine.pop(0).run.close()  # it learns at last that it is owner no more
        process = self.chance.choice([each for each in mine if not each.asleep] or mine)
        try:
            process.run.send(None)
        except (Crash, LogError):
            mine.remove(process)
            if not mine or mine[-1].asleep:
                self._start(job)

    # ------------------------------------------------------------ the story

    def _feed(self, leap_ms: int) -> None:
        """Time goes on, and whatever the story says for it arrives."""
        until = min(self.now_ms + leap_ms, self.story.end_ms)
        if self.story.policy and self.now_ms < self.story.effective_ms and len(self._adopted) < len(self.jobs):
            until = min(until, self.story.effective_ms - 1)
        due = []
        while self._fed < len(self.story.rows) and self.story.rows[self._fed][0] <= until:
            due.append(self.story.rows[self._fed])
            self._fed += 1
        due += [(at, p, TICK) for at in self._ticks(until) for p in range(self.case.streams)]
        for arrival_ms, partition, value in sorted(due, key=lambda row: row[0]):
            self.log.place(STREAM, partition, Row(_now(self.log.span(STREAM, partition))[1], arrival_ms, value))
        self.now_ms = until
        while self._asked < len(self.story.asked) and self.story.asked[self._asked][0] <= until:
            for journal in range(self.case.journals):
                _now(self.log.append(JOURNAL, journal, [self.story.asked[self._asked][1]]))
            self._asked += 1

    def _deliver(self, journal: int) -> None:
        """A courier takes up some rows of the outbox and brings back the answers; one that died begins where it was known to be."""
        at = self._courier_at[journal]
        rows = _now(self.log.read(OUTBOX, journal, at, 10))
        answers = [answer for row in rows for answer in self.case.answers(row.value)]
        self._brought.update(answers)
        _now(self.log.append(JOURNAL, journal, answers))
        if self.calm or self.chance.random() < 0.7:
            self._courier_at[journal] = at + len(rows)

    def _ticks(self, until: int) -> list[int]:
        """Regular where all is well; in a disturbed world only behind the last record, so that everything is said in the end."""
        since = max(self.now_ms, self.story.rows[-1][0] if self.disturbed else 0)
        first = since // self.story.tick_ms + 1
        return [n * self.story.tick_ms for n in range(first, until // self.story.tick_ms + 1)]

    # ------------------------------------------------------------ from beginning to end

    def run(self) -> World:
        """Lives the story to its end; raises OwnerError or AssertionError where an owner cannot go on, which is always wrong."""
        try:
            self._live()
        finally:
            self.calm = True
            for process in [process for mine in self.running for process in mine]:
                process.run.close()
        return self

    def _live(self) -> None:
        leaps = [200, 2_000, 10_000, 60_000, 180_000] if self.disturbed else [5_000]
        for self.turns in range(TURNS_MAX):
            if self.chance.random() < (0.05 if self.disturbed else 0.2):
                self._feed(self.chance.choice(leaps))
            self._turn(self.chance.randrange(len(self.jobs)))
            if self.chance.random() < 0.05:
                self._deliver(self.chance.randrange(self.case.journals))
            if self.now_ms >= self.story.end_ms and self._at_rest():
                if self.calm:
                    return
                if self.chance.random() < 0.02:
                    self._calm_down()
        raise AssertionError(f"not at rest after {TURNS_MAX} turns")

    def _calm_down(self) -> None:
        """From here on nothing goes wrong: whoever is owner last reads what is left."""
        self.calm = True
        for mine in self.running:
            for process in mine[:-1]:
                process.run.close()
            del mine[:-1]
            mine[0].asleep = False

    def _at_rest(self) -> bool:
        delivered = all(at >= _now(self.log.span(OUTBOX, journal))[1] for journal, at in enumerate(self._courier_at))
        return delivered and all(self._has_heard_all(job) for job in range(len(self.jobs)))

    def _has_heard_all(self, job: int) -> bool:
        owner = self.running[job][-1].owner
        return owner is not None and owner.offset >= _now(self.log.span(owner.fold.source, owner.partition))[1]

    # ------------------------------------------------------------ what came of it

    def rows(self, topic: str, partition: int) -> list[Row]:
        return _now(self.log.read(topic, partition, 0, 1 << 60))

    def owners(self, kind: str) -> list[Owner[Any]]:
        found = [mine[-1].owner for mine in self.running]
        return [owner for owner in found if owner is not None and owner.fold.kind == kind]

    def outbox(self) -> list[bytes]:
        return [row.value for p in range(self.case.journals) for row in self.rows(OUTBOX, p)]

    def facts(self, journal: int) -> list[bytes]:
        """A journal partition without what its own owners, people and couriers put there."""
        others = {TICK, self._policy, *self._brought}
        return [row.value for row in self.rows(JOURNAL, journal) if row.value not in others]


def _now(call: Coroutine[Any, Any, Result]) -> Result:
    """The result of a coroutine that waits for nothing."""
    try:
        call.send(None)
    except StopIteration as done:
        return cast("Result", done.value)
    raise AssertionError("it waits for something")


def replay(fold: Fold[Any], partition: int, rows: Sequence[Row]) -> tuple[Any, list[tuple[int, bytes]]]:
    """The fold alone over all rows in one batch: what every owner together must have come to."""
    state = fold.empty(partition)
    said = fold.fold(state, [(row.offset, row.arrival_ms, fold.decode(row.value)) for row in rows])
    return state, list(said)
