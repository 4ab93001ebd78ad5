"""`spendwarden ledger rebuild`: the books, built anew from the logs."""

from __future__ import annotations

import asyncio
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import cluster
from service.cli.cluster import database_or_fail, kafka
from service.cli.examples import examples
from service.cli.failures import USAGE, fail
from service.cli.folder import opened
from service.folder import LEDGER
from service.log.ports import JOURNAL, OUTBOX, Log, LogError
from service.settings import KafkaSettings

if TYPE_CHECKING:
    from service.shells.rebuild import Source

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Build the books anew from the logs.",
    epilog=examples("spendwarden ledger rebuild --data ./data"),
)


@app.callback()
def root() -> None:
    """Build the books anew from the logs."""


@app.command(
    epilog=examples(
        "spendwarden ledger rebuild --data ./data",
        "spendwarden ledger rebuild --data ./data --accept-loss",
        "spendwarden ledger rebuild --brokers 127.0.0.1:9092 --database postgresql+psycopg://spendwarden@db/books",
    )
)
def rebuild(
    data: Annotated[Path, typer.Option(envvar="SPENDWARDEN_DATA", help="The service's data folder; it may run meanwhile.")] = Path("spendwarden-data"),
    *,
    brokers: Annotated[str | None, typer.Option(envvar="SPENDWARDEN_BROKERS", help="The brokers of a service on Kafka, instead of a folder.")] = None,
    database: Annotated[str | None, typer.Option(envvar="SPENDWARDEN_DATABASE", help="With --brokers: where `serve` keeps the books.")] = None,
    partitions: Annotated[int, typer.Option(envvar="SPENDWARDEN_PARTITIONS", min=1, max=1024, help="With --brokers: as `topics` was told.")] = 12,
    journal_partitions: Annotated[int, typer.Option(envvar="SPENDWARDEN_JOURNAL_PARTITIONS", min=1, max=1024, help="The same.")] = 1,
    accept_loss: Annotated[bool, typer.Option("--accept-loss", help="Also where the logs no longer reach back to the beginning.")] = False,
) -> None:
    """Build the books anew from journal and outbox, in one transaction: until it ends the old ones are read, and a failure leaves them.

    Journal and outbox are kept for 35 days and the books for ever, so after that the books know what the logs no longer do; then nothing is
    changed unless that loss is accepted.
    """
    if brokers is None:
        with opened(data) as (log, _):
            sources = asyncio.run(_rebuild(log, f"sqlite:///{data / LEDGER}", 1, accept_loss=accept_loss))
    elif database is None:
        fail("--brokers needs --database, the one that `serve` was started with", USAGE)
    else:
        database_or_fail(database)
        sources = _on_kafka(kafka(brokers), database, (partitions, journal_partitions), accept_loss=accept_loss)
    rows = {topic: sum(it.end - it.first for it in sources if it.topic == topic) for topic in (JOURNAL, OUTBOX)}
    sys.stdout.write(f"rebuilt from {rows[JOURNAL]:,} rows of the journal and {rows[OUTBOX]:,} of the outbox\n")


def _on_kafka(settings: KafkaSettings, database: str, partitions: tuple[int, int], *, accept_loss: bool) -> list[Source]:
    """Of all partitions there are, or of none."""

    async def rebuilt() -> list[Source]:
        async with cluster.opened(settings, partitions) as log:
            return await _rebuild(log, database, partitions[1], accept_loss=accept_loss)

    try:
        return asyncio.run(rebuilt())
    except LogError as failed:
        fail(str(failed))


async def _rebuild(log: Log, url: str, partitions: int, *, accept_loss: bool) -> list[Source]:
    """Returns what was booked; ends with what would be lost."""
    from service.cli.screen import booking  # noqa: PLC0415
    from service.ledger import Ledger  # noqa: PLC0415
    from service.shells import rebuild as books  # noqa: PLC0415 -- help need not wait for the database's driver

    sources = await books.sources_of(log, partitions)
    losses = await books.lost(log, sources)
    if losses and not accept_loss:
        fail("\n  ".join(["the books hold what the logs no longer do, and would lose it; nothing was changed. With --accept-loss it is lost:", *losses]))
    with closing(Ledger(url)) as ledger, booking(sum(it.end - it.first for it in sources), sys.stderr.isatty()) as booked:
        await books.rebuild(log, ledger, sources, booked)
    for loss in losses:
        sys.stderr.write(f"spendwarden: lost: {loss}\n")
    return sources
