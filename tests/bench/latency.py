"""HTTP accept -> order accepted by a receiver: runs that cross their cap, hidden in ordinary load, while it is fed at a steady rate."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from contextlib import suppress
from importlib import import_module
from itertools import islice
from pathlib import Path
from time import perf_counter, time
from typing import Any, Final

import msgspec

from service.log.sqlite import SqliteLog
from service.records import Usage
from tests.bench.figures import Figure, below, quantile
from tests.bench.live import TURNED_AWAY, Client, Live, receiver
from tests.bench.stages import stages_of
from tests.bench.traffic import DENSE, POLICY, lines

GOAL_MS: Final = 300
GOAL_AT: Final = 1_000
RATES: Final = (200, 1_000, 2_000)
CONNECTIONS: Final = 8
RUNAWAY_EVERY_S: Final = 0.1
WARM_S: Final = 3.0
RUNAWAY: Final = "bench-runaway"
LIVE_POLICY: Final = (
    POLICY.split("pauses:", maxsplit=1)[0]
    + """
pauses: {mode: enforce, on: [], allow: [{execution: "*"}], min_loss_usd: 0, per_hour: 100000}
receivers:
  - {name: hook, kind: webhook, url: "http://127.0.0.1:PORT/", secret: "env:BENCH_SECRET", takes: all}
"""
).replace("caps: [", "caps: [{scope: {workflow: bench-runaway}, limit_usd: 1, action: pause}, ")

SLACK: Final = """  - {name: chat, kind: slack, channel: C0000001, token: "env:BENCH_SECRET", base_url: "http://127.0.0.1:PORT/api"}
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rates", type=int, nargs="+", help="records a second; else 200, 1000 and 2000, or with --kafka 200, 2000 and 20000")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each rate, after three to warm up")
    parser.add_argument("--slack-limited", action="store_true", help="all alerts also go to a Slack that answers 429 to everything")
    parser.add_argument("--kafka", action="store_true", help="instead: produced into a real Kafka -> order accepted, and a killed worker -> reading again")
    parser.add_argument("--only", choices=("rates", "killed"), help="with --kafka: one of the two")
    parser.add_argument("--ids", type=int, default=1_000_000, help="with --kafka: that the killed worker remembers; 0 kills none")


def run(asked: argparse.Namespace) -> list[Figure]:
    if asked.kafka:
        on_kafka: list[Figure] = import_module("tests.bench.produced").run(asked)  # the embedded service's bench needs no Kafka
        return on_kafka
    return [figure for rate in asked.rates or RATES for figure in asyncio.run(_rate(rate, asked.seconds, slack_limited=asked.slack_limited))]


class Watch:
    """When each runaway run was accepted by the door, and its pause by the receiver (seconds of this process' clock)."""

    def __init__(self) -> None:
        self.accepted: dict[str, float] = {}
        self.obeyed: dict[str, float] = {}
        self.answers: list[float] = []
        self.news = asyncio.Event()

    def event(self, event: dict[str, Any]) -> None:
        if event["type"] == "spendwarden.order.pause":
            self.obeyed.setdefault(event["data"]["scope"]["name"], perf_counter())
            self.news.set()

    async def all_obeyed(self) -> None:
        """Returns when every pause has come, or after ten seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(10.0):
                while not self.accepted.keys() <= self.obeyed.keys():
                    self.news.clear()
                    await self.news.wait()


async def _rate(rate: int, seconds: float, *, slack_limited: bool) -> list[Figure]:
    watch = Watch()
    with tempfile.TemporaryDirectory(prefix="spendwarden-latency-") as folder:
        async with receiver(watch.event) as port, receiver(watch.event, TURNED_AWAY) as slack:
            policy = LIVE_POLICY.replace("PORT", str(port)) + (SLACK.replace("PORT", str(slack)) if slack_limited else "")
            live = Live(Path(folder), policy)
            live.start()
            try:
                await live.ready()
                await _feed(live.port, rate, WARM_S + seconds, watch)
                await watch.all_obeyed()
            finally:
                live.stop()
        log = SqliteLog(live.data / "log", lambda: 0)
        stages = await stages_of(log, RUNAWAY)
        log.close()
    return _figures(rate, watch, stages)


async def _feed(port: int, rate: int, seconds: float, watch: Watch) -> None:
    """Batches of ten milliseconds of load each, spread over kept connections; one in ten crosses a cap."""
    source, started = lines(DENSE), perf_counter()
    batch_s = max(0.01, CONNECTIONS / rate)
    size = max(1, round(rate * batch_s))
    clients = [Client(port) for _ in range(CONNECTIONS)]
    idle = asyncio.Queue[Client]()
    for client in clients:
        idle.put_nowait(client)
    runaway_at = started + WARM_S
    async with asyncio.TaskGroup() as posts:
        for number in range(int(seconds / batch_s)):
            due = started + number * batch_s
            await asyncio.sleep(max(0.0, due - perf_counter()))
            records, name = list(islice(source, size)), ""
            if due >= runaway_at:
                runaway_at += RUNAWAY_EVERY_S
                name = f"bench-{number}"
                records += runaway(name, number)
            posts.create_task(_post(idle, _now_stamped(records), name, watch))
    for client in clients:
        client.close()


def runaway(name: str, number: int) -> list[bytes]:
    call = Usage(id="", time=0.0, agent=f"agent-{number % 40:02d}", use_case="case-2", workflow=RUNAWAY, execution_id=name, cost_usd="0.6")
    return [msgspec.json.encode(msgspec.structs.replace(call, id=f"{name}-{n}", signature=f"{name}-{n}")) for n in range(2)]


def _now_stamped(records: list[bytes]) -> bytes:
    """The made-up records at the present time, as a live producer would send them."""
    now = round(time(), 3)
    return b"\n".join(msgspec.json.encode({**msgspec.json.decode(raw), "time": now}) for raw in records)


async def _post(idle: asyncio.Queue[Client], body: bytes, name: str, watch: Watch) -> None:
    client = await idle.get()
    started = perf_counter()
    status, answer = await client.post(body)
    done = perf_counter()
    idle.put_nowait(client)
    assert status == 202, (status, answer)
    watch.answers.append(done - started)
    if name:
        watch.accepted[name] = done


def _figures(rate: int, watch: Watch, stages: dict[str, list[float]]) -> list[Figure]:
    took = [1000 * (watch.obeyed[name] - at) for name, at in watch.accepted.items() if name in watch.obeyed]
    label = f"{rate:,}/s"
    p99 = quantile(took, 0.99)
    figures = [
        Figure(
            f"{label}: pauses, of as many caps crossed", float(len(took)), f"of {len(watch.accepted)}", "all", len(took) == len(watch.accepted) > 0, must=True
        ),
        Figure(f"{label}: accept -> order accepted, p50", quantile(took, 0.5), "ms"),
        below(f"{label}: accept -> order accepted, p99", p99, "ms", GOAL_MS)
        if rate == GOAL_AT
        else Figure(f"{label}: accept -> order accepted, p99", p99, "ms"),
        Figure(f"{label}: accept -> order accepted, max", max(took, default=0.0), "ms"),
        Figure(f"{label}: the door's own answer, p50", 1000 * quantile(watch.answers, 0.5), "ms"),
        Figure(f"{label}: the door's own answer, p99", 1000 * quantile(watch.answers, 0.99), "ms"),
    ]
    for name, values in stages.items():
        figures += [Figure(f"{label}: of it {name}, p50", quantile(values, 0.5), "ms"), Figure(f"{label}: of it {name}, p99", quantile(values, 0.99), "ms")]
    return figures
