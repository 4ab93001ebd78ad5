"""Data folders that a service has run on: a minute and a half of two agents, ended in good order or killed on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from service.facts import Control
from service.intake import Reason, Refusal
from service.policy import load
from service.records import Usage
from tests.scenarios.small_service import SmallService

POLICY = """
budgets:
  - {name: each-agent-day, scope: {agent: "*"}, period: day, limit_usd: 2, pause_at: 100}
  - {name: kyc-agents, scope: {agent: "*", use_case: kyc}, period: day, limit_usd: 3}
caps: [{scope: {workflow: "*"}, limit_usd: 1, action: pause}]
quotas: [{scope: {user: "*"}, period: day, tokens: 5000}]
pauses: {allow: [{execution: "*"}, {agent: "*"}]}
"""


def call(number: int, time_ms: int, cost: str = "0.1") -> Usage:
    agent = f"agent-{number % 2}"
    return Usage(
        id=f"c{number}", time=time_ms / 1000, agent=agent, use_case="kyc", workflow="w", user="u", execution_id=f"{agent}-run", input_tokens=100, cost_usd=cost
    )


async def lived(data: Path, kills: Sequence[int] = (), calls: int = 60) -> SmallService:
    """A minute and a half of a call a second and some of them twice; killed without a word after the calls named."""
    service = await SmallService.begun(data, load(POLICY))
    for number in range(calls):
        await service.hear([call(number, service.now_ms)] * (2 if number % 5 == 0 else 1))
        await service.live(1_400)
        if number in kills:
            service.kill()
            service = await SmallService.begun(data, load(POLICY), now_ms=service.now_ms)
    await service.refuse(Refusal(reason=Reason.NOT_JSON))
    return service


def a_life(data: Path, kills: Sequence[int] = ()) -> None:
    async def life() -> None:
        service = await lived(data, kills)
        await service.tell(Control("ctl-1", "default", "acknowledge", "maria", incident=await an_incident(service)))
        await service.live(5_000)
        await service.stop()

    asyncio.run(life())


async def an_incident(service: SmallService) -> str:
    episodes = service.engine.held.wardens[0].state.tenants["default"].episodes.values()
    return next(episode.id for episode in episodes if episode.budget == "each-agent-day")
