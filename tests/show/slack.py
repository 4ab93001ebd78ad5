"""A Slack channel on a terminal: each message's blocks as a person reads them, its thread below. `tests.slack.picture` draws the same."""

from __future__ import annotations

from typing import Any

from rich.box import ROUNDED
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.text import Text

from tests.slack.reading import read
from tests.slack.server import FakeSlack


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
    return Padding(Text(read(said).rstrip() + (" (edited)" if said.get("edited") else "")), (0, 0, 1, 0))
