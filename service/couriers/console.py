"""The console courier: a panel for a person at a terminal. Everything is text, nothing is mark-up, so no name can paint the screen."""

from __future__ import annotations

import sys
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from service.couriers.port import Delivered, GaveUp, Item, Outcome, Parts, Receiver
from service.facts import Incident, Order
from service.messages.build import of_notice, of_order
from service.messages.message import Message

_COLOURS: Final = {"critical": "bold red", "warning": "yellow", "info": "cyan"}
_WIDTH_MAX: Final = 110


class ConsoleCourier:
    """Prints each item to the console it is given, by default to standard error, so that standard output stays for programs."""

    follows: Final = False

    def __init__(self, receiver: Receiver, parts: Parts) -> None:
        self.name = receiver.name
        self._console = parts.console or Console(file=sys.stderr)
        self._public_url = parts.public_url

    async def deliver(self, item: Item) -> Outcome:
        """Prints; gives up only when nobody can read any more."""
        if isinstance(item, Incident):
            return Delivered()  # what is printed stays as it is
        message = of_order(item, self._public_url) if isinstance(item, Order) else of_notice(item, self._public_url)
        try:
            self._console.print(panel(message), width=min(self._console.width, _WIDTH_MAX))
        except (OSError, ValueError) as broken:  # a closed file says ValueError
            return GaveUp(f"the console is gone ({type(broken).__name__})")
        return Delivered()

    async def close(self) -> None:
        """Nothing is held."""


def panel(message: Message) -> Panel:
    """A message as a panel; its severity is a word as well as a colour."""
    colour = _COLOURS.get(message.severity, "white")
    return Panel(
        Group(*_parts(message)),
        title=Text(f" {message.severity.upper()} ", style=colour),
        title_align="left",
        border_style=colour,
    )


def _parts(message: Message) -> list[RenderableType]:
    parts: list[RenderableType] = [Text(message.headline, style="bold")]
    if message.lead:
        parts += [Text(message.lead)]
    if message.done:
        parts += [Text(""), *(Text(each, style="green" if at == 0 else "") for at, each in enumerate(message.done))]
    if message.fields:
        parts += [Text(""), _grid(message.fields)]
    if message.why:
        parts += [Text(""), Text(message.why, style="bold"), *(Text(f"  {each}") for each in message.causes)]
    if message.people:
        parts += [Text(""), *(Text(each) for each in message.people)]
    for head, lines in message.sections:
        parts += [Text(""), Text(head, style="bold"), *(Text(f"  {each}") for each in lines)]
    foot = [*(f"{label}: {url}" for label, url in message.links), *message.foot]
    return [*parts, Text(""), *(Text(each, style="dim") for each in foot)]


def _grid(fields: tuple[tuple[str, str], ...]) -> Table:
    grid = Table.grid(padding=(0, 2))
    for label, value in fields:
        grid.add_row(Text(label, style="dim"), Text(value))
    return grid
