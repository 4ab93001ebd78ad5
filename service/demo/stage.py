"""What the demo's story is played with, and how it speaks on a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from service.demo.client import Client
from service.demo.orchestrator import Orchestrator
from service.records import rfc3339

WIDTH_MAX: Final = 110
INDENT: Final = 9  # the time of day and a space


@dataclass(frozen=True)
class Stage:
    """What the story is played with. `calm_s`: how long all is well before one runs away."""

    client: Client
    orchestrator: Orchestrator
    console: Console
    url: str
    calm_s: float

    def say(self, headline: str, detail: str, style: str = "bold") -> None:
        """One step of the story with the time of day (UTC)."""
        now = rfc3339(self.client.clock())[11:19]
        self.console.print(Text.assemble((f"{now} ", "dim"), (headline, style)))
        if detail:
            self.console.print(Padding(Text(detail), (0, 0, 0, INDENT)), width=min(self.console.width, WIDTH_MAX))

    def show_spend(self, by: dict[str, str]) -> None:
        """Dollars by name, the most first, with a bar each."""
        table = Table.grid(padding=(0, 2))
        most = max(map(Decimal, by.values()))
        for name, usd in sorted(by.items(), key=lambda entry: -Decimal(entry[1])):
            table.add_row(name, Text(f"${Decimal(usd):,.2f}", justify="right"), Text("█" * max(1, int(Decimal(usd) / most * 30)), style="cyan"))
        self.console.print(Padding(table, (0, 0, 0, INDENT)))
