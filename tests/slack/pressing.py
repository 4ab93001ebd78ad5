"""A person at Slack who presses buttons: the payloads as Slack sends them, signed by slack-sdk."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx
from msgspec.structs import replace as but
from slack_sdk.signature import SignatureVerifier

from service.api import create_app
from service.api.ports import Service
from service.books import IncidentStory
from service.couriers.port import Parts
from service.couriers.slack.chat import SlackChat
from service.facts import Control, Incident, Ordered
from service.messages.slack import root as slack
from service.messages.slack.presses import PREFIX, Offers
from tests.samples import DAY_MS
from tests.scenarios.fake_service import INCIDENT, NOW_MS, FakeBooks
from tests.slack.desk import receiver
from tests.slack.server import SIGNING_SECRET, FakeSlack

MARIA, LI = "U024BE7LH", "U0G9QF9C6"
BY = f"slack:{MARIA}"
ORDERED = Ordered("ord-1", "pause", "enforce", "effective", NOW_MS - 60_000, NOW_MS + DAY_MS, "loop")
PAUSED = but(INCIDENT, ordered=ORDERED)


@dataclass
class Hand:
    """Presses what a message offers."""

    door: httpx.AsyncClient
    clock: Callable[[], int]
    secret: str = SIGNING_SECRET
    response_url: str = "http://slack.example/response/1"
    presses: int = 0

    async def press(self, said: dict[str, Any], name: str, *, user: str = MARIA, option: int = 0, mark: str = "", headers: dict[str, Any] | None = None) -> Any:
        return await self.send("/slack/actions", {"payload": json.dumps(self.payload(said, name, user, option, mark))}, headers)

    def payload(self, said: dict[str, Any], name: str, user: str = MARIA, option: int = 0, mark: str = "") -> dict[str, Any]:
        """What Slack says of a press."""
        self.presses += 1
        element = next(each for block in said["blocks"] if block["type"] == "actions" for each in block["elements"] if each["action_id"] == f"{PREFIX}{name}")
        action = {"action_id": element["action_id"], "block_id": "b", "type": element["type"], "action_ts": mark or f"1548426417.{self.presses:06d}"}
        action |= {"selected_option": element["options"][option]} if "options" in element else {"value": element.get("value", "")}
        return {
            "type": "block_actions",
            "user": {"id": user, "username": "someone"},
            "trigger_id": f"trigger-{self.presses}",
            "response_url": self.response_url,
            "container": {"type": "message", "message_ts": "1548261231.000200", "channel_id": "C1"},
            "message": {"ts": "1548261231.000200"},
            "actions": [action],
        }

    async def submit(self, view: dict[str, Any], reason: str, *, user: str = MARIA, mark: str = "V1") -> Any:
        state = {"values": {f"{PREFIX}reason": {f"{PREFIX}reason": {"type": "plain_text_input", "value": reason}}}}
        payload = {"type": "view_submission", "user": {"id": user}, "view": {**view, "id": mark, "state": state}}
        return await self.send("/slack/actions", {"payload": json.dumps(payload)})

    async def write(self, text: str) -> Any:
        answer = await self.send("/slack/commands", {"command": "/spend", "text": text, "user_id": MARIA, "response_url": self.response_url})
        return answer.json()

    async def send(self, path: str, form: dict[str, str], headers: dict[str, Any] | None = None, age_s: int = 0) -> httpx.Response:
        body = urlencode(form)
        stamp = str(self.clock() // 1000 - age_s)
        signature = SignatureVerifier(self.secret).generate_signature(timestamp=stamp, body=body) or ""
        signed = {"x-slack-request-timestamp": stamp, "x-slack-signature": signature, "content-type": "application/x-www-form-urlencoded"}
        return await self.door.post(path, content=body, headers=signed | (headers or {}))


@dataclass
class Room:
    """A service, its door, and Slack."""

    service: Any
    tenant: str = "default"
    slack: FakeSlack = field(default_factory=FakeSlack)

    def __post_init__(self) -> None:
        clock: Callable[[], int] = self.service.now_ms
        self.slack.clock = clock
        chat = SlackChat(receiver(tenant=self.tenant), Parts(public_url="", clock=clock, transport=self.slack))
        service: Service = self.service
        app = create_app(service, None, insecure_loopback=True, chats=lambda: [chat])
        self.door = httpx.AsyncClient(transport=httpx.ASGITransport(app, client=("127.0.0.1", 1)), base_url="http://127.0.0.1:8484")
        self.hand = Hand(self.door, clock)

    def controls(self) -> list[Control]:
        return [said for said in self.service.said if isinstance(said, Control)]

    def whispers(self) -> list[str]:
        return [said["text"] for said in self.slack.whispers if said.get("response_type") == "ephemeral"]


def message(incident: Incident) -> dict[str, Any]:
    return slack.root(incident, "https://spend.example", Offers(orders=True, tickets=True))


class Stands(FakeBooks):
    """Books that hold one incident as a test wants it."""

    def __init__(self, incident: Incident) -> None:
        super().__init__()
        self.now = incident

    def incident(self, incident_id: str, tenant: str | None) -> IncidentStory | None:
        return IncidentStory([self.now], [], [], []) if incident_id == self.now.id else None
