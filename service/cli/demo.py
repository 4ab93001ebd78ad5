"""`spendwarden demo`: the embedded service, example traffic, one runaway agent, and an orchestrator that obeys."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import secrets
import signal
import socket
import tempfile
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final

import httpx
import structlog
import typer
import uvicorn
from pydantic import ValidationError
from rich.console import Console

from service.bootstrap.embedded import embedded
from service.cli.examples import examples
from service.cli.failures import USAGE, fail
from service.cli.serving import serve
from service.clock import now_ms
from service.demo.client import Client, DemoError, Feed
from service.demo.ending import Ending, invitation
from service.demo.orchestrator import Orchestrator, app_of
from service.demo.stage import Stage
from service.demo.story import play
from service.folder import claimed
from service.log.ports import LogError
from service.policy import Policy, load
from service.settings import DEFAULT_LISTEN, Settings, told

LOOPBACK: Final = "127.0.0.1"
VARIABLE: Final = "SPENDWARDEN_DEMO_SECRET"  # where the policy's file says that the signing secret is
RECEIVER: Final = "http://127.0.0.1:8485"  # where the policy's file says that the orchestrator is
WIDTH: Final = 110
ENDED_WITHIN_S: Final = 40.0  # a service that ends folds and saves first

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog=examples(
        "spendwarden demo",
        "spendwarden demo --listen 127.0.0.1:9000 --data ./demo-data",
        "spendwarden demo --seconds 0 --picture demo.svg",
    )
)
def command(
    listen: Annotated[str, typer.Option(help="127.0.0.1:PORT of the door, which needs no tokens here.")] = DEFAULT_LISTEN,
    data: Annotated[Path | None, typer.Option(help="Keep everything in this folder; without one it is gone at the end.")] = None,
    seconds: Annotated[float | None, typer.Option(min=0, help="Stay up so long after the story; without it until Ctrl-C.")] = None,
    fast: Annotated[bool, typer.Option("--fast", help="Hurry: a shorter calm, a shorter proof.")] = False,
    picture: Annotated[Path | None, typer.Option(help="Write what was shown to this file too, as SVG.")] = None,
) -> None:
    """Forty agents, one runs away: see the alert, its cause, the signed pause, the proof that it stopped and the money saved, in a minute.

    Everything is real but the agents: the service with its door, an orchestrator that verifies and obeys. It then stays up to be asked.
    """
    host, port = _address(listen)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    console = Console(record=picture is not None, width=WIDTH if picture is not None else None, soft_wrap=False)
    with contextlib.ExitStack() as stack:
        folder = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="spendwarden-demo-")))
        try:
            stack.enter_context(claimed(folder))
            asyncio.run(perform(host, port, folder, console, seconds=seconds, fast=fast, picture=picture))
        except (DemoError, LogError, OSError, ValueError) as wrong:
            fail(str(wrong))


def _address(listen: str) -> tuple[str, int]:
    try:
        host, port = Settings(listen=listen).address
    except ValidationError as wrong:
        fail(told(wrong, listen=f"--listen {listen}"), USAGE)
    if host not in (LOOPBACK, "localhost"):
        fail(f"--listen {listen}: the demo serves this machine only, as 127.0.0.1, because it asks for no tokens", USAGE)
    try:
        with bound(port) as probe:
            return LOOPBACK, probe.getsockname()[1]
    except OSError as taken:
        fail(f"--listen {listen}: {taken.strerror}; give another port, for example --listen 127.0.0.1:0 for a free one")


def bound(port: int = 0) -> socket.socket:
    """A socket on this machine alone; port 0 is any free one."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((LOOPBACK, port))
    except OSError:
        sock.close()
        raise
    return sock


async def perform(host: str, port: int, folder: Path, console: Console, *, seconds: float | None, fast: bool, picture: Path | None = None) -> Ending | None:
    """Puts everything up, plays the story, stays up, and takes it all down again; None when somebody ended it before the story did."""
    os.environ.setdefault(VARIABLE, secrets.token_urlsafe(24))
    orchestrator = Orchestrator(now_ms)
    url = f"http://{host}:{port}"
    async with _obeying(orchestrator) as receiver:
        running = embedded(folder, policy(receiver, fast=fast), url, insecure_loopback=True, console=console)
        serving = asyncio.create_task(serve(running, host, port))
        async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as http:
            stage = Stage(Client(http, now_ms), orchestrator, console, url, calm_s=0.5 if fast else 4.0)
            story = asyncio.create_task(_tell(stage, seconds, picture))
            ending = await _first(serving, story)
    if ending is None:
        console.print("Ended.")
    return ending


async def _first(serving: asyncio.Task[None], story: asyncio.Task[Ending]) -> Ending | None:
    """Ends the service when the story is over, and the story when the service is; None for the latter. Raises what went wrong in either."""
    await asyncio.wait({serving, story}, return_when=asyncio.FIRST_COMPLETED)
    if isinstance(_failure(story), httpx.TransportError):  # the service is on its way out, or it is really gone
        await asyncio.wait({serving}, timeout=ENDED_WITHIN_S)
    ended_by_itself = serving.done()
    story.cancel()
    if not ended_by_itself:
        signal.raise_signal(signal.SIGINT)  # the service ends as it does by Ctrl-C
    told = (await asyncio.gather(story, return_exceptions=True))[0]
    await serving
    if isinstance(told, Ending):
        return told
    if ended_by_itself:
        return None
    raise told


def _failure(task: asyncio.Task[Ending]) -> BaseException | None:
    return task.exception() if task.done() and not task.cancelled() else None


async def _tell(stage: Stage, seconds: float | None, picture: Path | None) -> Ending:
    ending = await play(stage)
    if picture is not None:
        await asyncio.to_thread(picture.write_text, _drawn(stage.console), "utf-8")
    if seconds == 0:
        return ending
    stage.console.print("\nIt stays up. Try, in another terminal:", style="bold")
    stage.console.print(invitation(stage.url, ending), markup=False, highlight=False, soft_wrap=True)
    stage.console.print("Ctrl-C ends it." if seconds is None else f"It ends by itself in {seconds:g} s.", style="dim")
    await _stay(ending.feed, seconds)
    return ending


def _drawn(console: Console) -> str:
    """What the console has shown, as SVG that loads nothing from elsewhere: the fonts are those of whoever looks at it."""
    return re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title="spendwarden demo", clear=False), flags=re.DOTALL)


async def _stay(feed: Feed, seconds: float | None) -> None:
    """The forty go on working, in real time."""
    ended = asyncio.Event()
    if seconds is not None:
        asyncio.get_running_loop().call_later(seconds, ended.set)
    await feed.follow(ended)


def policy(receiver: str, *, fast: bool) -> Policy:
    """The demo's policy, sent to where its orchestrator really is."""
    text = files("service.demo").joinpath("policy.yaml").read_text(encoding="utf-8").replace(RECEIVER, receiver)
    read = load(text)
    return read.model_copy(update={"pauses": read.pauses.model_copy(update={"proof_s": 1})}) if fast else read


@contextlib.asynccontextmanager
async def _obeying(orchestrator: Orchestrator) -> AsyncIterator[str]:
    """The orchestrator on a port of its own; gives its address."""
    sock = bound()
    # It is sent a handful of orders, so it ends each connection itself and leaves none open on the service's side.
    config = uvicorn.Config(app_of(orchestrator, os.environ[VARIABLE]), log_level="warning", access_log=False, headers=[("connection", "close")])
    server = uvicorn.Server(config)
    vars(server)["capture_signals"] = contextlib.nullcontext  # the end of the demo is the service's
    task = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        yield f"http://{LOOPBACK}:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
