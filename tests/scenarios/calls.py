"""A few hours of calls of five agents as lines of a file, one of which runs away; what they cost is known to the nano-dollar."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from typing import Any

from service.money import nanos_of, usd

START_S = 1_764_050_400
POLICY = """
budgets:
  - {name: each-agent-day, scope: {agent: "*"}, period: day, limit_usd: 4}
  - {name: all, scope: total, period: month, limit_usd: 20, thresholds: [50, 100]}
caps: [{scope: {workflow: "*"}, limit_usd: 2, action: pause}]
pauses: {allow: [{execution: "*"}], min_loss_usd: 0.1}
"""
Call = dict[str, Any]


def calls(count: int = 600, seed: int = 7) -> list[Call]:
    """In the order of their times, which all differ; the last third of agent-4's calls is one run that does not end."""
    lot = random.Random(seed)
    made: list[Call] = []
    time_ms = START_S * 1000
    for number in range(count):
        time_ms += lot.randrange(1, 40_000)
        agent = lot.randrange(5)
        wild = agent == 4 and number > count * 2 // 3
        made.append(
            {
                "id": f"call-{number}",
                "time": time_ms / 1000,
                "agent": f"agent-{agent}",
                "use_case": ("kyc", "support")[agent % 2],
                "workflow": f"flow-{agent}",
                "execution_id": "wild" if wild else f"run-{agent}-{number // 40}",
                "model": "gpt-5",
                "input_tokens": lot.randrange(100, 9_000),
                "output_tokens": lot.randrange(10, 900),
                "cost_usd": usd(lot.randrange(1, 10**8) * (8 if wild else 1)),
                **({"signature": "again"} if wild else {}),
            }
        )
    return made


def nanos(made: Iterable[Call]) -> int:
    """What they cost."""
    return sum(nanos_of(call["cost_usd"]) for call in made)


def lines(made: Iterable[Call]) -> bytes:
    """As a file holds them."""
    return b"".join(json.dumps(call).encode() + b"\n" for call in made)
