"""A Jira issue on a terminal: its fields, its description and its comments, from what the site holds."""

from __future__ import annotations

from typing import Any

from rich.box import ROUNDED
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tests.jira.fake import PRIORITIES, FakeJira, Issue


def page(jira: FakeJira) -> RenderableType:
    """Every issue."""
    return Group(*map(_issue, jira.issues.values()))


def _issue(issue: Issue) -> RenderableType:
    fields = Table.grid(padding=(0, 2))
    names = {each["id"]: each["name"] for each in PRIORITIES}
    priority = issue.fields.get("priority") or {}
    for label, value in (
        ("Status", issue.status),
        ("Priority", names.get(str(priority.get("id", "")), "")),
        ("Labels", ", ".join(issue.fields.get("labels", []))),
    ):
        fields.add_row(Text(label, style="dim"), Text(value))
    parts: list[RenderableType] = [Text(issue.fields["summary"], style="bold"), Padding(fields, (1, 0)), _document(issue.fields["description"])]
    for comment in issue.comments:
        parts += [Text("Comment by Spendwarden", style="dim"), Padding(_document(comment["body"]), (0, 0, 1, 2))]
    return Panel(Group(*parts), title=f"Jira  {issue.key}  (a site in German)", title_align="left", box=ROUNDED, border_style="dim")


def _document(node: dict[str, Any]) -> RenderableType:
    """An ADF document, block by block."""
    return Group(*(_block(each) for each in node.get("content", [])))


def _block(node: dict[str, Any]) -> RenderableType:
    inside = node.get("content", [])
    match node["type"]:
        case "heading":
            return Text(_words(node), style="bold underline")
        case "bulletList" | "orderedList":
            return Padding(Group(*(Text(f"• {_words(each)}") for each in inside)), (0, 0, 1, 0))
        case "panel":
            return Panel(Group(*(_block(each) for each in inside)), box=ROUNDED, border_style="yellow")
        case "table":
            table = Table.grid(padding=(0, 2))
            for row in inside:
                table.add_row(*(Text(_words(cell), style="dim" if cell["type"] == "tableHeader" else "") for cell in row.get("content", [])))
            return Padding(table, (0, 0, 1, 0))
        case _:
            return Padding(Text(_words(node)), (0, 0, 1, 0))


def _words(node: dict[str, Any]) -> str:
    if node["type"] == "text":
        return str(node["text"])
    if node["type"] == "hardBreak":
        return "\n"
    return "".join(_words(each) for each in node.get("content", []))
