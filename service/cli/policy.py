"""`spendwarden policy apply`: another policy takes effect, also while the service runs."""

from __future__ import annotations

import asyncio
import getpass
import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from service.cli.cluster import kafka, opened
from service.cli.examples import examples
from service.cli.failures import fail, mistakes, read_policy
from service.clock import now_ms
from service.facts import PolicySet
from service.log.blocking import complete
from service.log.ports import Log, LogError
from service.policy import Policy

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Put another policy in force.",
    epilog=examples("spendwarden policy apply policy.yaml --data ./data", "spendwarden policy apply policy.yaml --brokers 127.0.0.1:9092"),
)


@app.callback()
def root() -> None:
    """Put another policy in force."""


@app.command(epilog=examples("spendwarden check policy.yaml && spendwarden policy apply policy.yaml --data ./data"))
def apply(
    policy: Annotated[Path, typer.Argument(metavar="FILE", help="The policy; one with mistakes is refused with all of them.")],
    data: Annotated[Path, typer.Option(envvar="SPENDWARDEN_DATA", help="The service's data folder.")] = Path("spendwarden-data"),
    brokers: Annotated[str | None, typer.Option(envvar="SPENDWARDEN_BROKERS", help="The brokers of a service on Kafka, instead of a folder.")] = None,
    by: Annotated[str | None, typer.Option(help="Who does it, for the audit; without it the user of this machine.")] = None,
) -> None:
    """Publish a policy to a service: to its data folder, or on Kafka.

    A running service takes it up within a second, receivers included; one that does not run, at its next start without --policy. Lines
    that were told are not told again. What waits for a receiver that is removed ends as failed.
    """
    chosen = read_policy(policy)
    if brokers is None and not data.is_dir():
        fail(f"--data {data}: there is no such folder; the first start of the service makes it")
    try:
        who = by or _user()
        before, now = asyncio.run(_on_kafka(brokers, chosen, who)) if brokers is not None else _in_folder(data, chosen, who)
    except LogError as failed:
        fail(str(failed))
    if before == now:
        sys.stdout.write(f"unchanged: version {now.version}, digest {now.digest}\n")
        return
    sys.stdout.write(f"published: version {now.version}, digest {now.digest}\n")
    _warn(policy, chosen)


async def _on_kafka(brokers: str, chosen: Policy, by: str) -> tuple[PolicySet | None, PolicySet]:
    async with opened(kafka(brokers)) as log:
        return await _publish(log, chosen, by)


def _in_folder(data: Path, chosen: Policy, by: str) -> tuple[PolicySet | None, PolicySet]:
    from service.bootstrap.embedded import sqlite_log  # noqa: PLC0415 -- the whole service is slow to import; help need not wait for it

    with closing(sqlite_log(data)) as log:
        return complete(_publish(log, chosen, by))


async def _publish(log: Log, chosen: Policy, by: str) -> tuple[PolicySet | None, PolicySet]:
    """What was the newest, and what is it now."""
    from service.engine.published import newest_policy, publish  # noqa: PLC0415

    return await newest_policy(log), await publish(log, chosen, now_ms(), by)


def _user() -> str:
    """Nobody where the machine knows no name, as in a container."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def _warn(path: Path, policy: Policy) -> None:
    """What will not work in it, as far as can be seen from here: the service may find secrets in its own environment."""
    from service.couriers.registry import COURIERS  # noqa: PLC0415
    from service.policy.advice import advice  # noqa: PLC0415
    from service.settings import secret  # noqa: PLC0415

    if found := advice(policy, secret, COURIERS):
        sys.stderr.write(f"{mistakes(path, map(str, found), 'warning')}\n")
