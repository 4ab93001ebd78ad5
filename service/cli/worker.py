"""`spendwarden worker`: one of as many processes as wanted, on Kafka."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from service.cli.cluster import database_or_fail, kafka
from service.cli.examples import examples
from service.cli.failures import fail, read_policy
from service.log.ports import LogError

SWITCH_S: Final = 0.0005  # the engine's thread folds without a pause: couriers and clients need the interpreter often, for microseconds each

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog=examples(
        "spendwarden topics --brokers 127.0.0.1:9092",
        "spendwarden worker --brokers 127.0.0.1:9092 --policy policy.yaml --id worker-1",
        "spendwarden worker --brokers 127.0.0.1:9092 --id worker-2 --metrics 127.0.0.1:9102",
    )
)
def command(
    worker_id: Annotated[str, typer.Option("--id", envvar="SPENDWARDEN_ID", help="This worker's own name; no two may share one.")],
    brokers: Annotated[str, typer.Option(envvar="SPENDWARDEN_BROKERS", help="HOST:PORT of one broker or of several, with commas between.")],
    policy: Annotated[Path | None, typer.Option(envvar="SPENDWARDEN_POLICY", help="Only taken where none was ever published; then `policy apply`.")] = None,
    data: Annotated[Path, typer.Option(envvar="SPENDWARDEN_DATA", help="A folder for what Faust keeps; nothing of value is in it.")] = Path("spendwarden-data"),
    partitions: Annotated[int, typer.Option(envvar="SPENDWARDEN_PARTITIONS", min=1, max=1024, help="As `topics` was told.")] = 12,
    journal_partitions: Annotated[int, typer.Option(envvar="SPENDWARDEN_JOURNAL_PARTITIONS", min=1, max=1024, help="As `topics` was told.")] = 1,
    static: Annotated[bool, typer.Option("--static", help="A restart within the session keeps its partitions; a stop hands over only after it.")] = False,
    session_s: Annotated[float, typer.Option(envvar="SPENDWARDEN_SESSION_S", min=0.5, max=300, help="A worker silent for so long loses what it holds.")] = 10.0,
    database: Annotated[str | None, typer.Option(envvar="SPENDWARDEN_DATABASE", help="That of `serve`: Slack gets pictures drawn from it; else none.")] = None,
    metrics: Annotated[str | None, typer.Option(envvar="SPENDWARDEN_METRICS", help="HOST:PORT of a page for Prometheus; without one there is none.")] = None,
) -> None:
    """Start a worker: it meters, decides and delivers for the partitions that it is leased, and takes over those of workers that die.

    Everything it needs to go on lies in Kafka. SIGTERM saves, hands over and ends. When it ends by itself (exit code 1, or 70 when a
    part of it stood still) whoever supervises it starts it again. The page of --metrics shows lag, leased partitions, the age of
    snapshots, the time of the last recovery, couriers and producers' topics.
    """
    settings = kafka(brokers)
    chosen = read_policy(policy) if policy is not None else None
    page = _page(metrics) if metrics is not None else None
    if database is not None:
        database_or_fail(database)
    from service.bootstrap.workers import Shape, work  # noqa: PLC0415 -- Faust and aiokafka take a second that a mistyped option need not wait for
    from service.shells.leases import Membership  # noqa: PLC0415
    from service.shells.worker import WorkerError  # noqa: PLC0415

    async def live() -> None:
        stop = asyncio.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        await work(settings, Shape(partitions, journal_partitions), Membership(worker_id, static, session_s), chosen, data, page, database, stop)

    sys.setswitchinterval(SWITCH_S)
    try:
        asyncio.run(live())
    except (LogError, WorkerError) as failed:
        fail(str(failed))


def _page(metrics: str) -> tuple[str, int]:
    from service.cli.serving import address  # noqa: PLC0415 -- the web server's imports are not for every worker

    return address(metrics, "--metrics")
