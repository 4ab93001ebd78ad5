"""The whole way on a running service: a budget is crossed, one message grows, a button is pressed, and the message says who."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from service.clock import now_ms
from tests.scenarios.live_service import Live, live, until
from tests.slack.pressing import LI, MARIA, Hand
from tests.slack.served import served
from tests.slack.server import SIGNING_SECRET, TOKEN, FakeSlack


def policy(url: str, pauses: str = "", takes: str = "notices") -> str:
    return f"""
budgets: [{{name: all-day, scope: total, rolling: 24h, limit_usd: 100, thresholds: [50, 80, 100]}}]
owners: [{{name: Platform team, slack: "#kyc-spend", mention: U0OWNER000}}]
receivers: [{{name: spend, kind: slack, channel: "#ai-spend", token: "env:SLACK_BOT_TOKEN", signing_secret: "env:SLACK_SIGNING_SECRET", base_url: "{url}", takes: {takes}}}]
{pauses}
"""


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
    monkeypatch.setenv("SLACK_SIGNING_SECRET", SIGNING_SECRET)
    monkeypatch.setattr("service.couriers.edits.EDIT_AFTER_MS", 300)


@asynccontextmanager
async def living(data: Path, pauses: str = "", takes: str = "notices") -> AsyncIterator[tuple[Live, FakeSlack, Hand]]:
    slack = FakeSlack(clock=now_ms)
    async with served(slack) as url, live(data, policy(url, pauses, takes)) as service:
        yield service, slack, Hand(service.door, now_ms, response_url=f"{slack.place}/response/1")
    assert slack.mistakes == []


def shows(slack: FakeSlack, *texts: str) -> Callable[[], Awaitable[bool]]:
    """Whether the one message holds all of this."""

    async def it() -> bool:
        roots = slack.roots("C2")
        assert len(roots) <= 1
        return bool(roots) and all(text in json.dumps(roots[0], ensure_ascii=False) for text in texts)

    return it


def hangs(slack: FakeSlack) -> Callable[[], Awaitable[bool]]:
    """Whether a picture hangs in a thread."""

    async def it() -> bool:
        return bool(slack.hung)

    return it


def root(slack: FakeSlack) -> dict[str, Any]:
    return slack.roots("C2")[0]


async def test_a_budget_is_crossed_grows_and_is_acknowledged(tmp_path: Path) -> None:
    async with living(tmp_path) as (service, slack, hand):
        await service.taken(60)
        await until(shows(slack, "has passed 50 % of budget all-day", "<@U0OWNER000>"))
        await service.taken(25)
        await until(shows(slack, "has passed 80 % of budget all-day", "$80.00 of $100.00"))
        assert "U0OWNER000" not in json.dumps(root(slack)), "the owner is called once"
        assert (await hand.press(root(slack), "acknowledge")).status_code == 200
        await until(shows(slack, f"Acknowledged by <@{MARIA}> on", "(acknowledged): all AI spend"))

        async def is_booked() -> bool:
            (item,) = (await service.door.get("/v1/incidents")).json()["items"]
            story = (await service.door.get(f"/v1/incidents/{item['id']}")).json()
            return bool(story["controls"]) and "acts" in item and all(notice["delivery"] == "delivered" for notice in story["notices"])

        await until(is_booked)
        (item,) = (await service.door.get("/v1/incidents")).json()["items"]
        story = (await service.door.get(f"/v1/incidents/{item['id']}")).json()
        assert [(each["action"], each["by"]) for each in story["controls"]] == [("acknowledge", f"slack:{MARIA}")]
        assert [each["what"] for each in item["acts"]] == ["acknowledge"]
        assert root(slack)["metadata"]["event_payload"]["incident"] == item["id"]
        assert {notice["delivery"] for notice in story["notices"]} == {"delivered"}
        assert len(slack.roots("C2")) == 1
        await until(hangs(slack))
        (plot,) = slack.files.values()
        assert plot.startswith(b"\x89PNG"), "how it came to that hangs in the thread"
        assert len(slack.replies("C2")) == len(story["notices"]) - 1


async def test_a_snooze_shows_soon_though_nobody_is_told_of_it(tmp_path: Path) -> None:
    async with living(tmp_path) as (service, slack, hand):
        await service.taken(60)
        await until(shows(slack, "has passed 50 %"))
        await hand.press(root(slack), "snooze")
        await until(shows(slack, f"by <@{MARIA}> on", "(snoozed): all AI spend"))
        assert slack.replies("C2") == []


async def test_a_pause_by_two_people_is_ordered_and_shown(tmp_path: Path) -> None:
    async with living(tmp_path, "pauses: {two_person_usd: 10}", "all") as (service, slack, hand):
        await service.taken(60)
        await until(shows(slack, "has passed 50 %"))

        async def is_asked() -> bool:
            return bool(slack.views)

        await hand.press(root(slack), "pause")
        await until(is_asked)
        await hand.submit(slack.views[0], "all of it")
        await hand.press(slack.whispers[-1], "approve", user=LI)
        await until(shows(slack, f"Pause ordered by <@{MARIA}> and <@{LI}> on", "(all of it)"))

        async def is_booked() -> bool:
            return bool((await service.door.get("/v1/orders")).json()["items"])

        await until(is_booked)
        (order,) = (await service.door.get("/v1/orders")).json()["items"]
        assert (order["action"], order["by"], order["approved_by"]) == ("pause", f"slack:{MARIA}", f"slack:{LI}")


async def test_what_is_spent_is_told_to_the_one_who_asks(tmp_path: Path) -> None:
    async with living(tmp_path) as (service, slack, hand):
        await service.taken(60)
        await until(service.is_booked)
        await until(shows(slack, "has passed 50 %"))
        told = await hand.write("total")
        assert told["text"] == "Spend of all AI spend: $60.00 in 60 records today, $60.00 in 60 records this month."
        assert "all-day: $60.00 of $100.00 (60 %)" in json.dumps(told)
