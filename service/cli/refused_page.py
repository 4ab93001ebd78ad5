"""Refused records as a person sees them after a replay: why, how many, and the first of each with what to do."""

from __future__ import annotations

from typing import Any, Final

from rich.markup import escape
from rich.table import Table

from service.phrases import DETAIL_MAX, shown

ROWS_MAX: Final = 12


def refused(lines: list[dict[str, Any]]) -> Table | None:
    """Why records were refused: each reason and field with its count, and the first of them with what to do."""
    firsts: dict[tuple[str, str], dict[str, Any]] = {}
    counts: dict[tuple[str, str], int] = {}
    for line in lines:
        if line["type"] == "refused":
            why = (line["reason"], line["field"])
            firsts.setdefault(why, line)
            counts[why] = counts.get(why, 0) + 1
    if not counts:
        return None
    table = Table(title="Refused records", title_justify="left", title_style="bold", show_lines=True)
    table.add_column("why")
    table.add_column("records", justify="right", no_wrap=True)
    table.add_column("the first of them")
    for why, count in sorted(counts.items(), key=lambda row: (-row[1], row[0]))[:ROWS_MAX]:
        first = firsts[why]
        table.add_row(
            escape(shown(" ".join(part for part in why if part))), f"{count:,}", escape(f"{shown(first['where'])}\n{shown(first['detail'], DETAIL_MAX)}")
        )
    if len(counts) > ROWS_MAX:
        rest = sorted(counts.values(), reverse=True)[ROWS_MAX:]
        table.add_row(f"[dim]{len(rest)} more[/dim]", f"{sum(rest):,}", "")
    return table
