"""`spendwarden topics`: the topics of a Kafka cluster, made or mended; doing it again changes nothing."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from service.cli.cluster import connected, kafka
from service.cli.examples import examples
from service.cli.failures import fail
from service.log.ports import LogError
from service.settings import KafkaSettings

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog=examples(
        "spendwarden topics --brokers 127.0.0.1:9092",
        "spendwarden topics --brokers kafka-1:9092,kafka-2:9092,kafka-3:9092 --partitions 12",
    )
)
def command(
    brokers: Annotated[str, typer.Option(envvar="SPENDWARDEN_BROKERS", help="HOST:PORT of one broker or of several, with commas between.")],
    partitions: Annotated[int, typer.Option(envvar="SPENDWARDEN_PARTITIONS", min=1, max=1024, help="Stream partitions, fixed when the topics are made.")] = 12,
    journal_partitions: Annotated[
        int, typer.Option(envvar="SPENDWARDEN_JOURNAL_PARTITIONS", min=1, max=1024, help="Journal partitions, fixed then too; tenants share them.")
    ] = 1,
    replication: Annotated[
        int | None, typer.Option(min=1, max=32, help="Copies of each topic that is made; without it 3, or as many as there are brokers.", show_default=False)
    ] = None,
) -> None:
    """Make the topics of the service in a Kafka cluster, and mend their settings.

    What is there already and right stays as it is. How to get in (SASL, certificates) and the topics' prefix come from the environment:
    SPENDWARDEN_KAFKA_SECURITY_PROTOCOL, _SASL_MECHANISM, _USERNAME, _PASSWORD, _CA_FILE, _CERT_FILE, _KEY_FILE, _TOPIC_PREFIX.
    """
    settings = kafka(brokers)
    try:
        done = asyncio.run(_make(settings, partitions, journal_partitions, replication))
    except LogError as failed:
        fail(str(failed))
    sys.stdout.write("".join(f"{line}\n" for line in done) or "all topics are there and as they must be\n")


async def _make(settings: KafkaSettings, partitions: int, journal_partitions: int, replication: int | None) -> list[str]:
    from service.log.kafka import make, topics  # noqa: PLC0415 -- a second of imports that a mistyped option need not wait for

    async with connected(settings) as cluster:
        return await make(cluster, topics(settings.topic_prefix, partitions, journal_partitions), replication)
