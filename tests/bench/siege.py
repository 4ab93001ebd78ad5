"""A live service is fed over HTTP and killed again and again; whoever feeds it sends a batch again until it is acknowledged.

So the truth is known to the nano-dollar, whatever the service had written when it died.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from time import perf_counter, time
from typing import Any, Final

import msgspec

from service.records import Change, Outcome, Record, Usage
from tests.bench.live import Client, Live, receiver

FEEDERS: Final = 3
RETRY_S: Final = 0.05
PAUSE_S: Final = 0.02
REPEATED_FROM: Final = 20_000  # of its last records a feeder sends some again, so that many are older than the last snapshot
AGENTS: Final = {"indexer": "kyc", "triage": "support", "writer": "support", "planner": "kyc", "scout": "research", "poller": "research"}
POLICY: Final = """
budgets:
  - {name: each-agent-day, scope: {agent: "*"}, period: day, limit_usd: 40, thresholds: [1, 2, 5, 10, 20, 50, 70, 85, 100], pause_at: 100}
  - {name: each-user-hour, scope: {user: "*"}, rolling: 1h, limit_usd: 30, thresholds: [1, 10, 50, 100]}
  - {name: all, scope: total, period: month, limit_usd: 500, thresholds: [0.5, 1, 2, 3, 5, 8, 13, 21, 34, 55]}
caps: [{scope: {workflow: "*"}, limit_usd: 1.5, calls: 30, action: pause}]
quotas: [{scope: {user: "*"}, period: day, tokens: 400000}]
pauses: {mode: enforce, on: [loop, retry_storm], allow: [{agent: "*"}, {execution: "*"}], min_loss_usd: 0, per_hour: 1000, proof_s: 5, expires: 10m}
receivers: [{name: hook, kind: webhook, url: "http://127.0.0.1:PORT/", secret: "env:BENCH_SECRET", takes: all}]
"""


@dataclass
class Siege:
    """What was done to the service, and what must have come of it."""

    truth: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    records: int = 0
    batches: int = 0
    sent_again: int = 0
    kills: int = 0
    kills_ready: int = 0
    ready_s: list[float] = field(default_factory=list)
    heard: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    told: Counter[str] = field(default_factory=Counter)

    def event(self, event: dict[str, Any]) -> None:
        """An order or notice arrived at the receiver."""
        self.told[event["id"]] += 1
        stable = {key: value for key, value in event["data"].items() if key != "evidence_url"}
        self.heard[event["id"]].add(repr(sorted(stable.items())))


async def besiege(folder: Path, kills: int, seed: int) -> tuple[Live, Siege]:
    """Feeds and kills; at the end everything was acknowledged and the service was stopped in peace."""
    siege, chance = Siege(), random.Random(seed)
    async with receiver(siege.event) as port:
        live = Live(folder, POLICY.replace("PORT", str(port)))
        live.start()
        over = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for number in range(FEEDERS):
                tasks.create_task(_feed(live, siege, random.Random(f"{seed} {number}"), f"f{number}", over))
            tasks.create_task(_strike(live, siege, chance, kills, over))
        await live.ready()
        await live.idle()
        await asyncio.to_thread(live.stop)
    return live, siege


async def _strike(live: Live, siege: Siege, chance: random.Random, kills: int, over: asyncio.Event) -> None:
    """SIGKILL at random moments: while it starts, right after, or in full swing."""
    for _ in range(kills):
        if chance.random() < 0.75:
            started = perf_counter()
            await live.ready()
            siege.ready_s.append(perf_counter() - started)
            await asyncio.sleep(chance.choice([0.05, 0.3, 1.2, 5.0]) * chance.random())
            siege.kills_ready += 1
        else:
            await asyncio.sleep(2.0 * chance.random())
        live.kill()
        siege.kills += 1
        live.start()
    await live.ready()
    await asyncio.sleep(1.0)
    over.set()


async def _feed(live: Live, siege: Siege, chance: random.Random, name: str, over: asyncio.Event) -> None:
    """Batches one after the other, each again and again until it is acknowledged, some of them although they were."""
    source, client = records(chance, name), Client(live.port)
    told: list[bytes] = []
    while not over.is_set():
        batch = [msgspec.json.encode(stamped(next(source), siege)) for _ in range(chance.randrange(1, 40))]
        siege.batches += 1
        again = [chance.choice(told) for _ in batch if told and chance.random() < 0.2]
        told += batch
        del told[:-REPEATED_FROM]
        await _until_acknowledged(client, b"\n".join([*batch, *again]), siege)
        await asyncio.sleep(PAUSE_S * chance.random())
    client.close()


async def _until_acknowledged(client: Client, body: bytes, siege: Siege) -> None:
    while True:
        with suppress(OSError, EOFError):
            status, answer = await client.post(body)
            if status == 202:
                assert msgspec.json.decode(answer)["refused"] == [], answer
                return
            assert status in {429, 503}, (status, answer)
        siege.sent_again += 1
        await asyncio.sleep(RETRY_S)


def stamped(record: Record, siege: Siege) -> Record:
    """The record at the present time; what it adds is noted as the truth."""
    siege.records += 1
    if isinstance(record, Usage):
        siege.truth[record.agent] += int(Decimal(str(record.cost_usd)) * 10**9)
    return msgspec.structs.replace(record, time=round(time(), 3))


def records(chance: random.Random, name: str) -> Iterator[Record]:
    """Runs of all sorts, interleaved record by record, for ever."""
    live: list[Iterator[Record]] = []
    number = 0
    while True:
        while len(live) < 8:
            number += 1
            live.append(_run(chance, f"{name}-{number}"))
        run = chance.choice(live)
        record = next(run, None)
        if record is None:
            live.remove(run)
        else:
            yield record


def _run(chance: random.Random, run: str) -> Iterator[Record]:
    agent = chance.choice(list(AGENTS))
    sort = chance.choice(["plain"] * 30 + ["loop", "retries", "dear"])
    if chance.random() < 0.02:
        yield Change(id=f"{run}-change", time=0.0, what="deploy", scope={"agent": agent}, ref=run, by="ops")
    for step in range({"plain": chance.randrange(1, 7), "loop": 40, "retries": 16, "dear": 8}[sort]):
        cents = chance.randrange(1, 200) * (40 if sort == "dear" else 1)
        yield Usage(
            id=f"{run}-{step}",
            time=0.0,
            agent=agent,
            use_case=AGENTS[agent],
            business_unit="risk",
            workflow="daily",
            execution_id=run,
            provider="anthropic",
            model=chance.choice(["claude-sonnet-4-5", "claude-haiku-4-5"]),
            operation="chat",
            user=f"user-{chance.randrange(9)}",
            cost_usd=str(Decimal(cents) / 10_000),
            input_tokens=chance.randrange(100, 3_000),
            output_tokens=chance.randrange(10, 400),
            signature="same" if sort == "loop" else f"{run}-{step}",
            attempt=1 + step % 4 if sort == "retries" else 1,
            status="error" if sort == "retries" and step % 4 < 3 else "ok",
            error="rate_limited" if sort == "retries" and step % 4 < 3 else "",
        )
    if chance.random() < 0.7:
        yield Outcome(id=f"{run}-end", time=0.0, execution_id=run, use_case=AGENTS[agent], outcome="resolved", success=True)
