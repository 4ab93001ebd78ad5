"""A service on Kafka as commands open it: its cluster, and the database of its books."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pydantic import ValidationError

from service.cli.failures import USAGE, fail
from service.log.ports import LogError
from service.policy import Policy, parse_dumped
from service.settings import KafkaSettings, told

if TYPE_CHECKING:
    from service.log.kafka import Cluster, KafkaLog


def kafka(brokers: str) -> KafkaSettings:
    """Where it is, and from the environment how it lets us in; ends where that is wrong."""
    try:
        return KafkaSettings(brokers=brokers)
    except ValidationError as wrong:
        fail(told(wrong, "KAFKA_", brokers=f"--brokers (SPENDWARDEN_BROKERS) {brokers}"), USAGE)


def database_or_fail(url: str) -> None:
    """Says what is wrong with the address, which may hold a password; whether somebody answers there is seen later."""
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415 -- help need not wait for it

    from service.ledger.sql import engine_of  # noqa: PLC0415

    try:
        engine_of(url).dispose()
    except (ArgumentError, ImportError, ValueError) as wrong:
        fail(f"--database: {wrong}; give sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME", USAGE)


@asynccontextmanager
async def connected(settings: KafkaSettings) -> AsyncIterator[Cluster]:
    """Its clients; whatever is asked of them raises LogError."""
    from service.log.kafka import Cluster  # noqa: PLC0415 -- a second of imports that a mistyped option need not wait for

    cluster = Cluster(settings)
    try:
        yield cluster
    finally:
        cluster.close()


@asynccontextmanager
async def opened(settings: KafkaSettings, partitions: tuple[int, int] | None = None) -> AsyncIterator[KafkaLog]:
    """Its logs; whatever is asked of them raises LogError, and so does this where stream and journal must have so many `partitions` and do not."""
    from service.log.kafka import KafkaLog, check, topics  # noqa: PLC0415

    async with connected(settings) as cluster:
        if partitions is not None:
            await check(cluster, topics(settings.topic_prefix, *partitions))
        yield KafkaLog(cluster)


def published(brokers: str) -> Policy:
    """The policy that was published last in that cluster."""

    async def asked() -> Policy:
        from service.engine.published import newest_policy  # noqa: PLC0415 -- the folds are slow to import

        async with opened(kafka(brokers)) as log:
            newest = await newest_policy(log)
        return parse_dumped(newest.body) if newest is not None else Policy()

    try:
        return asyncio.run(asked())
    except LogError as failed:
        fail(str(failed))
