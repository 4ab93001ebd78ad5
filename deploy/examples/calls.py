"""A week of made-up calls of two agents, a JSON object a line. On its last afternoon a release of one breaks its prompt cache and starts runs twice.

python3 deploy/examples/calls.py > calls.jsonl
"""

from __future__ import annotations

import json
import math
import random  # noqa: TID251 -- seeded: the same calls always
from collections.abc import Iterator
from typing import Any

SEED = 7
BEGIN_S = 1_794_182_400  # Mon 9 Nov 2026 00:00 UTC
WINDOWS = 7 * 144  # of ten minutes
BROKEN = range(WINDOWS - 60, WINDOWS - 36)  # the last day from 14:00 to 18:00
MODELS = {"indexer": "claude-sonnet-4-5", "reader": "gpt-4.1"}


def calls() -> Iterator[dict[str, Any]]:
    """In no order."""
    lot = random.Random(SEED)  # noqa: S311 -- nothing secret
    yield {"type": "change", "id": "release-42", "time": BEGIN_S + BROKEN[0] * 600, "what": "deploy", "ref": "release 42", "scope": {"agent": "indexer"}}
    for window in range(WINDOWS):
        busy = 1.2 - math.cos(2 * math.pi * (window % 144 - 18) / 144)  # 0.2 at three in the morning, 2.2 at three in the afternoon
        for agent in MODELS:
            wrong = agent == "indexer" and window in BROKEN
            for run in range(round((1 + wrong) * busy * lot.uniform(1.0, 3.5))):
                yield from one_run(lot, agent, f"{agent}-{window}-{run}", BEGIN_S + window * 600 + lot.uniform(0, 540), cached=not wrong)


def one_run(lot: random.Random, agent: str, run: str, begin_s: float, *, cached: bool) -> Iterator[dict[str, Any]]:
    """Three calls or so that read the same long prompt."""
    user = f"user-{lot.randrange(20)}"
    for step in range(lot.choice((2, 3, 3, 4))):
        known, fresh = lot.randrange(12_000, 18_000), lot.randrange(3_000, 5_000)
        yield {
            "id": f"{run}-{step}",
            "time": round(begin_s + step * 15, 3),
            "agent": agent,
            "use_case": "kyc",
            "execution_id": run,
            "user": user,
            "provider": "anthropic" if agent == "indexer" else "openai",
            "model": MODELS[agent],
            "input_tokens": fresh if cached else fresh + known,
            "cache_read_tokens": known if cached else 0,
            "output_tokens": lot.randrange(500, 1_100),
        }


if __name__ == "__main__":
    for call in sorted(calls(), key=lambda each: float(each["time"])):
        print(json.dumps(call))
