"""A Slack courier at its desk: a fake Slack, a clock moved by hand, a memory that outlives a crash."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx
from msgspec.structs import replace as but

from service.couriers.port import Contact, Item, MemoryHere, Outcome, Parts, Picture, Receiver
from service.couriers.slack import SlackCourier
from service.facts import Incident, Notice
from tests.core.episodes import LOOP
from tests.samples import NIGHT_MS, notice
from tests.slack.server import SIGNING_SECRET, TOKEN, URL, FakeSlack

KYC = Contact(slack="#kyc-spend")


def receiver(**options: Any) -> Receiver:
    return Receiver(
        name="spend",
        kind="slack",
        options={"channel": "#ai-spend", "base_url": URL, **options},
        secrets={"token": TOKEN, "signing_secret": SIGNING_SECRET},
        contacts={"KYC team": KYC},
    )


def step(of: Incident = LOOP, reason: str = "updated", **known: Any) -> Notice:
    """The next step of an incident as a notice with an id of its own."""
    about = but(of, **known)
    return but(notice(about, reason), id=f"ntc-{about.id}-{about.revision}-{reason}")


@dataclass
class Desk:
    """`again` is the courier after a crash: nothing of it is left but its memory."""

    now_ms: int = NIGHT_MS
    options: dict[str, Any] = field(default_factory=dict)
    picture: Picture | None = None
    unknown: int = 0  # how often the books do not know the incident yet

    def __post_init__(self) -> None:
        self.slack = FakeSlack(clock=lambda: self.now_ms)
        self.memory = MemoryHere()
        self.asked: list[str] = []
        self.courier = self.again()

    def again(self, transport: httpx.AsyncBaseTransport | None = None) -> SlackCourier:
        parts = Parts(
            public_url="https://spend.example",
            clock=lambda: self.now_ms,
            memory=lambda _: self.memory,
            transport=transport or self.slack,
            picture=self._draw if self.picture is not None else None,
            answer_s=0.5,
        )
        self.courier = SlackCourier(receiver(**self.options), parts)
        return self.courier

    async def tell(self, item: Item) -> Outcome:
        return await self.courier.deliver(item)

    def wait(self, seconds: float) -> None:
        self.now_ms += int(seconds * 1000)

    async def _draw(self, incident: str) -> Picture | None:
        self.asked.append(incident)
        return self.picture if len(self.asked) > self.unknown else None
