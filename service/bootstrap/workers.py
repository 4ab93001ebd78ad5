"""Where the parts of a service on Kafka meet; `embedded.py` puts together the one that needs none."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import AsyncExitStack, nullcontext
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from service.bootstrap.delivering import delivery as delivery_of
from service.bootstrap.picturing import pictures_from
from service.clock import now_ms
from service.couriers.kept import KeptDeliveries
from service.couriers.port import Draws
from service.engine.engine import Engine, Ports
from service.engine.published import newest_policy, publish
from service.facts import Control, PolicySet, Receipt, encode
from service.intake.partition import journal_of
from service.log.kafka import Cluster, KafkaLog, KafkaSnapshots, check, topics
from service.log.kafka.source import Member, joined
from service.log.kafka.topics import IN
from service.log.ports import JOURNAL, Log, Snapshots
from service.policy import Policy, parse_dumped
from service.settings import KafkaSettings
from service.shells.delivery import Delivery
from service.shells.leases import Membership, leases
from service.shells.republish import Republisher
from service.shells.scrape import Page, shown
from service.shells.worker import Worker


class Shape(NamedTuple):
    """How many partitions stream and journal have; fixed when the topics are made."""

    partitions: int = 12
    journals: int = 1


async def work(
    settings: KafkaSettings,
    shape: Shape,
    membership: Membership,
    policy: Policy | None,
    data: Path,
    metrics: tuple[str, int] | None,
    database: str | None,
    stop: asyncio.Event,
) -> None:
    """Runs a worker until `stop`; `metrics` is where its page is shown, `database` what its couriers draw pictures from.

    Raises LogError where the cluster or its topics are not as they must be, WorkerError when it ends by itself.
    """
    async with AsyncExitStack() as stack:
        cluster = Cluster(settings)
        stack.callback(cluster.close)
        await check(cluster, topics(settings.topic_prefix, *shape))
        log, snapshots = KafkaLog(cluster), KafkaSnapshots(cluster)
        chosen = await newest_policy(log) or await publish(log, policy or Policy(), now_ms())
        engine = Engine(lambda: nullcontext(Ports(log, snapshots)), shape.partitions, now_ms, lambda: secrets.randbits(62), chosen, journals=shape.journals)
        picture = pictures_from(database) if database is not None else None

        def delivery(partition: int, newest: PolicySet) -> Delivery:
            return _delivery(log, snapshots, partition, parse_dumped(newest.body), shape, picture)

        member = Member(membership.session_s, membership.id if membership.static else None)
        republisher = Republisher(settings.topic_prefix + IN, lambda topic: joined(topic, cluster, member, now_ms), log, shape.partitions)
        worker = Worker(engine, republisher, delivery, monotonic, settings.request_timeout_ms / 1000)
        if metrics is not None:
            await stack.enter_async_context(shown(Page(worker, now_ms), *metrics))
        app = leases(settings, membership, data / membership.id, worker.assigned, worker.revoked)
        await worker.live(app, stop)


def _delivery(log: Log, snapshots: Snapshots, partition: int, policy: Policy, shape: Shape, picture: Draws | None) -> Delivery:
    """The couriers of one outbox partition, with a memory that moves with the lease."""

    async def record(said: Receipt | Control) -> None:
        await log.append(JOURNAL, journal_of(said.tenant, shape.journals), [encode(said)])

    def memory() -> KeptDeliveries:
        return KeptDeliveries(f"courier-{partition}", snapshots, secrets.randbits(62))

    return delivery_of(log, memory, record, policy, partition=partition, picture=picture)
