"""The PagerDuty courier: Events API v2. One incident is one alert, known by the incident's id: told again it is the same alert."""

from __future__ import annotations

import json
from typing import Any, Final

from service.couriers.port import Delivered, Item, Outcome, Parts, Receiver, not_taken
from service.couriers.wire import Wire
from service.facts import Notice
from service.messages.build import of_notice
from service.messages.message import Message, plain
from service.phrases import called, shown
from service.records import rfc3339

SUMMARY_MAX: Final = 1024
_ACKNOWLEDGED: Final = frozenset({"acknowledged", "snoozed"})


class PagerDutyCourier:
    """Pages by one integration key. Raises ValueError when there is none."""

    follows: Final = False

    def __init__(self, receiver: Receiver, parts: Parts) -> None:
        self.name = receiver.name
        self._routing_key, self._public_url = receiver.secrets.get("routing_key", ""), parts.public_url
        if not self._routing_key:
            raise ValueError("needs the integration key of a service's Events API v2 as its routing_key")
        self._wire = Wire(receiver.url, parts, [self._routing_key], headers={"content-type": "application/json"})

    async def deliver(self, item: Item) -> Outcome:
        """Sends one event; 202 says that it is taken."""
        if not isinstance(item, Notice):
            return not_taken(item, "notices")
        if item.report is not None:
            return Delivered(reason="a report wakes nobody")
        body = json.dumps({"routing_key": self._routing_key, **event_of(item, self._public_url)}).encode()
        outcome = self._wire.outcome(await self._wire.ask("POST", self._wire.url, content=body))
        return Delivered() if isinstance(outcome, Delivered) else outcome

    async def close(self) -> None:
        """Closes the connections."""
        await self._wire.close()


def event_of(notice: Notice, public_url: str) -> dict[str, Any]:
    """The event without its key. Pure."""
    message, about = of_notice(notice, public_url), notice.about
    return {
        "event_action": action_of(notice),
        "dedup_key": shown(notice.incident, 255),
        "payload": {
            "summary": message.headline[:SUMMARY_MAX],
            "source": called(about.scope),
            "severity": message.severity,
            "timestamp": rfc3339(notice.time_ms),
            "group": shown(about.owner),
            "class": ", ".join(map(str, about.kinds)),
            "custom_details": _details(message, notice),
        },
        "client": "Spendwarden",
        "links": [{"href": url, "text": label} for label, url in message.links],
    }


def action_of(notice: Notice) -> str:
    """What becomes of the alert: what has ended resolves it, what a person took over acknowledges it, all else triggers it or adds to it."""
    if notice.about.state == "resolved":
        return "resolve"
    return "acknowledge" if notice.reason in _ACKNOWLEDGED else "trigger"


def _details(message: Message, notice: Notice) -> dict[str, str]:
    return {**dict(message.fields), "What was done": " ".join(message.done), "Text": plain(message), "notice": notice.id}
