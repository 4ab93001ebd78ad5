"""The Microsoft Teams courier: an Adaptive Card to a workflow's webhook.

What stands in a card is text runs only, which know no mark-up, so no name can write a link or mention anybody. A workflow gives no id
back: a card cannot be edited, and an unclear end may be told twice.
"""

from __future__ import annotations

import json
from typing import Any, Final

from service.couriers.port import Delivered, Item, Outcome, Parts, Receiver, not_taken
from service.couriers.wire import Wire
from service.facts import Notice
from service.messages.build import of_notice
from service.messages.message import Message

_STYLES: Final = {"critical": "attention", "warning": "warning", "info": "accent"}


class TeamsCourier:
    """Posts to one workflow. Raises ValueError when its address is of no use."""

    follows: Final = False

    def __init__(self, receiver: Receiver, parts: Parts) -> None:
        self.name = receiver.name
        address = receiver.secrets.get("address", "")
        if not address:
            raise ValueError("needs the address of a workflow's webhook")
        self._wire = Wire(address, parts, [address], headers={"content-type": "application/json"})
        self._public_url = parts.public_url

    async def deliver(self, item: Item) -> Outcome:
        """Posts once; 202 says that the workflow has begun."""
        if not isinstance(item, Notice):
            return not_taken(item, "notices")
        body = json.dumps(card(of_notice(item, self._public_url))).encode()
        outcome = self._wire.outcome(await self._wire.ask("POST", self._wire.url, content=body))
        return Delivered() if isinstance(outcome, Delivered) else outcome

    async def close(self) -> None:
        """Closes the connections."""
        await self._wire.close()


def card(message: Message) -> dict[str, Any]:
    """What a workflow's webhook takes: a message with one card. Pure."""
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": message.head,
        "msteams": {"width": "Full"},
        "body": [
            {
                "type": "Container",
                "style": _STYLES.get(message.severity, "default"),
                "bleed": True,
                "items": [_text(_run(message.head, weight="Bolder", size="Medium"))],
            },
            *_parts(message),
        ],
        "actions": [{"type": "Action.OpenUrl", "title": label, "url": url} for label, url in message.links],
    }
    return {"type": "message", "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content}]}


def _parts(message: Message) -> list[dict[str, Any]]:
    parts = [_text(_run(message.lead))] if message.lead else []
    parts += [_text(_run(each, weight="Bolder" if at == 0 else "Default"), spacing="Small" if at else "Medium") for at, each in enumerate(message.done)]
    parts += [_text(_run(f"{label}: ", isSubtle=True), _run(value), spacing="Small" if at else "Medium") for at, (label, value) in enumerate(message.fields)]
    if message.why:
        parts += [_text(_run(message.why, weight="Bolder"), spacing="Medium"), *(_text(_run(each), spacing="Small") for each in message.causes)]
    parts += [_text(_run(each), spacing="Small" if at else "Medium") for at, each in enumerate(message.people)]
    for head, lines in message.sections:
        parts += [_text(_run(head, weight="Bolder"), spacing="Medium"), *(_text(_run(each), spacing="Small") for each in lines)]
    return [*parts, _text(_run(" · ".join(message.foot), isSubtle=True, size="Small"), spacing="Medium")] if message.foot else parts


def _text(*runs: dict[str, Any], spacing: str = "Default") -> dict[str, Any]:
    return {"type": "RichTextBlock", "spacing": spacing, "inlines": list(runs)}


def _run(text: str, **style: Any) -> dict[str, Any]:
    return {"type": "TextRun", "text": text, **style}
