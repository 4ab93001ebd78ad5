"""The audit as a person reads it, an entry a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console

from service.audit.chain import POLICIES
from service.audit.verify import line_of
from service.cli.tables import table
from service.facts import Audited, Scope
from service.phrases import called, named, spelt


def page(entries: Sequence[Audited]) -> None:
    """Prints them in the order in which they are given."""
    rows = [_row(line_of(entry)) for entry in entries]
    Console().print(table("Audit", ("Time", "Entry", "Who", "What"), rows) if rows else "the audit is empty")


def _row(line: dict[str, Any]) -> tuple[object, ...]:
    said = line["said"]
    chain = "policy" if line["tenant"] == POLICIES else line["tenant"]
    who = " and ".join(dict.fromkeys(name for name in (said.get("by"), said.get("approved_by")) if name))
    return line["time"], f"{chain} {line['sequence']}", who or "spendwarden", "; ".join(part for part in _words(line["what"], said, line) if part)


def _words(what: str, said: dict[str, Any], line: dict[str, Any]) -> Iterator[str]:
    """What happened, to whom, and what became of it."""
    match what:
        case "policy":
            yield f"policy version {said['version']}, digest {said['digest']}, from {said['from']}"
        case "control":
            yield f"{spelt(said['verdict'] if said.get('verdict') else said['action'])} {_about(said)}".rstrip()
            yield f"until {said['until']}" if "until" in said else ""
            yield "done" if line["outcome"] == "done" else f"refused: {spelt(line['outcome'])}"
        case "order":
            yield f"order {said['id']}: {said['action']} {_about(said)}"
            yield "observe: not sent" if said["mode"] == "observe" else f"until {said['expires']}"
        case _:
            yield f"order {said['id']} is {said['state']}"
            yield f"by {named(said['receiver'])}" if "receiver" in said else ""
            yield f"${said['overshoot_usd']} spent since the order" if said["overshoot_usd"] != "0.00" else ""
    yield said.get("reason", "")


def _about(said: dict[str, Any]) -> str:
    if "scope" in said:
        return called(Scope(**said["scope"]))
    return str(said.get("incident") or said.get("order") or "")
