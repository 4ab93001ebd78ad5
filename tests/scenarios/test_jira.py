"""One Jira issue follows one incident from its first line to the end of its period, through kills, and the next period's is linked to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.couriers.deliveries import Remembered, SqliteDeliveries
from service.couriers.dispatcher import Dispatcher
from service.couriers.jira import JiraCourier
from service.couriers.port import Parts
from service.couriers.receivers import receivers_of
from service.facts import Control, Incident, Receipt, decode_outbox
from service.log.ports import OUTBOX
from service.messages.adf import adf_text
from service.policy import load
from service.records import Outcome, Usage
from tests.jira.fake import MARIA, TOKEN, USER, FakeJira
from tests.scenarios.small_service import NOON_MS, SmallService

MINUTE_MS = 60_000
POLICY = load(
    """
budgets: [{name: hourly, scope: {agent: indexer}, period: hour, limit_usd: 100, thresholds: [50, 80, 100]}]
caps: [{scope: {workflow: "*"}, limit_usd: 10}]
receivers: [{name: tickets, kind: jira, url: "https://acme.example", project: FIN, user: "env:JIRA_USER", token: "env:JIRA_TOKEN"}]
"""
)


class Office:
    """A service whose time is moved by hand, with a Jira; `restart` kills both the service and its courier."""

    def __init__(self, data: Path) -> None:
        self.data, self.now_ms, self.told, self.calls = data, NOON_MS, 0, 0
        self.jira = FakeJira(lambda: self.now_ms)
        self.receipts: list[Receipt] = []

    async def begin(self) -> None:
        self.service = await SmallService.begun(self.data / "service", POLICY, now_ms=self.now_ms)
        self.deliveries = SqliteDeliveries(self.data / "deliveries.db")
        parts = Parts(
            public_url="https://spend.example",
            clock=lambda: self.now_ms,
            transport=self.jira,
            memory=Remembered.of(self.deliveries, lambda: self.now_ms),
        )
        receivers = receivers_of(POLICY)
        self.courier = JiraCourier(receivers[0], parts)
        self.dispatcher = Dispatcher(
            receivers, {"tickets": self.courier}, self.deliveries, self._record, clock=lambda: self.now_ms, sleep=asyncio.sleep, draw=lambda: 0.5
        )
        await self.dispatcher.restore()

    async def restart(self) -> None:
        self.kill()
        await self.begin()

    def kill(self) -> None:
        self.service.kill()
        self.deliveries.close()

    async def spend(self, dollars: int, run: str = "", workflow: str = "") -> None:
        """One call of the agent."""
        self.calls += 1
        call = Usage(id=f"call-{self.calls}", agent="indexer", cost_usd=str(dollars), time=self.now_ms / 1000, execution_id=run, workflow=workflow)
        await self.service.hear([call])
        await self.live(MINUTE_MS // 2)

    async def live(self, span_ms: int) -> None:
        """Time goes on; what is decided is told, and what people did is heard."""
        until_ms = self.now_ms + span_ms
        while self.now_ms < until_ms:
            await self.service.live(min(10_000, until_ms - self.now_ms))
            self.now_ms = self.service.now_ms
            await self._deliver()
            for control in await self.courier.heard():
                await self.service.tell(control)

    async def later(self, span_ms: int) -> None:
        """Much later: nobody looked meanwhile."""
        self.service.now_ms += span_ms
        await self.live(2 * MINUTE_MS)

    async def _deliver(self) -> None:
        offset = await self.deliveries.offset(0) or (await self.service.log.span(OUTBOX, 0))[0]
        while rows := await self.service.log.read(OUTBOX, 0, offset, 256):
            offset = rows[-1].offset + 1
            await self.dispatcher.take(0, offset, [decision for row in rows for decision in decode_outbox(row.value).decisions])
        await self.dispatcher.deliver_due()

    async def _record(self, said: Receipt | Control) -> None:
        await self.service.tell(said)
        if isinstance(said, Receipt):
            self.receipts.append(said)

    async def steps(self) -> list[Incident]:
        rows = await self.service.log.read(OUTBOX, 0, (await self.service.log.span(OUTBOX, 0))[0], 10_000)
        return [each for row in rows for each in decode_outbox(row.value).decisions if isinstance(each, Incident)]


@pytest.fixture
async def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    monkeypatch.setenv("JIRA_USER", USER)
    monkeypatch.setenv("JIRA_TOKEN", TOKEN)
    made = Office(tmp_path)
    await made.begin()
    yield made
    made.kill()
    assert made.jira.broken == []


def said(office: Office, key: str = "FIN-1") -> list[str]:
    return [adf_text(each["body"]).splitlines()[0] for each in office.jira.issues[key].comments]


async def test_an_hour_and_the_next(office: Office) -> None:
    await office.spend(55)
    issue = office.jira.only()
    assert issue.fields["summary"] == "Agent indexer has passed 50 % of budget hourly: $55.00 of $100.00 spent"
    await office.restart()
    assert said(office) == []
    await office.spend(50)
    await office.restart()
    await office.live(2 * MINUTE_MS)
    assert issue.fields["summary"] == "Agent indexer has passed 100 % of budget hourly: $105.00 of $100.00 spent"
    assert [line.partition(": ")[2] for line in said(office)] == ["Agent indexer has passed 100 % of budget hourly: $105.00 of $100.00 spent"]
    assert issue.fields["priority"] == {"id": "11"}
    await office.later(130 * MINUTE_MS)  # periods are closed once an hour
    assert issue.status == "Erledigt"
    assert said(office)[-1].startswith("INFO: Resolved: budget hourly of agent indexer")
    await office.spend(60)
    assert [each.status for each in office.jira.issues.values()] == ["Erledigt", "Offen"]
    assert office.jira.issues["FIN-2"].links == ["FIN-1"]
    assert {receipt.state for receipt in office.receipts} == {"delivered"}


async def test_a_run_goes_on_spending_and_ends(office: Office) -> None:
    for _ in range(2):
        await office.spend(6, "run-1", "reindex")
    issue = office.jira.only()
    assert issue.fields["summary"].startswith("Agent indexer goes beyond what one execution may: $12.00")
    for _ in range(4):
        await office.spend(6, "run-1", "reindex")
    await office.live(2 * MINUTE_MS)
    assert "$36.00" in adf_text(issue.fields["description"])
    assert said(office) == []
    assert issue.fields["summary"].startswith("Agent indexer goes beyond what one execution may: $12.00")
    await office.service.hear([Outcome(id="end", execution_id="run-1", time=office.now_ms / 1000)])
    await office.live(MINUTE_MS)
    await office.later(70 * MINUTE_MS)
    assert issue.status == "Erledigt"
    assert len(said(office)) == 1


async def test_what_people_do_there_counts_here(office: Office) -> None:
    await office.spend(55)
    office.jira.move("FIN-1", "In Arbeit", by=MARIA)
    await office.live(2 * MINUTE_MS)
    last = (await office.steps())[-1]
    assert (last.state, [(act.what, act.by, act.reason) for act in last.acts]) == (
        "acknowledged",
        [("acknowledge", "Maria Silva", "in progress in Jira FIN-1")],
    )
    office.jira.move("FIN-1", "Erledigt", "Won't Do", by=MARIA)
    await office.live(2 * MINUTE_MS)
    assert [(act.what, act.by) for act in (await office.steps())[-1].acts][-1] == ("not_useful", "Maria Silva")
    told = len(said(office))
    await office.spend(50)
    await office.live(2 * MINUTE_MS)
    assert office.receipts[-1].reason == "muted: FIN-1 was closed as not to be done"
    assert len(said(office)) == told
    assert office.jira.only().status == "Erledigt"
