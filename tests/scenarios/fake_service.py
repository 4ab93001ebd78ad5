"""A service that keeps everything in lists, for tests of the door alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace as but

from service.api import Applies, Check
from service.audit.chain import Chain, add
from service.books import (
    BadCursorError,
    BudgetStanding,
    Cells,
    CellSpend,
    CellsQuestion,
    Delivery,
    IncidentStory,
    ListQuestion,
    OrderStory,
    Page,
    Spend,
    SpendQuestion,
    Step,
    Tokens,
)
from service.facts import HOUR_MS, Audited, Cell, Control, Incident, Notice, OrderState, Receipt, Scope
from service.intake import Refusal
from service.log.ports import LogError
from service.money import NANO
from service.policy import Policy
from service.records import Record
from tests import samples

NOW_MS = 1_795_507_200_000
INCIDENT = but(samples.INCIDENT, time_ms=NOW_MS, opened_ms=NOW_MS, spend_nanos=5_000_000_000, excess_nanos=4_000_000_000, order="ord-1")
ORDER = but(samples.ORDER, time_ms=NOW_MS, expires_ms=NOW_MS + samples.DAY_MS, executions=["run-1"])
STORY = OrderStory(ORDER, "delivered", [OrderState(NOW_MS, ORDER.id, ORDER.tenant, ORDER.scope, "delivered", 0)])
NOTICE = samples.notice(INCIDENT, "opened")


class FakeBooks:
    """One incident with one order."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def spend(self, asked: SpendQuestion) -> Spend:
        self.asked.append(asked)
        by = {"indexer": 1_230_000_000} if asked.by else {}
        series = [Step(NOW_MS // 60_000, 1_230_000_000, 2)] if asked.step_minutes else []
        return Spend(2, 1_230_000_000, Tokens(input=900, output=50, total=950), by, series, asked.span)

    def began(self, tenant: str, scope: Scope) -> int | None:
        return NOW_MS // HOUR_MS - 4 * 24

    def cells(self, asked: CellsQuestion) -> Cells:
        self.asked.append(asked)
        usual = Cell("default", "indexer", "kyc", "", "", "openai", "gpt-4.1", "inference", "chat", batch=False)
        return Cells(asked.to_minute, [CellSpend(usual, 10 * NANO, 40 * NANO), CellSpend(usual._replace(model="gpt-5"), 5 * NANO, 0)])

    def incidents(self, asked: ListQuestion) -> Page[Incident]:
        self._look_at(asked)
        return Page([INCIDENT] if asked.tenant in (None, "default") else [], "")

    def incident(self, incident_id: str, tenant: str | None) -> IncidentStory | None:
        self.asked.append((incident_id, tenant))
        if incident_id != INCIDENT.id or tenant not in (None, "default"):
            return None
        return IncidentStory([INCIDENT], [Delivery(NOTICE, "delivered", "")], [STORY], [Control("ctl-1", "default", "note", "maria", reason="hm")])

    def orders(self, asked: ListQuestion) -> Page[OrderStory]:
        self._look_at(asked)
        return Page([STORY], "next")

    def order(self, order_id: str, tenant: str | None) -> OrderStory | None:
        return STORY if order_id == ORDER.id and tenant in (None, "default") else None

    def paused(self, asked: ListQuestion, now_ms: int) -> Page[OrderStory]:
        self._look_at(asked)
        return Page([STORY] if now_ms < ORDER.expires_ms else [], "")

    def report(self, report_id: str) -> Notice | None:
        return None

    def audit(self, asked: ListQuestion) -> Page[Audited]:
        self._look_at(asked)
        return Page([add(Chain(), NOW_MS, asked.tenant or "default", 0, 1, ORDER)], "next")

    def _look_at(self, asked: ListQuestion) -> None:
        self.asked.append(asked)
        if asked.cursor not in ("", "next"):
            raise BadCursorError


@dataclass
class FakeService:
    """Remembers what it was given; `broken` makes every write fail."""

    books: FakeBooks = field(default_factory=FakeBooks)
    broken: str = ""
    checks: list[Check] = field(default_factory=lambda: [Check("canary", ok=True)])
    records: list[Record] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    said: list[Control | Receipt] = field(default_factory=list)
    drawn: int = 0
    policy: Policy = field(default_factory=Policy)

    def now_ms(self) -> int:
        return NOW_MS

    def nonce(self) -> str:
        self.drawn += 1
        return str(self.drawn)

    async def accept(self, records: Sequence[Record], refusals: Sequence[Refusal]) -> None:
        if self.broken:
            raise LogError(self.broken)
        self.records += records
        self.refusals += refusals

    async def tell(self, said: Control | Receipt) -> None:
        if self.broken:
            raise LogError(self.broken)
        self.said.append(said)

    async def budgets(self, tenant: str | None, scope: Scope | None) -> list[BudgetStanding]:
        runs_out = (NOW_MS + 1, NOW_MS + 2, NOW_MS + 3)
        return [
            BudgetStanding("default", f"b{n}", ORDER.scope, "day", 50_000_000_000, 1, 0.5, runs_out if n else None, NOW_MS, NOW_MS + 86_400_000)
            for n in range(3)
        ]

    async def effective(self, tenant: str, scope: Scope) -> list[Applies]:
        return [Applies("budgets[1]", "each-agent-day", f"agent:* holds for {scope.name}", {"limit_usd": "50"})]

    async def readiness(self) -> list[Check]:
        return self.checks

    async def metrics(self) -> str:
        return "spendwarden_records_total 5\n"
