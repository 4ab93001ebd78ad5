"""What a person sees of the policy for one scope: a table a section, each row with its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.markup import escape

from service.cli.tables import cell, table
from service.facts import Scope
from service.money import nanos_of, spoken
from service.phrases import called, capital, line, span, times

Entry = Mapping[str, Any]


def show(found: Entry, scope: Scope) -> None:
    """The whole page; sections in which nothing applies are left out."""
    console = Console()
    console.print(f"[bold]{escape(capital(called(scope)))}[/] of tenant {cell(found['tenant'])}  [dim]policy {found['policy']}[/]")
    owner = found["owner"]
    console.print(f"Owner: {cell(owner['name'])} ({cell(owner['why'])})" if owner else "Owner: nobody is named in the policy", "", sep="\n")
    for section, (title, columns, row_of) in SECTIONS.items():
        if found[section]:
            console.print(table(title, (*columns, "why"), [(*row_of(entry), entry["why"]) for entry in found[section]]), "", sep="\n")
    pauses = found["pauses"]
    console.print(f"Pauses ({cell(pauses['mode'])}): {cell(pauses['why'])}")


def _budget(entry: Entry) -> Sequence[object]:
    pause_at = entry.get("pause_at")
    return entry["name"], f"{_usd(entry['limit_usd'])} {_a(entry['period'])}", entry["thresholds"], "" if pause_at is None else f"{line(pause_at)} %"


def _cap(entry: Entry) -> Sequence[object]:
    expected = entry["expected_usd"]
    limits: list[tuple[Any, Callable[[Any], str]]] = [
        (entry.get("factor"), lambda n: f"{times(n)} {'what is usual' if expected == 'learned' else _usd(expected)}"),
        (entry.get("limit_usd"), _usd),
        (entry.get("calls"), lambda n: f"{n:,} calls"),
        (entry.get("children"), lambda n: f"{n:,} children"),
        (entry.get("depth"), lambda n: f"{n:,} levels"),
        (entry.get("duration_s"), lambda n: span(n * 1000)),
    ]
    return entry["scope"], ", ".join(say(value) for value, say in limits if value is not None), entry["action"]


def _quota(entry: Entry) -> Sequence[object]:
    return entry["scope"], f"{entry['tokens']:,} {_a(entry['period'])}", entry["action"]


def _planned(entry: Entry) -> Sequence[object]:
    return entry.get("name") or entry["match"], f"{entry['from'][:16]} to {entry['to'][:16]}", _usd(entry["extra_usd"]) if "extra_usd" in entry else "all of it"


def _usd(text: str) -> str:
    return spoken(nanos_of(text))


def _a(period: str | Mapping[str, str]) -> str:
    return f"a {period}" if isinstance(period, str) else f"in any {period['rolling']}"


SECTIONS: Final[Mapping[str, tuple[str, Sequence[str], Callable[[Entry], Sequence[object]]]]] = {
    "budgets": ("Budgets", ("name", "limit", "told at %", "pause at"), _budget),
    "caps": ("Caps on one run", ("scope", "limits", "then"), _cap),
    "quotas": ("Quotas", ("scope", "tokens", "then"), _quota),
    "tiers": ("Allowed tiers of models", ("match", "tiers", "then"), lambda entry: (entry["match"] or "everything", entry["allow"], entry["action"])),
    "batch": ("Must use a batch interface", ("match", "then"), lambda entry: (entry["match"] or "everything", entry["action"])),
    "planned": ("Planned spend", ("what", "when", "up to"), _planned),
    "routes": ("Who is told: the first route that matches", ("match", "to"), lambda entry: (entry["match"] or "everything", entry["to"] or "console")),
}
