"""What a person sees of a replay: a progress line while it reads, then spend by scope, budgets, incidents and their causes; the bar of a rebuild."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from rich.console import Console, Group
from rich.markup import escape
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from service.cli.refused_page import refused
from service.facts import Scope
from service.money import nanos_of, spoken
from service.replay.files import STDIN
from service.warden.state import Tenant, Warden

ROWS_MAX: Final = 12
INCIDENTS_MAX: Final = 30
SPARK: Final = "▁▂▃▄▅▆▇█"
COLOURS: Final = {"critical": "bold red", "warning": "yellow", "info": "cyan"}


class Progress:
    """A bar on standard error while files are read; nothing where nobody looks."""

    def __init__(self, paths: list[str], shown: bool) -> None:
        total = None if STDIN in paths else sum(Path(p).stat().st_size for p in paths)
        columns = (TextColumn("reading"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[seen]:,} records"), TimeRemainingColumn())
        self._bar = Bar(*columns, console=Console(stderr=True), transient=True, disable=not shown)
        self._task = self._bar.add_task("reading", total=total, seen=0)
        self._seen = 0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()

    def advance(self, count: int) -> None:
        """So many more bytes of the files."""
        self._bar.update(self._task, advance=count, seen=self._seen)

    def saw(self, events: int) -> None:
        """So many records by now."""
        self._seen = events


@contextmanager
def booking(rows: int, shown: bool) -> Iterator[Callable[[int], None]]:
    """A bar on standard error while rows are booked; gives what is told of so many more."""
    columns = (TextColumn("booking"), BarColumn(), TaskProgressColumn(), TextColumn("{task.completed:,} rows"), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True, disable=not shown) as bar:
        task = bar.add_task("booking", total=rows)
        yield lambda more: bar.advance(task, more)


def spark(values: list[int]) -> str:
    """Values as a line of bars.

    >>> spark([0, 1, 4, 8])
    '▁▁▄█'
    """
    top = max(values, default=0)
    return "".join(SPARK[min(7, max(0, v) * 7 // top)] if top > 0 else SPARK[0] for v in values)


def show_summary(wardens: Sequence[Warden], summary: dict[str, Any], lines: list[dict[str, Any]]) -> None:
    """The whole page; the wardens are those that decided the lines."""
    console = Console()
    tenants = [tenant for warden in wardens for tenant in warden.tenants.values()]
    console.print(_head(summary))
    for kind, title in (("use_case", "Use case"), ("agent", "Agent"), ("model", "Model")):
        if summary["by"][kind]:
            console.print(_spend(tenants, summary["by"][kind], kind, title))
    console.print(_incidents(lines))
    why = refused(lines)
    if why is not None:
        console.print(why)
    console.print(_foot(summary))


def _head(s: dict[str, Any]) -> Text:
    text = Text()
    text.append(f"{spoken(nanos_of(s['spend_usd']))}", style="bold")
    text.append(f" metered AI spend in {s['events']:,} records ")
    text.append(
        f"({s['duplicates']:,} repeated, {s['refused']:,} refused, {s['late']:,} late, {s['unpriced']:,} without a price; {s['events_per_s']:,} records/s)",
        style="dim",
    )
    return text


def _spend(tenants: list[Tenant], by: dict[str, str], kind: str, title: str) -> Table:
    table = Table(title=f"Spend by {title.lower()}", title_justify="left", title_style="bold", expand=False)
    table.add_column(title)
    table.add_column("USD", justify="right")
    table.add_column("share", justify="right")
    amounts = sorted(((nanos_of(usd), name) for name, usd in by.items()), key=lambda row: (-row[0], row[1]))
    total = sum(amount for amount, _ in amounts) or 1
    sparks = [spark(by_day(tenants, Scope(kind, name))) for _, name in amounts[:ROWS_MAX]]
    if any(sparks):
        table.add_column("by day", no_wrap=True)
    for (amount, name), bars in zip(amounts, sparks, strict=False):
        table.add_row(escape(name), spoken(amount), f"{amount * 100 / total:.1f} %", *([bars] if any(sparks) else []))
    if len(amounts) > ROWS_MAX:
        rest = sum(amount for amount, _ in amounts[ROWS_MAX:])
        table.add_row(f"[dim]{len(amounts) - ROWS_MAX} more[/dim]", spoken(rest), f"{rest * 100 / total:.1f} %")
    return table


def by_day(tenants: list[Tenant], scope: Scope) -> list[int]:
    """Spend per day of a scope, nanos, as far back as the warden keeps it."""
    days: dict[int, int] = {}
    for tenant in tenants:
        series = tenant.series.get(scope)
        for day, nanos in (series.days if series is not None else {}).items():
            days[day] = days.get(day, 0) + nanos
    if not days:
        return []
    return [days.get(day, 0) for day in range(min(days), max(days) + 1)]


def _incidents(lines: list[dict[str, Any]]) -> Group | Text:
    """Each incident as a few lines that fit into 80 columns, with the id that `explain` asks for."""
    newest: dict[str, dict[str, Any]] = {}
    for line in lines:
        if line["type"] == "incident":
            newest[line["id"]] = line
    if not newest:
        return Text("No incidents.", style="bold")
    table = Table(title=f"Incidents ({len(newest)})", title_justify="left", title_style="bold", show_lines=True)
    table.add_column("opened", no_wrap=True)
    table.add_column("what")
    table.add_column("spend", justify="right", no_wrap=True)
    ranked = sorted(newest.values(), key=lambda line: (-["info", "warning", "critical"].index(line["severity"]), line["time"]))
    for line in ranked[:INCIDENTS_MAX]:
        severity = line["severity"]
        found = f"{_scope(line['scope'])}: {', '.join(kind.replace('_', ' ') for kind in line['kinds'])}"
        table.add_row(
            f"{str(line.get('opened', line['time']))[:16].replace('T', ' ')}\n[{COLOURS[severity]}]{severity}[/], {line.get('state', '')}",
            escape("\n".join(part for part in (found, _cause(line.get("cause")), line["id"]) if part)),
            spoken(nanos_of(str(line["spend_usd"]))),
        )
    rest = len(newest) - INCIDENTS_MAX
    return Group(table, Text(f"{rest} more; --json prints them all", style="dim")) if rest > 0 else Group(table)


def _scope(scope: dict[str, str]) -> str:
    return "total" if scope["kind"] == "total" else f"{scope['kind'].replace('_', ' ')} {scope['name']}"[:60]


def _cause(cause: dict[str, Any] | None) -> str:
    if not cause or not cause.get("drivers"):
        return ""
    moved = [d for d in cause["drivers"] if nanos_of(str(d["usd"]))]
    told = [f"{d['driver'].replace('_', ' ')} {spoken(nanos_of(str(d['usd'])))}" for d in moved[:2]]
    where = [f"{d['kind']} {d['name']}" for d in cause.get("dimensions", [])[:1]]
    return "; ".join(told + where)


def _foot(s: dict[str, Any]) -> Text:
    reached = {name.replace("_", " "): count for name, count in s["bounds"].items() if count}
    untold = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in s["untold"].items())
    text = Text()
    if untold:
        text.append(f"Not told: {untold}\n", style="dim")
    if reached:
        text.append("Limits reached: " + ", ".join(f"{count} {name}" for name, count in reached.items()) + "\n", style="yellow")
    return text
