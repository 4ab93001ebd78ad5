"""Where the parts of door and books on Kafka meet: `spendwarden serve`."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Final

from fastapi import FastAPI

from service.api import Check, create_app
from service.bootstrap.chatting import Chats
from service.bootstrap.embedded import tokens_of
from service.clock import now_ms
from service.engine.follower import Follower
from service.engine.published import newest_policy, publish
from service.ledger import Ledger
from service.log.kafka import Cluster, KafkaLog, KafkaSnapshots, check, topics
from service.log.ports import LogError
from service.policy import Policy, parse_dumped
from service.settings import KafkaSettings
from service.shells.bookkeeper import Bookkeeper
from service.shells.front import Front

NEAR_ROWS: Final = 1_000  # of the journal: closer than that the follower answers for the wardens
LOOK_S: Final = 2.0  # so long the cluster may take to say where its logs end


@dataclass
class Serving:
    """A door put together, not yet begun."""

    app: FastAPI
    front: Front
    follower: Follower
    bookkeeper: Bookkeeper
    policy: Policy
    chats: Chats

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[Sequence[asyncio.Task[None]]]:
        """Begins the follower, the books and whoever listens to Slack; in the end books what there is. No task of it may end before."""
        self.follower.thread.start()
        self.bookkeeper.thread.start()
        listening = asyncio.create_task(self.chats.listen(self.front))
        try:
            yield (listening,)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await asyncio.gather(*(asyncio.to_thread(thread.stop) for thread in (self.follower.thread, self.bookkeeper.thread)))


@asynccontextmanager
async def serving(
    settings: KafkaSettings, partitions: int, journals: int, policy: Policy | None, database: str, *, insecure_loopback: bool = False
) -> AsyncIterator[Serving]:
    """On the topics of `spendwarden topics`; a policy that is not the newest one is published.

    Raises LogError where the cluster, its topics or the database are not as they must be.
    """
    async with AsyncExitStack() as stack:
        cluster, books = Cluster(settings), Cluster(settings)  # two, since each reads a partition from one place on
        stack.callback(books.close)
        stack.callback(cluster.close)
        await check(cluster, topics(settings.topic_prefix, partitions, journals))
        ledger, tokens = Ledger(database), tokens_of(database)
        stack.callback(ledger.close)
        stack.callback(tokens.close)
        log = KafkaLog(cluster)
        newest = await (newest_policy(log) if policy is None else publish(log, policy, now_ms()))
        follower = Follower(log, lambda: KafkaSnapshots(cluster), partitions, journals, newest.version if newest else 0)
        bookkeeper = Bookkeeper(lambda: nullcontext(KafkaLog(books)), ledger, journals)
        chosen = parse_dumped(newest.body) if newest else Policy()
        front = _front(log, follower, bookkeeper, chosen)
        chats = Chats(lambda: front.policy)
        stack.push_async_callback(chats.close)
        yield Serving(create_app(front, tokens, insecure_loopback=insecure_loopback, chats=chats), front, follower, bookkeeper, chosen, chats)


def _front(log: KafkaLog, follower: Follower, bookkeeper: Bookkeeper, policy: Policy) -> Front:
    """What the door asks; the follower tells the books and the door what it has heard."""

    async def conditions() -> Sequence[Check]:
        try:
            async with asyncio.timeout(LOOK_S):
                lag = await follower.lag()
        except (LogError, TimeoutError) as away:
            return (Check("cluster", False, str(away) or "no answer from the brokers"), Check("follower", follower.heard.ready, follower.heard.failure))
        near = lag.journal <= NEAR_ROWS
        failure = follower.heard.failure or ("" if near else f"{lag.journal:,} rows of the journal behind")
        return (Check("cluster", True), Check("follower", follower.heard.ready and near, failure))

    front = Front(
        log.append_many,
        follower,
        follower.lag,
        conditions,
        bookkeeper,
        policy,
        now_ms,
        lambda: secrets.token_hex(12),
        follower.partitions,
        follower.journals,
    )
    follower.decided, follower.adopted = bookkeeper.thread.nudge, front.adopted
    return front
