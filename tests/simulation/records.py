"""A made-up half-hour of six agents in two tenants: loops, runs out of hand, retries, repeats, records that come days late."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from typing import Any
from zlib import crc32

from service.facts import Control, PolicySet, Scope, encode
from service.money import nanos_of
from service.policy import Policy, dump
from service.records import Change, Outcome, Record, Usage
from tests.simulation.case import Story

START_MS = 1_790_000_040_000
STREAMS = 3
AGENTS = {"indexer": "kyc", "triage": "support", "writer": "support", "planner": "kyc", "scout": "research", "poller": "research"}
SECTIONS: dict[str, Any] = {
    "budgets": [
        {"name": "each-agent-day", "scope": {"agent": "*"}, "period": "day", "limit_usd": 6, "thresholds": [50, 85, 100], "pause_at": 100},
        {"name": "kyc-month", "scope": {"use_case": "kyc"}, "period": "month", "limit_usd": 12},
        {"name": "each-user-hour", "scope": {"user": "*"}, "period": "hour", "limit_usd": 2},
        {"name": "all", "scope": "total", "period": "week", "limit_usd": 40},
    ],
    "caps": [{"scope": {"workflow": "*"}, "factor": 4, "expected_usd": "learned", "action": "pause"}, {"scope": {"workflow": "deep"}, "children": 8}],
    "quotas": [{"scope": {"user": "*"}, "period": "day", "tokens": 60_000}],
    "planned": [{"match": {"use_case": "research"}, "from": "2026-09-21T00:00:00Z", "to": "2026-09-30T00:00:00Z", "extra_usd": 3}],
    "pauses": {"mode": "enforce", "on": ["loop", "retry_storm"], "allow": [{"agent": "*"}, {"execution": "*"}], "min_loss_usd": 0.01, "per_hour": 4},
}
HOUSE_PRICE = {"prices": {"overrides": [{"model": "house-model", "provider": "anthropic", "tier": "mid", "input": 2.0, "output": 8.0}]}}
HOUSE_NANOS = (2_000, 8_000)


def policy(version: int, sections: dict[str, Any]) -> PolicySet:
    """As it travels in the logs."""
    made = Policy.model_validate(sections)
    return PolicySet(version, made.digest, dump(made))


def story(seed: int) -> Story:
    """Some 700 rows; each costs what its producer says, so the truth is exact."""
    chance = random.Random(seed)
    rows: list[tuple[int, int, bytes]] = []
    told: list[tuple[int, bytes]] = []
    truth: defaultdict[str, int] = defaultdict(int)
    now_ms = START_MS
    for record in _records(chance):
        now_ms += chance.choice([0, 0, 90, 400, 2_500, 60_000 if chance.random() < 0.1 else 3_000])
        while told and chance.random() < 0.17:
            rows.append((now_ms, *chance.choice(told[-300:])))
        late_ms = chance.choice([0, 0, 0, 0, 40, 4_000, 90_000, 5_000_000, 200_000_000])
        stamped = _at(record, (now_ms - late_ms) / 1000)
        told.append((_stream(stamped), encode(stamped)))
        rows.append((now_ms, *told[-1]))
        if isinstance(stamped, Usage):
            truth[f"{stamped.tenant}/{stamped.agent or 'unattributed'}"] += _costs(stamped)
    priced = (chance.randrange(START_MS + 60_000, now_ms), encode(policy(2, {**SECTIONS, **HOUSE_PRICE})))
    rows = sorted([*rows, *((priced[0], stream, priced[1]) for stream in range(STREAMS))], key=lambda row: row[0])
    asked = sorted([priced, *_asked(chance, now_ms)])
    return Story(rows, now_ms + 4 * 60_000, 5_000, dict(truth), policy(1, SECTIONS), rows[0][0], asked)


def _costs(u: Usage) -> int:
    """What it says, or what the house's model costs once somebody has said its price."""
    return nanos_of(u.cost_usd) if u.cost_usd is not None else u.input_tokens * HOUSE_NANOS[0] + u.output_tokens * HOUSE_NANOS[1]


def _at(record: Record, time_s: float) -> Record:
    return type(record)(**{**{name: getattr(record, name) for name in record.__struct_fields__}, "time": time_s})


def _stream(record: Record) -> int:
    run = "" if isinstance(record, Change) else record.execution_id if isinstance(record, Outcome) else record.root_execution_id or record.execution_id
    return crc32(f"{record.tenant} {run or record.id}".encode()) % STREAMS


def _records(chance: random.Random) -> Iterator[Record]:
    """Runs of all sorts, a dozen at a time, interleaved record by record.

    No credits: whether a line is crossed before or after one is a matter of which stream is heard first.
    """
    ids = count()
    waiting = [_run(chance, number, ids) for number in range(80)]
    live: list[Iterator[Record]] = []
    while waiting or live:
        while waiting and len(live) < 12:
            live.append(waiting.pop())
        run = chance.choice(live)
        record = next(run, None)
        if record is None:
            live.remove(run)
        else:
            yield record


def _run(chance: random.Random, number: int, ids: Iterator[int]) -> Iterator[Record]:
    agent = chance.choice(list(AGENTS))
    sort = chance.choice(["plain"] * 12 + ["loop", "deep", "retries", "dear"])
    tenant, run = chance.choice(["default", "default", "acme"]), f"run-{number}"
    common: dict[str, Any] = {"tenant": tenant, "use_case": AGENTS[agent], "workflow": "deep" if sort == "deep" else "daily", "execution_id": run, "time": 0.0}
    if number % 40 == 7:
        yield Change(id=f"r{next(ids)}", time=0.0, tenant=tenant, what="deploy", scope={"agent": agent}, ref=f"v{number}", by="ops")
    for step in range({"plain": chance.randrange(1, 7), "loop": 40, "deep": 14, "retries": 16, "dear": 8}[sort]):
        usd = Decimal(chance.randrange(1, 400)) * (40 if sort == "dear" else 1) / 10_000
        model = chance.choice(["claude-sonnet-4-5", "claude-haiku-4-5", "house-model"])
        child = {"execution_id": f"{run}-c{step}", "parent_execution_id": run, "root_execution_id": run} if sort == "deep" else {}
        yield Usage(
            id=f"r{next(ids)}",
            agent="" if chance.random() < 0.02 else agent,
            provider="anthropic",
            model=model,
            operation="chat",
            user=f"user-{chance.randrange(5)}",
            cost_usd=None if model == "house-model" and chance.random() < 0.5 else str(usd),
            input_tokens=chance.randrange(100, 3_000),
            output_tokens=chance.randrange(10, 400),
            signature="same" if sort == "loop" else f"s{number}-{step}",
            attempt=1 + step % 4 if sort == "retries" else 1,
            status="error" if sort == "retries" and step % 4 < 3 else "ok",
            error="rate_limited" if sort == "retries" and step % 4 < 3 else "",
            **{**common, **child},
        )
    if chance.random() < 0.7:
        yield Outcome(id=f"r{next(ids)}", time=0.0, tenant=tenant, execution_id=run, use_case=AGENTS[agent], outcome="resolved", success=True)


def _asked(chance: random.Random, end_ms: int) -> list[tuple[int, bytes]]:
    """What people ask for in between; none of it may change what is found."""
    scope = Scope("agent", "writer")
    asked = [
        Control("c1", "default", "pause", "ann", scope=scope, reason="too dear"),
        Control("c2", "default", "resume", "ann", scope=scope, reason="seen to"),
        Control("c3", "acme", "resume", "bob", scope=Scope("agent", "indexer")),
        Control("c4", "default", "note", "bob", incident="inc-unknown", reason="?"),
    ]
    times = sorted(chance.randrange(START_MS + 60_000, end_ms) for _ in asked)
    return list(zip(times, map(encode, asked), strict=True))
