"""Everything that the door asks, of both shells: it appends, asks the books, and asks who folds.

The embedded shell puts its engine behind it, the one on Kafka a follower of the engines elsewhere. How a log is appended to (SQLite
blocks, so from a thread) and what makes it ready beside the canary and the books, the shell says.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final, Protocol, TypeAlias, TypeVar

import structlog

from service.api import BehindError
from service.api.ports import Applies, Check
from service.books import Books, BudgetStanding
from service.engine.asked import Heard, States, soon
from service.engine.owners import Lag
from service.facts import Control, PolicySet, Receipt, Scope, encode
from service.intake import Refusal
from service.intake.partition import journal_of, partition_of, root_of
from service.log.ports import JOURNAL, REFUSED, STREAM, LogError
from service.policy import Policy, parse_dumped
from service.policy.effective import effective
from service.records import Record
from service.shells import canary
from service.shells.bookkeeper import Bookkeeper
from service.shells.telemetry import Couriers, Telemetry
from service.warden.standing import standings

LAG_MAX: Final = 500_000  # rows of stream and journal not yet folded; beyond it the door says 429
LAG_EVERY_MS: Final = 1_000
BEHIND_S: Final = 2
FAILURE_MS: Final = 60_000  # a failed append is said in the log as often at most, and is as long a reason not to be ready
METRICS_S: Final = 2  # beyond it what is not known by then is left out: the folds' own counts where they stand still

Appends: TypeAlias = Callable[[str, Mapping[int, Sequence[bytes]]], Awaitable[None]]
T = TypeVar("T")


class Folds(Protocol):
    """Who holds the folds' states: `service.engine.engine.Engine` or `service.engine.follower.Follower`."""

    heard: Heard

    def nudge(self) -> None:
        """There is something to read. Any thread may say so."""
        ...

    def ask(self, question: Callable[[States], T]) -> Future[T]:
        """Answers between two rounds; with a LogError while nothing is known."""
        ...


@dataclass
class Front:
    """See `service.api.ports.Service`. `append` is `Log.append_many`, from the door's loop; so are `lag` and `conditions`."""

    append: Appends
    folds: Folds
    lag: Callable[[], Awaitable[Lag]]
    conditions: Callable[[], Awaitable[Sequence[Check]]]
    bookkeeper: Bookkeeper
    policy: Policy
    clock: Callable[[], int]
    nonce: Callable[[], str]
    partitions: int
    journals: int = 1
    couriers: Callable[[], Couriers | None] = lambda: None
    telemetry: Telemetry = field(default_factory=Telemetry)
    _canary: list[str] | None = None
    _lag: Lag = field(default_factory=Lag)
    _lag_ms: int = 0
    _unwritten: str = ""
    _unwritten_ms: int = 0
    _warned_ms: int = -FAILURE_MS

    @property
    def books(self) -> Books:
        """The ledger."""
        return self.bookkeeper.ledger

    def now_ms(self) -> int:
        """The shell's clock."""
        return self.clock()

    async def accept(self, records: Sequence[Record], refusals: Sequence[Refusal]) -> None:
        """One append for the dead letters, one for the records; then whoever folds is told."""
        await self._refuse_if_behind()
        batches: dict[int, list[bytes]] = defaultdict(list)
        for record in records:
            batches[partition_of(record.tenant, root_of(record), self.partitions)].append(encode(record))
        if refusals:
            await self._append(REFUSED, {0: [encode(refusal) for refusal in refusals]})
        if batches:
            await self._append(STREAM, batches)
        self.telemetry.took(len(records), refusals)
        self.folds.nudge()

    async def _refuse_if_behind(self) -> None:
        """Looked at once a second and from here, because folds that stand still would not say so."""
        now_ms = self.clock()
        if not 0 <= now_ms - self._lag_ms < LAG_EVERY_MS:
            self._lag_ms = now_ms
            self._lag = await self.lag()
        if self._lag.rows > LAG_MAX:
            raise BehindError(f"{self._lag.stream:,} rows of the stream and {self._lag.journal:,} of the journal wait to be folded.", BEHIND_S)

    async def tell(self, said: Control | Receipt) -> None:
        """Into the journal of its tenant, durably."""
        await self._append(JOURNAL, {journal_of(said.tenant, self.journals): [encode(said)]})
        self.folds.nudge()

    async def _append(self, log: str, batches: Mapping[int, Sequence[bytes]]) -> None:
        """A failure is counted, said in the log once a minute, and keeps readyz red until one succeeds."""
        try:
            await self.append(log, batches)
        except LogError as failed:
            now_ms = self.clock()
            self._unwritten, self._unwritten_ms = str(failed), now_ms
            self.telemetry.failed(log)
            if not 0 <= now_ms - self._warned_ms < FAILURE_MS:
                self._warned_ms = now_ms
                structlog.get_logger("door").error("append_failed", log=log, reason=str(failed))
            raise
        self._unwritten = ""

    def _written(self) -> Check:
        """Red for a minute after the last failure at most: who is sent nothing while it is red could never show that it writes again."""
        ok = not self._unwritten or self.clock() - self._unwritten_ms >= FAILURE_MS
        return Check("log", ok, "" if ok else self._unwritten)

    async def budgets(self, tenant: str | None, scope: Scope | None) -> Sequence[BudgetStanding]:
        """From the wardens' own states, the fullest first."""

        def of_all(states: States) -> list[BudgetStanding]:
            found = chain.from_iterable(standings(warden, tenant, scope) for warden in states.wardens.values())
            return sorted(found, key=lambda it: -it.spent_nanos / it.limit_nanos)

        return await asyncio.wrap_future(self.folds.ask(of_all))

    async def effective(self, tenant: str, scope: Scope) -> Sequence[Applies]:
        """Every entry of the policy that applies, and why."""
        return list(_applies(effective(self.policy, tenant, scope, {})))

    async def readiness(self) -> Sequence[Check]:
        """The canary must have sung, the shell's own conditions hold, the books keep up."""
        if self._canary is None:
            self._canary = await asyncio.to_thread(canary.missing)
        lacking = ", ".join(self._canary)
        return (
            Check("canary", not self._canary, f"a synthetic overspend was not found: {lacking}" if lacking else ""),
            self._written(),
            *await self.conditions(),
            Check("books", not self.bookkeeper.failure, self.bookkeeper.failure),
        )

    async def metrics(self) -> str:
        """Prometheus text."""
        couriers, lag = self.couriers(), await soon(self.lag(), METRICS_S)

        def exposition(states: States | None) -> str:
            return self.telemetry.exposition(self.folds.heard, lag, states, couriers, self.clock(), books_wait=bool(self.bookkeeper.failure))

        told = await soon(asyncio.wrap_future(self.folds.ask(exposition)), METRICS_S)
        return told if told is not None else await asyncio.to_thread(exposition, None)

    def adopted(self, newest: PolicySet) -> None:
        """A newer policy is in force: questions about it are answered from it."""
        self.policy = parse_dumped(newest.body)


def _applies(found: dict[str, Any]) -> list[Applies]:
    entries: list[Applies] = []
    for section, value in found.items():
        rows = value if isinstance(value, list) else [value] if isinstance(value, dict) and "why" in value else []
        for index, row in enumerate(rows):
            rest = {key: item for key, item in row.items() if key != "why"}
            entries.append(Applies(f"{section}[{index}]", str(row.get("name", section)), str(row.get("why", "")), rest))
    return entries
