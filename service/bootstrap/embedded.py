"""The one place where parts meet: which log, which stores, which couriers, which clock."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from rich.console import Console

from service.api import Check, Tokens, create_app
from service.bootstrap.chatting import Chats
from service.bootstrap.delivering import delivery as delivery_of
from service.bootstrap.picturing import pictures_of
from service.clock import now_ms
from service.couriers.deliveries import SqliteDeliveries
from service.engine.engine import Engine, Ports
from service.engine.owners import Lag
from service.engine.published import newest_policy, publish
from service.facts import Control, PolicySet, Receipt, encode
from service.folder import DELIVERIES, LEDGER, LOGS, TOKENS, settle
from service.ledger import Ledger
from service.ledger.sql import opened
from service.log.blocking import complete
from service.log.ports import JOURNAL
from service.log.sqlite import SqliteLog, SqliteSnapshots
from service.policy import Policy, parse_dumped, secret_warnings
from service.settings import secret
from service.shells.bookkeeper import Bookkeeper
from service.shells.delivery import Delivery
from service.shells.front import Front
from service.shells.telemetry import Couriers


@dataclass
class Running:
    """A service put together, not yet begun."""

    app: FastAPI
    service: Front
    engine: Engine
    bookkeeper: Bookkeeper
    delivery: Delivery
    deliveries: SqliteDeliveries
    log: SqliteLog
    policy: Policy
    chats: Chats

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[Sequence[asyncio.Task[None]]]:
        """Begins the engine, the books, the couriers and whoever listens to Slack, whose tasks it gives; in the end folds what there is, saves and lets go of it all."""
        self.engine.thread.start()
        self.bookkeeper.thread.start()
        delivering, listening = asyncio.create_task(self.delivery.live()), asyncio.create_task(self.chats.listen(self.service))
        try:
            yield delivering, listening
        finally:
            delivering.cancel()
            listening.cancel()
            await asyncio.gather(delivering, listening, return_exceptions=True)
            await self.chats.close()
            await asyncio.to_thread(self.engine.thread.stop)
            await asyncio.to_thread(self.bookkeeper.thread.stop)
            self.bookkeeper.ledger.close()
            self.deliveries.close()
            self.log.close()


def tokens(data: Path) -> Tokens:
    """The tokens of a data folder."""
    data.mkdir(parents=True, exist_ok=True)
    return tokens_of(f"sqlite:///{data / TOKENS}")


def tokens_of(database: str) -> Tokens:
    """The tokens in a database that books may be kept in; raises what SQLAlchemy raises where there is none."""
    return Tokens(database, opened=opened)


def sqlite_log(data: Path) -> SqliteLog:
    """The logs of a data folder."""
    return SqliteLog(data / LOGS, now_ms)


def embedded(
    data: Path, policy: Policy | None, public_url: str, *, partitions: int | None = None, insecure_loopback: bool = False, console: Console | None = None
) -> Running:
    """The embedded service on a data folder. Without a policy the newest published one holds, or the empty one.

    Raises LogError where the folder cannot be used or has another number of partitions, ValueError where a receiver cannot be made.
    """
    partitions = settle(data, partitions)
    log = sqlite_log(data)
    newest = complete(newest_policy(log))
    chosen = policy or (parse_dumped(newest.body) if newest else Policy())
    policy_set = complete(publish(log, chosen, now_ms()))
    deliveries = SqliteDeliveries(data / DELIVERIES)
    engine = Engine.of_all(Ports(log, SqliteSnapshots(data / LOGS)), partitions, now_ms, lambda: secrets.randbits(62), policy_set)

    async def record(said: Receipt | Control) -> None:
        await asyncio.to_thread(lambda: complete(log.append(JOURNAL, 0, [encode(said)])))
        engine.nudge()

    bookkeeper = Bookkeeper(lambda: nullcontext(log), Ledger(f"sqlite:///{data / LEDGER}"))
    delivery = delivery_of(log, lambda: deliveries, record, chosen, public_url=public_url, console=console, picture=pictures_of(lambda: bookkeeper.ledger))
    if unusable := delivery.dispatcher.unusable():
        lost = [f"the policy in force, {mistake.path}: {mistake.problem}" for mistake in secret_warnings(chosen, secret)]
        raise ValueError("; ".join(lost or unusable.values()))
    service = _front(log, engine, bookkeeper, delivery, chosen)
    chats = Chats(lambda: service.policy)
    app = create_app(service, tokens(data), insecure_loopback=insecure_loopback, chats=chats)
    return Running(app, service, engine, bookkeeper, delivery, deliveries, log, chosen, chats)


def _front(log: SqliteLog, engine: Engine, bookkeeper: Bookkeeper, delivery: Delivery, policy: Policy) -> Front:
    """What the door asks; the engine tells the books, the couriers and the door what it has written and taken up."""

    async def append(topic: str, batches: Mapping[int, Sequence[bytes]]) -> None:
        await asyncio.to_thread(lambda: complete(log.append_many(topic, batches)))

    async def lag() -> Lag:
        return await asyncio.to_thread(lambda: complete(engine.lag()))

    async def conditions() -> Sequence[Check]:
        return (Check("engine", engine.heard.ready, engine.heard.failure),)

    def couriers() -> Couriers:
        return Couriers(delivery.dispatcher.snapshot(), delivery.dispatcher.unusable())

    def decided() -> None:
        bookkeeper.thread.nudge()
        delivery.nudge()

    def adopted(newest: PolicySet) -> None:
        service.adopted(newest)
        delivery.adopt(service.policy)

    service = Front(append, engine, lag, conditions, bookkeeper, policy, now_ms, lambda: secrets.token_hex(12), engine.partitions, couriers=couriers)
    engine.decided, engine.adopted = decided, adopted
    return service
