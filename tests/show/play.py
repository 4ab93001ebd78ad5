"""The play: a day's habit of one agent, then a run of it that does not stop by itself."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import time
from typing import Any, Final
from unittest.mock import patch

from service.clock import now_ms
from tests.bench.live import receiver
from tests.jira import fake as jira_fake
from tests.jira.fake import FakeJira
from tests.scenarios.live_service import Live, live, until
from tests.served import served
from tests.slack import server as slack_server
from tests.slack.served import served as slack_served
from tests.slack.server import FakeSlack

POLICY: Final = """
public_url: https://spend.example
owners: [{{name: KYC team, match: {{use_case: kyc}}, mention: U024BE7LH, jira: {{project: KYC}}}}]
caps: [{{scope: {{workflow: screening}}, limit_usd: 2, action: pause}}]
pauses: {{mode: enforce, allow: [{{execution: "*"}}], min_loss_usd: 0, proof_s: 2}}
receivers:
  - {{name: spend, kind: slack, channel: "#ai-spend", token: "env:SHOW_SLACK", base_url: "{slack}"}}
  - {{name: tickets, kind: jira, url: "{jira}", project: FIN, user: "env:SHOW_USER", token: "env:SHOW_JIRA"}}
  - {{name: orchestrator, kind: webhook, url: "http://127.0.0.1:{hook}/", secret: "env:SHOW_SECRET", takes: orders}}
"""
SECRETS: Final = {"SHOW_SLACK": slack_server.TOKEN, "SHOW_USER": jira_fake.USER, "SHOW_JIRA": jira_fake.TOKEN, "SHOW_SECRET": "for-this-play-only"}
RUNAWAY: Final = "screening-7f3a"


@dataclass
class Played:
    """What each of them got, and the order's life as the API tells it."""

    slack: FakeSlack
    jira: FakeJira
    events: list[dict[str, Any]]
    states: list[dict[str, Any]]


async def played(folder: Path) -> Played:
    """Returns when the pause is proved, and Slack and Jira say so."""
    told = Played(FakeSlack(clock=now_ms), FakeJira(now_ms), [], [])
    with patch.dict(os.environ, SECRETS):
        async with (
            slack_served(told.slack) as slack,
            served(told.jira.reply) as site,
            receiver(told.events.append) as hook,
            live(folder, POLICY.format(slack=slack, jira=site, hook=hook)) as service,
        ):
            await _runs_away(service, told)

            async def is_told() -> bool:
                return any("has stopped" in reply["text"] for reply in told.slack.replies()) and any(each.comments for each in told.jira.issues.values())

            await until(is_told)
            told.states.extend((await service.door.get("/v1/orders")).json()["items"])
    return told


async def _runs_away(service: Live, told: Played) -> None:
    """A call a moment at 41 cents, until the orchestrator is told to pause the run: it obeys at once."""
    for number in count():
        call = {"id": f"call-{number}", "time": time(), "agent": "screener", "use_case": "kyc", "workflow": "screening", "execution_id": RUNAWAY}
        paid = {"provider": "anthropic", "model": "claude-sonnet-4-5", "input_tokens": 120_000, "output_tokens": 3_400, "user": "batch-import"}
        assert (await service.door.post("/v1/records", json=[call | paid])).status_code == 202

        async def is_obeyed() -> bool:
            return any(event["type"] == "spendwarden.order.pause" for event in told.events)

        if number >= 4:
            await until(is_obeyed)
            return
