"""The demo's story: a day of forty agents, one that runs away, and how it is stopped, step by step on a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from service.demo.agents import AGENTS, RUNAWAY, WORKS
from service.demo.client import Client, DemoError, Feed
from service.demo.orchestrator import Orchestrator
from service.demo.traffic import REPEATED_CALL_NANOS, repeated_call
from service.facts import MINUTE_MS
from service.money import NANO, spoken
from service.records import Usage, instant, rfc3339

SEED: Final = 20
DAY_MS: Final = 24 * 60 * MINUTE_MS
LOOP_S: Final = 0.3
LOOP_CALLS_MAX: Final = 100
ORDERED_WITHIN_S: Final = 15.0
PROVED_WITHIN_S: Final = 45.0
COUNTED_WITHIN_S: Final = 45.0
WIDTH_MAX: Final = 110
INDENT: Final = 9  # the time of day and a space


@dataclass(frozen=True)
class Stage:
    """What the story is played with. `calm_s`: how long all is well before one runs away."""

    client: Client
    orchestrator: Orchestrator
    console: Console
    url: str
    calm_s: float


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


async def play(stage: Stage) -> Ending:
    """The whole story; raises DemoError where the service does not do what it promises."""
    client = stage.client
    await client.wait_ready()
    _say(stage, "The service is up", f"{stage.url}, its policy in force, its canary found; an orchestrator listens for signed orders.")
    feed = Feed(client, SEED, (client.clock() - DAY_MS) // MINUTE_MS * MINUTE_MS)
    await _replay_day(stage, feed)
    ended = asyncio.Event()
    live = asyncio.create_task(feed.follow(ended))
    try:
        _say(stage, "From here on in real time", "Forty agents at work, all is well.")
        await client.sleep(stage.calm_s)
        calls, order, accepted_ms = await _run_away(stage)
        order = await _order(client, order["scope"]["name"], "effective", PROVED_WITHIN_S)
    finally:
        ended.set()
        await live
    spend = await _counted(client, feed.usages + len(calls))
    ending = Ending(stage, feed, calls, order, await client.ask(f"/v1/incidents/{order['incident']}"), spend, accepted_ms)
    _show_end(ending)
    return ending


async def _replay_day(stage: Stage, feed: Feed) -> None:
    """The last 24 hours through the same door that live records take."""
    client = stage.client
    _say(stage, f"A day of {len(AGENTS)} agents in {len(WORKS)} use cases, at speed", "Through POST /v1/records, as an agent would send it.")
    began_ms = client.clock()
    count = await feed.catch_up()
    taken_ms = max(1, client.clock() - began_ms)
    spend = await _counted(client, feed.usages)
    took_ms = max(1, client.clock() - began_ms)
    _say(
        stage,
        f"${Decimal(spend['spend_usd']):,.2f} in {count:,} records",
        f"Safe on disk after {taken_ms / 1000:.1f} s; counted, priced, judged and booked after {took_ms / 1000:.1f} s. Each use case:",
    )
    _show_spend(stage, spend["by"])


def _show_spend(stage: Stage, by: dict[str, str]) -> None:
    table = Table.grid(padding=(0, 2))
    most = max(map(Decimal, by.values()))
    for name, usd in sorted(by.items(), key=lambda entry: -Decimal(entry[1])):
        table.add_row(name, Text(f"${Decimal(usd):,.2f}", justify="right"), Text("█" * max(1, int(Decimal(usd) / most * 30)), style="cyan"))
    stage.console.print(Padding(table, (0, 0, 0, INDENT)))


async def _counted(client: Client, records: int) -> dict[str, Any]:
    """All spend by use case, once so many records are in the books."""
    return await client.wait_for(f"the count of {records:,} records", "/v1/spend", lambda found: found["records"] >= records, COUNTED_WITHIN_S, by="use_case")


async def _run_away(stage: Stage) -> tuple[list[Usage], dict[str, Any], int]:
    """One agent loops until it is stopped: its calls, the order that stopped it, and when that was obeyed."""
    client = stage.client
    execution = f"{RUNAWAY.name}-{client.clock() // 1000:x}"
    _say(
        stage,
        f"{RUNAWAY.name} runs away",
        f"The same call again every {LOOP_S:g} s, {RUNAWAY.work.model}. Before each step it asks the orchestrator.",
        "bold red",
    )
    calls = await _loop(stage, execution)
    order = await _order(client, execution, "", ORDERED_WITHIN_S)
    answers = [entry for entry in stage.orchestrator.log if entry["order"] == order["id"]]
    if not answers:
        raise DemoError(f"the loop was stopped by another order than {order['id']}")
    _say(
        stage,
        "The orchestrator obeys the signed order",
        f"{order['id']}: its signature fits, its sequence is new; step {len(calls) + 1} of the loop is refused.",
        "bold green",
    )
    _say(stage, "Now the proof", "Paused is what a receiver says. It counts as stopped when the spend itself says so.")
    return calls, order, answers[0]["at_ms"]


async def _loop(stage: Stage, execution: str) -> list[Usage]:
    """The runaway itself: it stops only because somebody tells it to."""
    calls: list[Usage] = []
    while stage.orchestrator.may_go_on(RUNAWAY.name, execution, use_case=RUNAWAY.work.use_case):
        if len(calls) >= LOOP_CALLS_MAX:
            raise DemoError(f"nobody stopped the loop within {LOOP_CALLS_MAX} calls")
        calls.append(repeated_call(execution, len(calls), stage.client.clock()))
        await stage.client.send(calls[-1:])
        await stage.client.sleep(LOOP_S)
    return calls


async def _order(client: Client, execution: str, state: str, within_s: float) -> dict[str, Any]:
    """The order on the run, once it is in this state."""
    what = f"the proof (state {state})" if state else "the order"
    answer = await client.wait_for(what, "/v1/orders", lambda found: bool(found["items"]), within_s, scope=f"execution:{execution}", state=state)
    order: dict[str, Any] = answer["items"][0]
    return order


def reaction_ms(ending: Ending) -> int | None:
    """From the call that gave the loop away to the orchestrator's yes; None where the incident does not tell which call that was.

    The step that first names the run grew by what the run had spent until then, and each call costs the same.
    """
    run, steps = ending.calls[0].execution_id, ending.incident["history"]
    at = next((index for index, step in enumerate(steps) if run in step.get("executions", ())), None)
    if at is None:
        return None
    spent = _nanos(steps[at]["spend_usd"]) - (_nanos(steps[at - 1]["spend_usd"]) if at else 0)
    number, rest = divmod(spent, REPEATED_CALL_NANOS)
    return ending.accepted_ms - instant(ending.calls[number - 1].time) if not rest and 0 < number <= len(ending.calls) else None


def _nanos(usd: str) -> int:
    return int(Decimal(usd) * NANO)


def _show_end(ending: Ending) -> None:
    order, each = ending.order, REPEATED_CALL_NANOS
    times = {step["state"]: step for step in order["states"]}
    lasted_ms = instant(ending.calls[-1].time) - instant(ending.calls[0].time)
    saved = times["effective"].get("saved_usd")
    rows = [
        ("Spent in the loop", f"{spoken(each * len(ending.calls))} in {len(ending.calls)} calls and {lasted_ms / 1000:.1f} s"),
        ("Its pace", f"{spoken(each * 3_600_000 // max(1, lasted_ms // max(1, len(ending.calls) - 1)))} an hour"),
        ("Given away by", ", ".join(ending.incident["kinds"]).replace("_", " ")),
        ("From that call to the accepted order", f"{took} ms" if (took := reaction_ms(ending)) is not None else "not known"),
        ("Overshoot after the order", f"${Decimal(order['overshoot_usd']):,.2f}"),
        ("Saved", f"about ${Decimal(saved):,.2f} an hour" if saved else "not known"),
        ("Proof", f"nothing spent until {times['effective']['time'][11:19]} UTC"),
        ("All AI spend so far", f"${ending.spend['spend_usd']} in {ending.spend['records']:,} paid operations, exact to the nano-dollar"),
    ]
    console = ending.stage.console
    table = Table(title="The runaway, in figures", title_justify="left", title_style="bold", show_header=False, width=min(console.width, WIDTH_MAX))
    for name, value in rows:
        table.add_row(name, Text(value, style="bold"))
    console.print(table)


def _say(stage: Stage, headline: str, detail: str, style: str = "bold") -> None:
    """One step of the story with the time of day (UTC)."""
    now = rfc3339(stage.client.clock())[11:19]
    stage.console.print(Text.assemble((f"{now} ", "dim"), (headline, style)))
    if detail:
        stage.console.print(Padding(Text(detail), (0, 0, 0, INDENT)), width=min(stage.console.width, WIDTH_MAX))


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


__all__ = ["DemoError", "Ending", "Stage", "invitation", "play", "reaction_ms"]
