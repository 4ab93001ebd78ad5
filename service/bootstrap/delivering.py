"""How couriers and their memory become a delivery, in both shells."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import SystemRandom  # noqa: TID251 -- the shell draws the jitter

from rich.console import Console

from service.clock import now_ms
from service.couriers.deliveries import Deliveries, Remembered
from service.couriers.dispatcher import Dispatcher
from service.couriers.hearing import Tell
from service.couriers.port import Draws, Parts
from service.couriers.receivers import receivers_of, secrets_of
from service.couriers.registry import couriers_of
from service.log.ports import Log
from service.policy import Policy
from service.shells.delivery import Delivery


def delivery(
    log: Log,
    memory: Callable[[], Deliveries],
    record: Tell,
    policy: Policy,
    *,
    public_url: str = "",
    partition: int = 0,
    console: Console | None = None,
    picture: Draws | None = None,
) -> Delivery:
    """Of one outbox partition. Each dispatcher asks for its `memory`; `record` appends a receipt or a control; `public_url` is for a policy that names none.

    `picture` draws an incident, where there are books.
    """

    def another(policy: Policy) -> Dispatcher:
        receivers, deliveries = receivers_of(policy), memory()
        remembered = Remembered.of(deliveries, now_ms)
        parts = Parts(public_url=policy.public_url or public_url, clock=now_ms, memory=remembered, picture=picture, console=console or Console())
        couriers = couriers_of(receivers, parts)
        return Dispatcher(receivers, couriers, deliveries, record, clock=now_ms, sleep=asyncio.sleep, draw=SystemRandom().random)

    return Delivery(log, another, policy, partition, secrets_of)
