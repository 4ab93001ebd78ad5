"""`spendwarden run`: the live service in one process."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import structlog
import typer

from service.bootstrap.embedded import embedded
from service.cli.examples import examples
from service.cli.failures import USAGE, fail, mistakes, read_policy
from service.cli.serving import address, serve
from service.couriers.registry import COURIERS
from service.folder import claimed
from service.log.ports import LogError
from service.policy import Policy, secret_warnings
from service.settings import secret

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog=examples(
        "spendwarden run --policy policy.yaml --data ./data",
        "spendwarden run --insecure-loopback",
        """curl -d '{"id": "1", "time": 1764000000, "agent": "indexer", "cost_usd": 0.02}' http://127.0.0.1:8484/v1/records""",
    )
)
def command(
    policy: Annotated[Path | None, typer.Option(envvar="SPENDWARDEN_POLICY", help="The policy; without one the newest published one, or all defaults.")] = None,
    data: Annotated[Path, typer.Option(envvar="SPENDWARDEN_DATA", help="The folder that holds everything.")] = Path("spendwarden-data"),
    listen: Annotated[str, typer.Option(envvar="SPENDWARDEN_LISTEN", help="HOST:PORT of the door.")] = "127.0.0.1:8484",
    insecure_loopback: Annotated[
        bool, typer.Option("--insecure-loopback", envvar="SPENDWARDEN_INSECURE_LOOPBACK", help="Serve this machine itself (127.0.0.1) without tokens.")
    ] = False,
    partitions: Annotated[
        int | None, typer.Option(envvar="SPENDWARDEN_PARTITIONS", min=1, max=1024, help="Stream partitions of a new folder (default 12); fixed then.")
    ] = None,
) -> None:
    """Start the service: HTTP door, detection, alerts and orders, in one process on SQLite.

    What was accepted (202) survives a kill; started again on the same folder it goes on where it was.
    """
    host, port = address(listen)
    chosen = read_policy(policy) if policy is not None else None
    if chosen is not None:
        _secrets_or_fail(policy, chosen)
    with ExitStack() as stack:
        try:
            stack.enter_context(claimed(data))
            running = embedded(data, chosen, f"http://{listen}", partitions=partitions, insecure_loopback=insecure_loopback)
        except (LogError, ValueError, OSError) as wrong:
            fail(str(wrong))
        for receiver in running.policy.receivers:
            if receiver.kind not in COURIERS:
                structlog.get_logger("run").warning("receiver_without_courier", receiver=receiver.name, kind=receiver.kind)
        asyncio.run(serve(running, host, port))


def _secrets_or_fail(path: Path | None, policy: Policy) -> None:
    found = secret_warnings(policy, secret)
    if found and path is not None:
        fail(mistakes(path, (f"{m.path}: {m.problem}" for m in found)), USAGE)
