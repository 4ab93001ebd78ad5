"""How the demo's story ended: the runaway in figures, and what to try next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rich.table import Table
from rich.text import Text

from service.demo.agents import RUNAWAY
from service.demo.client import Feed
from service.demo.stage import WIDTH_MAX, Stage
from service.demo.traffic import REPEATED_CALL_NANOS
from service.money import NANO, spoken
from service.records import Usage, instant


@dataclass(frozen=True)
class Ending:
    """How it ended: what was sent, and what the service says about it. `spend`: all of it, by use case."""

    stage: Stage
    feed: Feed
    calls: Sequence[Usage]
    order: dict[str, Any]
    incident: dict[str, Any]
    spend: dict[str, Any]
    accepted_ms: int


def reaction_ms(ending: Ending) -> int | None:
    """From the call that made the loop worth stopping to the orchestrator's yes; None where the incident does not tell which call that was.

    From the step before the run is named to the one that is critical the incident grew by what the run had spent, and each call costs the same.
    """
    run, steps = ending.calls[0].execution_id, ending.incident["history"]
    at = next((index for index, step in enumerate(steps) if run in step.get("executions", ())), None)
    due = next((step for step in steps[at or 0 :] if step["severity"] == "critical"), None)
    if at is None or due is None:
        return None
    spent = _nanos(due["spend_usd"]) - (_nanos(steps[at - 1]["spend_usd"]) if at else 0)
    number, rest = divmod(spent, REPEATED_CALL_NANOS)
    return ending.accepted_ms - instant(ending.calls[number - 1].time) if not rest and 0 < number <= len(ending.calls) else None


def _nanos(usd: str) -> int:
    return int(Decimal(usd) * NANO)


def show(ending: Ending) -> None:
    """The table of figures that closes the story."""
    order, each = ending.order, REPEATED_CALL_NANOS
    times = {step["state"]: step for step in order["states"]}
    lasted_ms = instant(ending.calls[-1].time) - instant(ending.calls[0].time)
    saved = times["effective"].get("saved_usd")
    rows = [
        ("Spent in the loop", f"{spoken(each * len(ending.calls))} in {len(ending.calls)} calls and {lasted_ms / 1000:.1f} s"),
        ("Given away by", ", ".join(ending.incident["kinds"]).replace("_", " ")),
        ("From the call that made it due to the accepted order", f"{took} ms" if (took := reaction_ms(ending)) is not None else "not known"),
        ("Overshoot after the order", f"${Decimal(order['overshoot_usd']):,.2f}"),
        ("Its pace until then, saved from now on", f"about ${Decimal(saved):,.2f} an hour" if saved else "not known"),
        ("Proof", f"nothing spent until {times['effective']['time'][11:19]} UTC"),
        ("All AI spend so far", f"${ending.spend['spend_usd']} in {ending.spend['records']:,} paid operations, exact to the nano-dollar"),
    ]
    console = ending.stage.console
    table = Table(title="The runaway, in figures", title_justify="left", title_style="bold", show_header=False, width=min(console.width, WIDTH_MAX))
    for name, value in rows:
        table.add_row(name, Text(value, style="bold"))
    console.print(table)


def invitation(url: str, ending: Ending) -> str:
    """What to try while the service stays up."""
    order, agent = ending.order["id"], RUNAWAY.name
    resume = f'{{"action": "resume", "order": "{order}", "by": "you", "reason": "the loop is fixed"}}'
    return "\n".join(
        [
            f"  curl -s '{url}/v1/spend?by=use_case'",
            f"  curl -s '{url}/v1/spend?scope=agent:{agent}&by=model&step=hour'",
            f"  curl -s '{url}/v1/budgets'",
            f"  curl -s '{url}/v1/incidents/{ending.incident['id']}'",
            f"  curl -s '{url}/v1/orders'",
            f"  curl -s '{url}/v1/paused'",
            f"  curl -s '{url}/metrics'",
            f"  curl -s '{url}/v1/controls' -d '{resume}'",
        ]
    )
