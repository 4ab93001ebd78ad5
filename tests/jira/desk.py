"""A Jira courier at a fake Jira, with a memory that outlives it and a clock that is moved by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace as but

from service.couriers.jira import JiraCourier
from service.couriers.port import Contact, Memory, MemoryHere, Outcome, Parts, Receiver, RetryLater
from service.facts import Control, Incident
from tests.jira.fake import TOKEN, USER, FakeJira
from tests.samples import INCIDENT, NIGHT_MS, notice

MINUTE_MS = 60_000
DAY_MS = 86_400_000


@dataclass
class Desk:
    """`courier` may be begun anew at any time, as after a crash."""

    cloud: bool = True
    options: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    contacts: dict[str, Contact] = field(default_factory=dict)
    now_ms: int = NIGHT_MS
    memory: Memory = field(default_factory=MemoryHere)
    transport: Any = None
    told: int = 0

    def __post_init__(self) -> None:
        self.jira = FakeJira(lambda: self.now_ms, cloud=self.cloud)
        self.begin()

    def begin(self) -> None:
        """As after a crash: only the memory stays."""
        secrets = {"user": USER, "token": TOKEN} if self.cloud else {"token": TOKEN}
        receiver = Receiver(
            name="tickets",
            kind="jira",
            url="https://acme.example",
            options={"project": "FIN", "issue_type": "Task", **self.options},
            secrets=secrets,
            fields=self.fields,
            contacts=self.contacts,
        )
        parts = Parts(public_url="https://spend.example", clock=lambda: self.now_ms, transport=self.transport or self.jira, memory=lambda _: self.memory)
        self.courier = JiraCourier(receiver, parts)

    async def tell(self, about: Incident = INCIDENT, reason: str = "opened", notice_id: str = "") -> Outcome:
        """One try to tell this step."""
        self.told += 1
        return await self.courier.deliver(but(notice(about, reason), id=notice_id or f"ntc-{self.told}"))

    async def tell_until(self, about: Incident = INCIDENT, reason: str = "opened", notice_id: str = "ntc-x", tries: int = 40) -> Outcome:
        """As the dispatcher would: again and again, when the outcome says so."""
        for _ in range(tries):
            outcome = await self.tell(about, reason, notice_id)
            if not isinstance(outcome, RetryLater):
                return outcome
            self.now_ms += int((outcome.after_s or 1.0) * 1000)
        raise AssertionError(outcome)

    async def edit(self, about: Incident) -> Outcome:
        """A step that nobody is told of."""
        return await self.courier.deliver(about)

    async def heard(self) -> list[Control]:
        """What people did there."""
        return list(await self.courier.heard())
