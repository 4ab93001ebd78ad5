"""A pause and its proof: what the orchestrator was sent, and what became of it."""

from __future__ import annotations

import json
from typing import Any, Final

from rich.box import ROUNDED, SIMPLE
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

SHOWN: Final = ("action", "scope", "reason", "executions", "sequence", "expires_at", "evidence_url")
LIFE: Final = {"time": "time", "state": "state", "receiver": "by", "overshoot_usd": "spent since the order, $", "saved_usd": "saved an hour, $"}


def page(events: list[dict[str, Any]], orders: list[dict[str, Any]]) -> RenderableType:
    """The order as it was signed and sent, then each step of its life."""
    pause = next(event for event in events if event["type"] == "spendwarden.order.pause")
    sent = Table.grid(padding=(0, 3))
    for name, value in [(name, pause[name]) for name in ("type", "id", "subject")] + [(f"data.{name}", pause["data"][name]) for name in SHOWN]:
        sent.add_row(Text(name, style="dim"), Text(value if isinstance(value, str) else json.dumps(value)))
    life = Table(*LIFE.values(), box=SIMPLE)
    for order in orders:
        for step in order.get("states", [order]):
            life.add_row(*(Text(str(step.get(name, ""))) for name in LIFE))
    parts = (Text("POST to the orchestrator, signed; some of it:", style="bold"), sent, Text("\nIts life", style="bold"), life)
    return Panel(Group(*parts), title="The pause and its proof", title_align="left", box=ROUNDED, border_style="dim")
