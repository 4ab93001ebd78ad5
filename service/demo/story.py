"""The demo's story: a day of forty agents, one that runs away, and how it is stopped, step by step on a terminal."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any, Final

from service.demo.agents import AGENTS, RUNAWAY, WORKS
from service.demo.client import Client, DemoError, Feed
from service.demo.ending import Ending, show
from service.demo.stage import Stage
from service.demo.traffic import repeated_call
from service.facts import DAY_MS, MINUTE_MS
from service.records import Usage

SEED: Final = 20
LOOP_S: Final = 0.3
LOOP_CALLS_MAX: Final = 100
ORDERED_WITHIN_S: Final = 15.0
PROVED_WITHIN_S: Final = 45.0
COUNTED_WITHIN_S: Final = 45.0


async def play(stage: Stage) -> Ending:
    """The whole story; raises DemoError where the service does not do what it promises."""
    client = stage.client
    await client.wait_ready()
    stage.say("The service is up", f"{stage.url}, its policy in force, its canary found; an orchestrator listens for signed orders.")
    feed = Feed(client, SEED, (client.clock() - DAY_MS) // MINUTE_MS * MINUTE_MS)
    await _replay_day(stage, feed)
    ended = asyncio.Event()
    live = asyncio.create_task(feed.follow(ended))
    try:
        stage.say("From here on in real time", "Forty agents at work, all is well.")
        await client.sleep(stage.calm_s)
        calls, order, accepted_ms = await _run_away(stage)
        order = await _order(client, order["scope"]["name"], "effective", PROVED_WITHIN_S)
    finally:
        ended.set()
        await live
    spend = await _counted(client, feed.usages + len(calls))
    ending = Ending(stage, feed, calls, order, await client.ask(f"/v1/incidents/{order['incident']}"), spend, accepted_ms)
    show(ending)
    return ending


async def _replay_day(stage: Stage, feed: Feed) -> None:
    """The last 24 hours through the same door that live records take."""
    client = stage.client
    stage.say(f"A day of {len(AGENTS)} agents in {len(WORKS)} use cases, at speed", "Through POST /v1/records, as an agent would send it.")
    began_ms = client.clock()
    count = await feed.catch_up()
    taken_ms = max(1, client.clock() - began_ms)
    spend = await _counted(client, feed.usages)
    took_ms = max(1, client.clock() - began_ms)
    stage.say(
        f"${Decimal(spend['spend_usd']):,.2f} in {count:,} records",
        f"Safe on disk after {taken_ms / 1000:.1f} s; counted, priced, judged and booked after {took_ms / 1000:.1f} s. Each use case:",
    )
    stage.show_spend(spend["by"])


async def _counted(client: Client, records: int) -> dict[str, Any]:
    """All spend by use case, once so many records are in the books."""
    return await client.wait_for(f"the count of {records:,} records", "/v1/spend", lambda found: found["records"] >= records, COUNTED_WITHIN_S, by="use_case")


async def _run_away(stage: Stage) -> tuple[list[Usage], dict[str, Any], int]:
    """One agent loops until it is stopped: its calls, the order that stopped it, and when that was obeyed."""
    client = stage.client
    execution = f"{RUNAWAY.name}-{client.clock() // 1000:x}"
    stage.say(
        f"{RUNAWAY.name} runs away",
        f"The same call again every {LOOP_S:g} s, {RUNAWAY.work.model}. Before each step it asks the orchestrator.",
        "bold red",
    )
    calls = await _loop(stage, execution)
    order = await _order(client, execution, "", ORDERED_WITHIN_S)
    answers = [entry for entry in stage.orchestrator.log if entry["order"] == order["id"]]
    if not answers:
        raise DemoError(f"the loop was stopped by another order than {order['id']}")
    stage.say(
        "The orchestrator obeys the signed order",
        f"{order['id']}: its signature fits, its sequence is new; step {len(calls) + 1} of the loop is refused.",
        "bold green",
    )
    stage.say("Now the proof", "Paused is what a receiver says. It counts as stopped when the spend itself says so.")
    return calls, order, answers[0]["at_ms"]


async def _loop(stage: Stage, execution: str) -> list[Usage]:
    """The runaway itself: it stops only because somebody tells it to."""
    calls: list[Usage] = []
    while stage.orchestrator.switch.may_go_on(agent=RUNAWAY.name, execution=execution, use_case=RUNAWAY.work.use_case):
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
