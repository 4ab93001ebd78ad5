"""A Slack channel on a terminal: each message's blocks as a person reads them, its thread below."""

from __future__ import annotations

import re
from typing import Any, Final

from rich.box import ROUNDED
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tests.slack.server import FakeSlack

BUTTON: Final = {"primary": "bold white on dark_green", "danger": "bold white on dark_red"}
_MARK: Final = re.compile(r"\*([^*\n]+)\*|<(https?://[^|>]+)\|?([^>]*)>|<@([A-Z0-9]+)>")


def page(slack: FakeSlack) -> RenderableType:
    """Every channel in which something was said."""
    return Group(*(_channel(slack, name) for name in slack.channels if slack.roots(name)))


def _channel(slack: FakeSlack, name: str) -> RenderableType:
    shown: list[RenderableType] = []
    for root in slack.roots(name):
        replies = [each for each in slack.replies(name) if each["thread_ts"] == root["ts"]]
        shown += [_message(root), *(Padding(_message(each), (0, 0, 0, 6)) for each in replies)]
    return Panel(Group(*shown), title=f"Slack  #{slack.channels[name].name}", title_align="left", box=ROUNDED, border_style="dim")


def _message(said: dict[str, Any]) -> RenderableType:
    edited = Text("  (edited)", style="dim") if said.get("edited") else Text("")
    return Padding(Group(Text("Spendwarden", style="bold") + Text(" APP", style="dim") + edited, *map(_block, said["blocks"])), (0, 1, 1, 1))


def _block(block: dict[str, Any]) -> RenderableType:
    match block:
        case {"type": "header", "text": {"text": text}}:
            return Text(text, style="bold")
        case {"type": "section", "fields": fields}:
            grid = Table.grid(padding=(0, 4, 1, 0))
            rows = [_marked(each["text"]) for each in fields]
            for at in range(0, len(rows), 2):
                grid.add_row(*rows[at : at + 2])
            return Padding(grid, (1, 0, 0, 0))
        case {"type": "section", "text": {"text": text}}:
            return Padding(_marked(text), (1, 0, 0, 0))
        case {"type": "context", "elements": elements}:
            return Padding(Text(" ").join(_marked(each["text"]) for each in elements if "text" in each), (1, 0, 0, 0), style="dim")
        case {"type": "actions", "elements": elements}:
            return Padding(Text("  ").join(map(_button, elements)), (1, 0, 0, 0))
        case _:
            return Text("")


def _button(element: dict[str, Any]) -> Text:
    if element["type"] == "static_select":
        return Text(f" {element['placeholder']['text']} ▾ ", style="bold on grey30")
    return Text(f" {element['text']['text']} ", style=BUTTON.get(element.get("style", ""), "bold on grey30"))


def _marked(text: str) -> Text:
    """Slack's own marks: what is bold, links, people."""
    shown, at = Text(), 0
    for found in _MARK.finditer(text):
        shown.append(_plain(text[at : found.start()]))
        bold, url, label, person = found.groups()
        shown.append(_plain(bold or label or url or f"@{person}"), style="bold" if bold else "blue")
        at = found.end()
    return shown.append(_plain(text[at:]))


def _plain(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
