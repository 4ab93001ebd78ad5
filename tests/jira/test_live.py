"""The whole way on a service: a budget is crossed, one issue follows it, people work there, and what they do stands in the journal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from service.clock import now_ms
from service.messages.adf import adf_text
from tests.jira.fake import LI, MARIA, TOKEN, USER, FakeJira, Issue
from tests.scenarios.live_service import Live, live, until
from tests.served import served

MUTED = "muted: FIN-1 was closed as not to be done"


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIRA_USER", USER)
    monkeypatch.setenv("JIRA_TOKEN", TOKEN)
    monkeypatch.setattr("service.couriers.edits.EDIT_AFTER_MS", 100)
    monkeypatch.setattr("service.couriers.dispatcher.EDIT_AFTER_MS", 100)
    monkeypatch.setattr("service.couriers.jira.courier.EDIT_EVERY_MS", 100)
    monkeypatch.setattr("service.couriers.hearing.HEAR_EVERY_S", 0.2)


@asynccontextmanager
async def living(data: Path) -> AsyncIterator[tuple[Live, FakeJira]]:
    jira = FakeJira(clock=now_ms)
    async with served(jira.reply) as url:
        policy = f"""
budgets: [{{name: all-day, scope: total, period: day, limit_usd: 100, thresholds: [50, 80, 100]}}]
receivers: [{{name: tickets, kind: jira, url: "{url}", project: FIN, user: "env:JIRA_USER", token: "env:JIRA_TOKEN"}}]
"""
        async with live(data, policy) as service:
            yield service, jira
    assert jira.broken == []


def shows(jira: FakeJira, holds: Callable[[Issue], bool]) -> Callable[[], Awaitable[bool]]:
    """Whether this holds for the one issue."""

    async def it() -> bool:
        assert len(jira.issues) <= 1
        return bool(jira.issues) and holds(jira.only())

    return it


async def story(service: Live) -> dict[str, Any]:
    items = (await service.door.get("/v1/incidents")).json()["items"]
    if not items:
        return {"acts": [], "notices": [], "controls": []}  # the books are behind
    (item,) = items
    told: dict[str, Any] = (await service.door.get(f"/v1/incidents/{item['id']}")).json()
    return told | {"acts": item.get("acts", [])}


async def test_a_budget_is_crossed_and_its_issue_follows(tmp_path: Path) -> None:
    async with living(tmp_path) as (service, jira):
        await service.taken(60)
        await until(shows(jira, lambda issue: "has passed 50 % of budget all-day" in issue.fields["summary"]))
        await service.taken(25)
        await until(shows(jira, lambda issue: [("passed 80 %" in adf_text(each["body"])) for each in issue.comments] == [True]))
        assert "has passed 80 %" in jira.only().fields["summary"]
        incident = (await service.door.get("/v1/incidents")).json()["items"][0]["id"]
        assert incident in jira.only().fields["labels"]
        assert jira.only().properties["spendwarden"]["id"] == incident

        jira.assign("FIN-1", LI, by=MARIA)
        jira.comment("FIN-1", "It is the nightly load.")

        async def is_heard() -> bool:
            return [act["what"] for act in (await story(service))["acts"]] == ["acknowledge", "note"]

        await until(is_heard)
        acts = (await story(service))["acts"]
        assert [(act["by"], act["reason"]) for act in acts] == [
            ("Li Wei", "assigned in Jira FIN-1"),
            ("Maria Silva", "It is the nightly load. (in Jira FIN-1)"),
        ]
        await until(shows(jira, lambda issue: "Noted by “Maria Silva”" in adf_text(issue.fields["description"])))
        assert {notice["delivery"] for notice in (await story(service))["notices"]} == {"delivered"}


async def test_closed_as_not_to_be_done_is_a_verdict_and_the_end_of_telling(tmp_path: Path) -> None:
    async with living(tmp_path) as (service, jira):
        await service.taken(60)
        await until(shows(jira, lambda _: True))
        jira.move("FIN-1", "Erledigt", "Won't Do")

        async def is_heard() -> bool:
            return [(each["action"], each["by"]) for each in (await story(service))["controls"]] == [("verdict", "Maria Silva")]

        await until(is_heard)
        await service.taken(45)

        async def is_told() -> bool:
            return [notice["delivery"] for notice in (await story(service))["notices"]] == ["delivered"] * 3

        await until(is_told)
        assert [notice.get("delivery_reason", "") for notice in (await story(service))["notices"]] == ["", MUTED, MUTED]
        assert jira.only().comments == []
        assert jira.only().status == "Erledigt"
