"""A plain loop that asks before each step whether it may go on. It opens no port: it asks the service what is paused, every five seconds.

    SPENDWARDEN_URL=http://127.0.0.1:8484 .venv/bin/python deploy/examples/loop.py

Pause it from another terminal, under a policy with `pauses: {mode: enforce}` and a receiver that takes orders, which may be a console
(`{name: terminal, kind: console, takes: all}`): what nobody takes is no order. Then `resume` it:

    curl -s http://127.0.0.1:8484/v1/controls -d '{"action": "pause", "scope": "agent:indexer", "by": "you", "reason": "a try"}'
"""

import os
import time
from collections.abc import Callable

from service.sdk import Restoring, Switch, restore

AGENT = "indexer"
EVERY_S = 5.0


def step(number: int) -> None:
    """Here the agent would call its model."""
    print(f"step {number}")
    time.sleep(1)


def work(switch: Switch, steps: int, do: Callable[[int], None] = step) -> None:
    """So many steps, each only while nobody has paused the agent."""
    for number in range(steps):
        for held in switch.held(agent=AGENT):
            print(f"{held.action} by {held.order}")
        switch.wait(agent=AGENT)
        do(number)


def main() -> None:
    """Knows what is paused before its first step; ends with an error where the service cannot say."""
    switch, url, token = Switch(), os.environ.get("SPENDWARDEN_URL", "http://127.0.0.1:8484"), os.environ.get("SPENDWARDEN_TOKEN", "")
    restore(switch, url, token)
    with Restoring(switch, url, token, EVERY_S):
        work(switch, steps=600)


if __name__ == "__main__":
    main()
