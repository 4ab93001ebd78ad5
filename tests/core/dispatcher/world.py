"""The dispatcher in a small world whose time is moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

from msgspec.structs import replace as but

from service.couriers.deliveries import Deliveries, SqliteDeliveries
from service.couriers.dispatcher import Dispatcher
from service.couriers.kept import KeptDeliveries
from service.couriers.port import Delivered, Item, Outcome, Receiver, RetryLater
from service.facts import Control, Decision, Notice, Order, Receipt, Scope
from service.log.ports import MANIFEST, SnapshotKey
from service.log.sqlite import SqliteSnapshots
from tests import samples

START: Final = samples.NIGHT_MS
HOUR: Final = 3_600_000
NONCES: Final = count(1)
DOWN: Final = RetryLater(None, "503 Service Unavailable")


def order(number: int, scope: str = "indexer", **known: object) -> Order:
    base = but(samples.ORDER, id=f"ord-{number}", scope=Scope("agent", scope), expires_ms=START + HOUR, sequence=number)
    return but(base, **known)


def notice(number: int, incident: str = "inc-1", receiver: str = "orchestrator") -> Notice:
    return but(samples.NOTICE, id=f"ntc-{number}", incident=incident, receiver=receiver)


@dataclass
class Script:
    """A courier that answers as it is told, by item or for all, and keeps what it was given."""

    name: str
    answers: dict[str, list[Outcome]] = field(default_factory=dict)
    always: Outcome = field(default_factory=Delivered)
    follows: bool = False
    given: list[str] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)

    async def deliver(self, item: Item) -> Outcome:
        self.given.append(item.id)
        self.items.append(item)
        waiting = self.answers.get(item.id)
        return waiting.pop(0) if waiting else self.always

    async def close(self) -> None: ...


@dataclass
class Actor(Script):
    """One that carries orders out itself."""

    let: list[str] = field(default_factory=list)
    lets: list[Outcome] = field(default_factory=list)

    async def let_go(self, order: Order) -> Outcome:
        self.let.append(order.id)
        return self.lets.pop(0) if self.lets else Delivered("accepted")


class Lazy(SqliteSnapshots):
    """Parts wait for their manifest, as they may: what a kill finds waiting is gone."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._held: list[tuple[str, SnapshotKey, bytes]] = []

    async def put(self, owner: str, key: SnapshotKey, value: bytes) -> None:
        self._held.append((owner, key, value))
        if key.name == MANIFEST:
            for held in self._held:
                await super().put(*held)
            self._held = []


def remembered(path: Path, kind: str) -> tuple[Deliveries, Callable[[], None]]:
    """A memory on files, and what closes it."""
    if kind == "sqlite":
        own = SqliteDeliveries(path / "deliveries.db")
        return own, own.close
    snapshots = Lazy(path)
    return KeptDeliveries("courier-0", snapshots, next(NONCES)), snapshots.close


@dataclass
class World:
    """One dispatcher with everything around it; `restart` is a kill and a new start on the same memory."""

    path: Path
    receivers: list[Receiver] = field(default_factory=lambda: [Receiver(name="orchestrator", kind="webhook", takes="all")])
    waiting_max: int = 100
    kind: str = "sqlite"
    now_ms: int = START
    draw: float = 1.0
    naps: list[tuple[float, asyncio.Future[None]]] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    controls: list[Control] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.couriers = {receiver.name: Script(receiver.name) for receiver in self.receivers}
        self.memory, self.close = remembered(self.path, self.kind)
        self.rows = 0
        self.dispatcher = self._made()

    @property
    def courier(self) -> Script:
        return self.couriers["orchestrator"]

    def _made(self) -> Dispatcher:
        async def record(said: Receipt | Control) -> None:
            if isinstance(said, Receipt):
                self.receipts.append(said)
            else:
                self.controls.append(said)

        async def sleep(wait_s: float) -> None:
            nap = asyncio.get_running_loop().create_future()
            self.naps.append((wait_s, nap))
            await nap

        return Dispatcher(
            self.receivers,
            self.couriers,
            self.memory,
            record,
            clock=lambda: self.now_ms,
            sleep=sleep,
            draw=lambda: self.draw,
            waiting_max=self.waiting_max,
        )

    async def restart(self) -> None:
        self.close()
        self.memory, self.close = remembered(self.path, self.kind)
        self.dispatcher = self._made()
        await self.dispatcher.restore()

    async def take(self, *decisions: Decision) -> None:
        self.rows += 1
        await self.dispatcher.take(0, self.rows, decisions)

    async def due(self) -> int | None:
        return await self.dispatcher.deliver_due()

    async def pass_time(self, ms: int) -> int | None:
        self.now_ms += ms
        return await self.due()

    def ends(self) -> list[tuple[str, str]]:
        return [(receipt.id, receipt.state) for receipt in self.receipts]

    def lane(self, name: str = "orders") -> dict[str, object]:
        return next(row for row in self.dispatcher.snapshot() if row["lane"] == name)
