"""A pause and its proof: what the orchestrator was sent, and what became of it."""

from __future__ import annotations

import json
from typing import Any, Final

from rich.box import ROUNDED
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

SHOWN: Final = ("action", "scope", "reason", "executions", "sequence", "expires_at", "evidence_url")


def page(events: list[dict[str, Any]], orders: list[dict[str, Any]]) -> RenderableType:
    """The order as it was signed and sent, then each step of its life."""
    pause = next(event for event in events if event["type"] == "spendwarden.order.pause")
    sent = {"type": pause["type"], "id": pause["id"], "subject": pause["subject"], "data": {name: pause["data"][name] for name in SHOWN} | {"...": "..."}}
    life = Table.grid(padding=(0, 3))
    for order in orders:
        for step in order.get("states", [order]):
            life.add_row(*(Text(str(step.get(name, ""))) for name in ("time", "state", "receiver", "overshoot_usd", "saved_usd")))
    parts = (
        Text("POST to the orchestrator, signed", style="dim"),
        Text(json.dumps(sent, indent=1, ensure_ascii=False)),
        Text(""),
        Text("Its life", style="dim"),
        life,
    )
    return Panel(Group(*parts), title="The pause and its proof", title_align="left", box=ROUNDED, border_style="dim")
