"""Made-up traffic of forty agents as lines of JSON, the same for the same seed: dense as a service at full load hears it, or a thin day.

Every fifth record of the dense one is a repetition. Executions have some eight calls, one in two thousand runs away; half of the
records say what they cost, the others are priced from their tokens; a tenth are of another layer.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from service.records import Outcome, Usage

VERSION: Final = 3
START_S: Final = 1_790_000_000.0
AGENTS: Final = 40
MODELS: Final = (
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-haiku-4-5"),
    ("openai", "gpt-4.1"),
    ("openai", "gpt-4.1-mini"),
    ("google", "gemini-2.5-flash"),
)
POLICY: Final = """
owners: [{match: {use_case: case-1}, name: Team one}]
budgets:
  - {name: case-month, scope: {use_case: case-1}, period: month, limit_usd: 12000, pause_at: 100}
  - {name: each-agent-day, scope: {agent: "*"}, period: day, limit_usd: 5000}
  - {name: each-unit-hour, scope: {business_unit: "*"}, rolling: 1h, limit_usd: 9000}
  - {name: all-ai, scope: total, period: month, limit_usd: 900000}
caps: [{scope: {workflow: "*"}, factor: 4, expected_usd: learned, action: pause}]
quotas: [{scope: {user: "*"}, period: day, tokens: 500000000}]
tiers: [{match: {workflow: flow-3}, allow: [small, mid], action: order}]
batch: [{match: {workflow: nightly}, action: ticket}]
planned: [{match: {use_case: case-7}, from: 2026-09-20T00:00:00Z, to: 2026-09-30T00:00:00Z, extra_usd: 800}]
pauses: {mode: enforce, allow: [{agent: "*"}, {execution: "*"}], min_loss_usd: 5, per_hour: 6}
"""

_encode: Final = msgspec.json.Encoder().encode


class Flow(NamedTuple):
    """How records arrive. `gap_s`: between two arrivals, on average; `live`: executions at a time."""

    gap_s: float
    live: int
    repeats: float


DENSE: Final = Flow(gap_s=1 / 40_000, live=800, repeats=0.2)
SPARSE: Final = Flow(gap_s=86_400 / 45_000, live=12, repeats=0.003)


class _Run:
    __slots__ = ("agent", "calls", "id", "left", "runaway", "size")

    def __init__(self, chance: random.Random, number: int) -> None:
        self.id = f"run-{number:08x}"
        self.agent = int(AGENTS * chance.random() ** 1.7)
        self.runaway = chance.random() < 1 / 2000
        self.left = 80 if self.runaway else 1 + int(chance.expovariate(1 / 7.0))
        self.calls = 0
        self.size = int(400 + 3_000 * chance.random())


def lines(flow: Flow, seed: int = 1) -> Iterator[bytes]:
    """Records for ever, in the order of their arrival."""
    chance = random.Random(seed)
    runs = [_Run(chance, number) for number in range(flow.live)]
    begun, number, now_s = flow.live, 0, START_S
    recent: list[bytes] = []
    while True:
        now_s += flow.gap_s * 2 * chance.random()
        if recent and chance.random() < flow.repeats:
            yield recent[int(chance.random() * len(recent))]
            continue
        at = int(chance.random() * len(runs))
        run = runs[at]
        number += 1
        raw = _line(chance, run, number, round(now_s, 4))
        run.calls += 1
        run.left -= 1
        if run.left < 0:
            runs[at] = _Run(chance, begun)
            begun += 1
        if len(recent) < 4096:
            recent.append(raw)
        else:
            recent[number & 4095] = raw
        yield raw


def _line(chance: random.Random, run: _Run, number: int, now_s: float) -> bytes:
    agent = run.agent
    if run.left == 0 and not run.runaway:
        return _encode(Outcome(id=f"r{number:09x}", time=now_s, execution_id=run.id, use_case=f"case-{agent % 8}", outcome="resolved", success=True))
    common = {
        "id": f"r{number:09x}",
        "time": now_s,
        "agent": f"agent-{agent:02d}",
        "use_case": f"case-{agent % 8}",
        "business_unit": f"unit-{agent % 4}",
        "workflow": f"flow-{(agent + run.calls // 1000) % 17}",
        "execution_id": run.id,
        "user": f"user-{int(1200 * chance.random() ** 2):04d}",
        "api_key": f"key-{agent % 13}",
    }
    if chance.random() < 0.1:
        return _encode(Usage(**common, layer="retrieval", operation="vector.query", quantity=3.0, unit="query", cost_usd=0.0012))  # type: ignore[arg-type]
    provider, model = MODELS[(agent + (run.calls & 1)) % len(MODELS)]
    run.size = min(run.size + int(300 * chance.random()), 200_000)
    told = {"cost_usd": f"{run.size * 2.9e-6:.9f}"} if agent % 2 else {}
    return _encode(
        Usage(
            **common,  # type: ignore[arg-type]
            **told,  # type: ignore[arg-type]
            operation="chat",
            provider=provider,
            model=model,
            requested_model=model,
            input_tokens=run.size // 3,
            cache_read_tokens=run.size - run.size // 3,
            output_tokens=int(40 + 600 * chance.random()),
            duration_ms=round(400 + 5000 * chance.random()),
            signature=f"sig-{run.agent}" if run.runaway else f"s{number:x}",
            attempt=1,
            prompt_version=f"v{agent % 3}",
            labels={"team": f"t{agent % 6}"} if agent % 3 == 0 else None,
        )
    )


def cached(name: str, flow: Flow, count: int) -> Path:
    """The first `count` records as a file in the machine's folder for temporary files, made once."""
    path = Path(tempfile.gettempdir()) / "spendwarden-bench" / f"{name}-{count}-v{VERSION}.jsonl"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        with unfinished.open("wb") as out:
            for line in islice(lines(flow), count):
                out.write(line + b"\n")
        unfinished.replace(path)
    return path
