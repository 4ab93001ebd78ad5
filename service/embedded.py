"""The embedded shell: one process on SQLite with the door, the engine, the books and the couriers.

The door commits records to the stream; the engine's thread folds; a thread keeps the books; couriers live in the door's loop. Each
of them goes on from what it had saved, so a SIGKILL at any point loses and repeats nothing.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from service import canary
from service.api import BehindError
from service.api.ports import Applies, Check
from service.bookkeeper import Bookkeeper
from service.books import Books, BudgetStanding
from service.delivery import Delivery
from service.engine import Engine
from service.facts import Control, PolicySet, Receipt, Scope, encode
from service.intake import Refusal
from service.intake.partition import partition_of, root_of
from service.log.blocking import complete
from service.log.ports import JOURNAL, REFUSED, STREAM, Log, LogError
from service.meter.fold import Meter
from service.owners import Lag
from service.policy import Policy, parse_dumped
from service.policy.effective import effective
from service.records import Record
from service.telemetry import Couriers, Telemetry
from service.warden.standing import standings
from service.warden.state import Warden

LAG_MAX: Final = 500_000  # rows of stream and journal not yet folded; beyond it the door says 429
LAG_EVERY_MS: Final = 1_000
BEHIND_S: Final = 2
METRICS_S: Final = 2  # beyond it the folds' own counts are left out: the engine stands still


@dataclass
class Embedded:
    """What the HTTP door asks; see `service.api.ports.Service`."""

    log: Log
    engine: Engine
    bookkeeper: Bookkeeper
    delivery: Delivery
    policy: Policy
    clock: Callable[[], int]
    nonce: Callable[[], str]
    telemetry: Telemetry = field(default_factory=Telemetry)
    _canary: list[str] | None = None
    _lag: Lag = field(default_factory=Lag)
    _lag_ms: int = 0

    @property
    def books(self) -> Books:
        """The ledger."""
        return self.bookkeeper.ledger

    def now_ms(self) -> int:
        """The shell's clock."""
        return self.clock()

    async def accept(self, records: Sequence[Record], refusals: Sequence[Refusal]) -> None:
        """One transaction for the records, one for the dead letters; then the engine is told."""
        await self._refuse_if_behind()
        batches: dict[int, list[bytes]] = defaultdict(list)
        for record in records:
            batches[partition_of(record.tenant, root_of(record), self.engine.partitions)].append(encode(record))
        await asyncio.to_thread(self._append, batches, [encode(refusal) for refusal in refusals])
        self.telemetry.took(len(records), refusals)
        self.engine.nudge()

    async def _refuse_if_behind(self) -> None:
        """Looked at once a second and from here, because an engine that stands still would not say so."""
        now_ms = self.clock()
        if not 0 <= now_ms - self._lag_ms < LAG_EVERY_MS:
            self._lag_ms = now_ms
            self._lag = await asyncio.to_thread(lambda: complete(self.engine.lag()))
        if self._lag.rows > LAG_MAX:
            raise BehindError(f"{self._lag.stream:,} rows of the stream and {self._lag.journal:,} of the journal wait to be folded.", BEHIND_S)

    def _append(self, batches: dict[int, list[bytes]], refused: list[bytes]) -> None:
        if refused:
            complete(self.log.append(REFUSED, 0, refused))
        if batches:
            complete(self.log.append_many(STREAM, batches))

    async def tell(self, said: Control | Receipt) -> None:
        """Into the journal, durably."""
        await asyncio.to_thread(lambda: complete(self.log.append(JOURNAL, 0, [encode(said)])))
        self.engine.nudge()

    async def budgets(self, tenant: str | None, scope: Scope | None) -> Sequence[BudgetStanding]:
        """From the warden's own state."""
        return await asyncio.wrap_future(self.engine.ask(lambda states: standings(states.wardens[0], tenant, scope)))

    async def effective(self, tenant: str, scope: Scope) -> Sequence[Applies]:
        """Every entry of the policy that applies, and why."""
        found = effective(self.policy, tenant, scope, {})
        return list(_applies(found))

    async def readiness(self) -> Sequence[Check]:
        """The canary must have sung, the engine must run, the books must keep up."""
        if self._canary is None:
            self._canary = await asyncio.to_thread(canary.missing)
        lacking = ", ".join(self._canary)
        heard = self.engine.heard
        return (
            Check("canary", not self._canary, f"a synthetic overspend was not found: {lacking}" if lacking else ""),
            Check("engine", heard.ready, heard.failure),
            Check("books", not self.bookkeeper.failure, self.bookkeeper.failure),
        )

    async def metrics(self) -> str:
        """Prometheus text."""
        couriers = Couriers(self.delivery.dispatcher.snapshot(), self.delivery.dispatcher.unusable())
        try:
            async with asyncio.timeout(METRICS_S):
                return await asyncio.wrap_future(self.engine.ask(lambda states: self._exposition((states.wardens[0], list(states.meters.values())), couriers)))
        except (LogError, TimeoutError):
            return await asyncio.to_thread(self._exposition, None, couriers)

    def _exposition(self, folded: tuple[Warden, Sequence[Meter]] | None, couriers: Couriers) -> str:
        return self.telemetry.exposition(self.engine.heard, complete(self.engine.lag()), folded, couriers, self.clock())

    def decided(self) -> None:
        """The engine has written: the books and the couriers look at once."""
        self.bookkeeper.thread.nudge()
        self.delivery.nudge()

    def adopted(self, newest: PolicySet) -> None:
        """A newer policy is in force: questions about it are answered from it."""
        self.policy = parse_dumped(newest.body)
        self.delivery.adopt(self.policy)


def _applies(found: dict[str, Any]) -> list[Applies]:
    entries: list[Applies] = []
    for section, value in found.items():
        rows = value if isinstance(value, list) else [value] if isinstance(value, dict) and "why" in value else []
        for index, row in enumerate(rows):
            rest = {key: item for key, item in row.items() if key != "why"}
            entries.append(Applies(f"{section}[{index}]", str(row.get("name", section)), str(row.get("why", "")), rest))
    return entries
