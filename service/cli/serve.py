"""`spendwarden serve`: the door and the books of a service on Kafka."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from service.cli.cluster import database_or_fail, kafka
from service.cli.examples import examples
from service.cli.failures import fail, read_policy
from service.cli.serving import address, serve
from service.log.ports import LogError

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog=examples(
        "spendwarden topics --brokers 127.0.0.1:9092",
        "spendwarden serve --brokers 127.0.0.1:9092 --policy policy.yaml --database sqlite:///books.db --insecure-loopback",
        "spendwarden serve --brokers kafka-1:9092,kafka-2:9092 --database postgresql+psycopg://spendwarden@db/books --listen 0.0.0.0:8484",
    )
)
def command(
    brokers: Annotated[str, typer.Option(envvar="SPENDWARDEN_BROKERS", help="HOST:PORT of one broker or of several, with commas between.")],
    database: Annotated[
        str, typer.Option(envvar="SPENDWARDEN_DATABASE", help="Where books and tokens are kept: sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME.")
    ],
    policy: Annotated[Path | None, typer.Option(envvar="SPENDWARDEN_POLICY", help="Published if it is not the newest; without one the newest holds.")] = None,
    listen: Annotated[str, typer.Option(envvar="SPENDWARDEN_LISTEN", help="HOST:PORT of the door.")] = "127.0.0.1:8484",
    insecure_loopback: Annotated[
        bool, typer.Option("--insecure-loopback", envvar="SPENDWARDEN_INSECURE_LOOPBACK", help="Serve this machine itself (127.0.0.1) without tokens.")
    ] = False,
    partitions: Annotated[int, typer.Option(envvar="SPENDWARDEN_PARTITIONS", min=1, max=1024, help="As `topics` was told.")] = 12,
    journal_partitions: Annotated[int, typer.Option(envvar="SPENDWARDEN_JOURNAL_PARTITIONS", min=1, max=1024, help="As `topics` was told.")] = 1,
) -> None:
    """Start the door and the books on Kafka: takes records, answers questions, publishes the policy. Workers decide and deliver.

    What was accepted (202) is on all replicas in sync. Started again it goes on where its database was; several may share one database.
    """
    settings, (host, port) = kafka(brokers), address(listen)
    chosen = read_policy(policy) if policy is not None else None
    database_or_fail(database)

    async def live() -> None:
        from service.bootstrap.serving import serving  # noqa: PLC0415 -- a second of imports that a mistyped option need not wait for

        async with serving(settings, partitions, journal_partitions, chosen, database, insecure_loopback=insecure_loopback) as door:
            await serve(door, host, port)

    try:
        asyncio.run(live())
    except LogError as failed:
        fail(str(failed))
