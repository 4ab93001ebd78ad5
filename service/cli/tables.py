"""Tables as every command lays them out. What comes from outside passes `shown` and is escaped here, so no name can draw on a screen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from service.phrases import DETAIL_MAX, shown


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], numbers: Sequence[str] = ()) -> Group:
    """Rows of plain values (or finished Text) under a title; the columns named in `numbers` stand to the right."""
    laid = Table(show_header=any(columns), header_style="dim", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, expand=False)
    for column in columns:
        laid.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    for row in rows:
        laid.add_row(*(value if isinstance(value, Text) else cell(value) for value in row))
    return Group(Text(title, style="bold"), laid)


def cell(value: object) -> str:
    r"""A value as text without mark-up of its own; nothing is an empty cell.

    >>> cell("[red]a"), cell(None), cell(["a", "b"]), cell({"agent": "*"})
    ('\\[red]a', '', 'a, b', 'agent: *')
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return escape("\n".join(shown(line, DETAIL_MAX) for line in value.split("\n")))
    if isinstance(value, dict):
        return escape(", ".join(f"{shown(str(key))}: {plain(inner)}" for key, inner in value.items()))
    if type(value) in (list, tuple):  # a tuple with names speaks for itself
        return escape(", ".join(plain(inner) for inner in value))  # type: ignore[attr-defined]
    return escape(shown(str(value), DETAIL_MAX))


def plain(value: object) -> str:
    """A value inside another one.

    >>> plain(70.0), plain(["a", "b"])
    ('70', 'a or b')
    """
    if isinstance(value, list | tuple):
        return " or ".join(plain(inner) for inner in value)
    return shown(f"{value:g}" if isinstance(value, float) else str(value), DETAIL_MAX)
