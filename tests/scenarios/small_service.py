"""The embedded service on a data folder without its threads: time is moved by hand, and it can be killed between any two turns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path

from service.engine.engine import Engine, Ports
from service.engine.published import publish
from service.facts import Control, PolicySet, Receipt, encode
from service.folder import LEDGER, LOGS, settle
from service.intake.partition import partition_of, root_of
from service.ledger import Ledger
from service.log.blocking import complete
from service.log.ports import JOURNAL, REFUSED, STREAM
from service.log.sqlite import SqliteLog, SqliteSnapshots
from service.policy import Policy
from service.records import Record
from service.shells.bookkeeper import Bookkeeper

NOON_MS = 1_764_072_000_000  # 2025-11-25 12:00 UTC
STEP_MS = 350


class SmallService:
    """Made by `begun`; `killed` and begun again on the same folder it goes on."""

    def __init__(self, data: Path, policy: Policy, partitions: int, now_ms: int) -> None:
        settle(data, partitions)
        self.now_ms = now_ms
        self.log = SqliteLog(data / LOGS, lambda: self.now_ms)
        self.snapshots = SqliteSnapshots(data / LOGS)
        self.books = Ledger(f"sqlite:///{data / LEDGER}")
        self.adopted: list[PolicySet] = []
        self.ports = Ports(self.log, self.snapshots)
        self.engine = Engine.of_all(self.ports, partitions, lambda: self.now_ms, lambda: now_ms, complete(publish(self.log, policy, now_ms)))
        self.engine.adopted = self.adopted.append

    @classmethod
    async def begun(cls, data: Path, policy: Policy, partitions: int = 3, now_ms: int = NOON_MS) -> SmallService:
        service = cls(data, policy, partitions, now_ms)
        await service.engine.restore(service.ports, now_ms)
        return service

    async def hear(self, records: Iterable[Record]) -> None:
        """As the door would append them."""
        batches: dict[int, list[bytes]] = defaultdict(list)
        for record in records:
            batches[partition_of(record.tenant, root_of(record), self.engine.partitions)].append(encode(record))
        await self.log.append_many(STREAM, batches)

    async def refuse(self, refusal: object) -> None:
        await self.log.append(REFUSED, 0, [encode(refusal)])

    async def tell(self, said: Control | Receipt) -> None:
        await self.log.append(JOURNAL, 0, [encode(said)])

    async def live(self, span_ms: int) -> None:
        """Time goes on."""
        until_ms = self.now_ms + span_ms
        while self.now_ms < until_ms:
            self.now_ms += STEP_MS
            while await self.engine.round(self.now_ms):
                pass

    async def stop(self) -> None:
        """As a signal would: saved, and the books are closed up to the end."""
        await self.engine.save(self.now_ms)
        bookkeeper = Bookkeeper(lambda: nullcontext(self.log), self.books)
        while await bookkeeper.catch_up(self.log):
            pass
        self.kill()

    def kill(self) -> None:
        """Nothing is saved any more."""
        self.log.close()
        self.snapshots.close()
        self.books.close()
