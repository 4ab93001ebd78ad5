"""Who owns what, by Faust: owning partition p of a lease topic means owning partition p of what the lease stands for.

Faust is asked for membership alone. Nothing rides on its streams: the lease topics are empty for ever, and what their owners read,
fold and append goes by the log's own clients (measured: Faust's stream path once stood still for 47 s without an error).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import faust
from faust.tables import TableManager
from faust.types import TP
from mode.utils.times import Seconds

from service.log.kafka.client import client_options
from service.log.kafka.topics import COURIER_LEASE, METER_LEASE, WARDEN_LEASE
from service.settings import KafkaSettings

LEASES: Final = (METER_LEASE, WARDEN_LEASE, COURIER_LEASE)
LAST_SAVE_S: Final = 2.0
OFTEN: Final = 10
OFTEN_WITHIN_S: Final = 10
METADATA_MS: Final = 3_000  # a broker that has just begun may know no topics yet: then nobody is leased anything until we look again


class LeaseError(Exception):
    """Leases that cannot be held as things are; the app ends with it."""


class Leased(NamedTuple):
    """The partitions that are ours, by lease."""

    meters: frozenset[int] = frozenset()
    wardens: frozenset[int] = frozenset()
    couriers: frozenset[int] = frozenset()


class Membership(NamedTuple):
    """How a worker is a member of its group. `static`: a restart under the same id within the session keeps its partitions."""

    id: str
    static: bool = False
    session_s: float = 10.0


class NoTables(TableManager):
    """Faust's tables, of which we have none: its own manager sleeps for a second before it lets the app subscribe, in case some are still to come."""

    async def sleep(self, n: Seconds) -> None:  # noqa: ARG002 -- the library's signature
        """Not at all. Faust also waits until its agents have begun, by whom it knows what to subscribe to."""
        await asyncio.sleep(0)


def leases(
    settings: KafkaSettings,
    membership: Membership,
    folder: Path,
    assigned: Callable[[Leased], None],
    revoked: Callable[[], Awaitable[object]],
) -> faust.App:
    """A Faust app that only holds leases: it says what is ours, and lets us save before it is given away.

    `assigned` is called inside each rebalance and must return at once; `revoked` has LAST_SAVE_S, whatever it raises. The app ends with a
    LeaseError when another static member has our id: each takes the leases from the other again and again.
    """
    folder.mkdir(parents=True, exist_ok=True)  # Faust makes its own folder, not the one above
    app = faust.App(
        f"{settings.topic_prefix}worker",
        broker=[f"kafka://{broker}" for broker in settings.brokers.split(",")],
        broker_client_id=f"spendwarden-{membership.id}",
        broker_session_timeout=membership.session_s,
        broker_heartbeat_interval=membership.session_s / 6,
        broker_request_timeout=max(membership.session_s, settings.request_timeout_ms / 1000),
        consumer_group_instance_id=membership.id if membership.static else None,
        consumer_auto_offset_reset="latest",
        consumer_metadata_max_age_ms=METADATA_MS,
        TableManager=NoTables,
        datadir=folder,
        store="memory://",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        **_credentials(settings),
    )
    names = [settings.topic_prefix + lease for lease in LEASES]
    for name in names:
        app.agent(app.topic(name, value_type=bytes), name=name)(_nothing)

    lately = deque[float](maxlen=OFTEN)

    async def on_assigned(_: Any, ours: set[TP], /, **__: Any) -> None:
        lately.append(asyncio.get_running_loop().time())
        if membership.static and len(lately) == OFTEN and lately[-1] - lately[0] < OFTEN_WITHIN_S:
            raise LeaseError(f"leased {OFTEN} times within {OFTEN_WITHIN_S} s: another worker is started as --static under the same --id {membership.id}")
        assigned(Leased(*(frozenset(tp.partition for tp in ours if tp.topic == name) for name in names)))

    async def on_revoked(_: Any, __: set[TP], /, **___: Any) -> None:
        with suppress(Exception):  # an exception here would end the app, and the owners know by themselves what they had saved
            await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(revoked())), LAST_SAVE_S)

    app.on_partitions_assigned.connect(on_assigned)  # type: ignore[arg-type]  # the stub asks for an argument that is never given
    app.on_partitions_revoked.connect(on_revoked)  # type: ignore[arg-type]
    return app


async def _nothing(stream: Any) -> None:
    """Never hears anything; it is there so that Faust subscribes."""
    async for _ in stream:
        pass


def _credentials(settings: KafkaSettings) -> dict[str, Any]:
    """As the log's clients are let in."""
    if settings.security_protocol == "PLAINTEXT":
        return {}
    context = client_options(settings)["ssl_context"]
    if not settings.security_protocol.startswith("SASL"):
        return {"broker_credentials": faust.SSLCredentials(context), "ssl_context": context}
    sasl = faust.SASLCredentials(
        username=settings.username, password=settings.password.get_secret_value(), ssl_context=context, mechanism=settings.sasl_mechanism
    )
    return {"broker_credentials": sasl}
