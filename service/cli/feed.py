"""`spendwarden feed`: the demo's traffic, sent to a service that runs elsewhere."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Annotated

import httpx
import typer

from service.cli.examples import examples
from service.cli.failures import USAGE, fail
from service.clock import now_ms
from service.demo.client import Client, DemoError
from service.demo.feeding import feed
from service.settings import secret

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog=examples(
        "spendwarden feed --to http://127.0.0.1:8484",
        "spendwarden feed --to https://spend.example --token file:/run/secrets/ingest --hours 0 --runaway-s 60",
    )
)
def command(
    to: Annotated[str, typer.Option(envvar="SPENDWARDEN_URL", help="The address of the door.")] = "http://127.0.0.1:8484",
    token: Annotated[
        str | None, typer.Option(envvar="SPENDWARDEN_TOKEN", help="env:NAME or file:PATH of a token of role ingest; none with --insecure-loopback.")
    ] = None,
    hours: Annotated[float, typer.Option(min=0, max=48, help="So much of the past is sent first, at speed.")] = 24.0,
    runaway_s: Annotated[float, typer.Option(min=1, help="So often one agent repeats itself, sixty times.")] = 300.0,
) -> None:
    """Send the traffic of forty agents to a service that runs, in real time, until Ctrl-C: to see it work before your own agents report.

    Begun again it sends the same records again, which are counted once.
    """
    if not to.startswith(("http://", "https://")):
        fail(f"--to {to}: must be an address such as http://127.0.0.1:8484", USAGE)
    bearer = secret(token) if token is not None else None
    if token is not None and bearer is None:
        fail(f"--token {token}: names nothing that can be read; give env:NAME or file:PATH", USAGE)
    try:
        sent = asyncio.run(_live(to, {"Authorization": f"Bearer {bearer}"} if bearer else {}, hours, runaway_s))
    except (DemoError, httpx.HTTPError) as failed:
        fail(f"--to {to}: {failed or repr(failed)}")
    sys.stdout.write(f"sent {sent:,} records of forty agents\n")


async def _live(to: str, headers: dict[str, str], hours: float, runaway_s: float) -> int:
    ended = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, ended.set)
    async with httpx.AsyncClient(base_url=to, headers=headers, timeout=30, trust_env=False) as http:
        return await feed(Client(http, now_ms), hours, runaway_s, ended)
