"""What a message offers beside talking is what the policy's other receivers can do."""

from __future__ import annotations

import pytest

from service.couriers.port import Parts
from service.couriers.receivers import receivers_of
from service.couriers.slack import SlackCourier
from service.policy import load
from tests.core.episodes import BUDGET
from tests.samples import NIGHT_MS
from tests.slack.desk import step
from tests.slack.server import TOKEN, URL, FakeSlack

CHAT = f'{{name: spend, kind: slack, channel: C1, token: "env:SLACK_BOT_TOKEN", base_url: "{URL}"}}'
HOOK = '{name: orchestrator, kind: webhook, url: "https://x.example", takes: orders}'
JIRA = '{name: tickets, kind: jira, url: "https://x.example", project: FIN}'


@pytest.mark.parametrize(
    ("others", "offered"), [([], set()), ([HOOK], {"pause"}), ([JIRA], {"ticket"}), ([HOOK, JIRA], {"pause", "ticket"})], ids=["nobody", "hook", "jira", "both"]
)
async def test_nothing_is_offered_that_nobody_would_do(monkeypatch: pytest.MonkeyPatch, others: list[str], offered: set[str]) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
    slack = FakeSlack()
    chat = receivers_of(load(f"receivers: [{', '.join([CHAT, *others])}]"))[0]
    courier = SlackCourier(chat, Parts(public_url="https://spend.example", clock=lambda: NIGHT_MS, transport=slack))
    await courier.deliver(step(BUDGET, "opened"))
    (root,) = slack.roots()
    shown = {element["action_id"].removeprefix("spendwarden.") for element in root["blocks"][-1]["elements"]}
    assert shown & {"pause", "ticket"} == offered
    assert {"acknowledge", "snooze", "expected", "not_useful", "open"} <= shown
