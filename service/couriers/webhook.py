"""The webhook courier: signed CloudEvents over HTTP, as the Standard Webhooks convention has it.

The secret's reference may hold several keys with white space between: each signs, so that a receiver may know the old one or the new.
"""

from __future__ import annotations

import base64
from typing import Any, Final

from service.couriers.events import encoded, event_of, event_of_test
from service.couriers.port import Delivered, Item, Outcome, Parts, Receiver
from service.couriers.wire import Wire
from service.facts import Incident, Order
from service.sdk.verify import keys_of, sign


class WebhookCourier:
    """Sends to one address. Raises ValueError when the address or the secret is of no use."""

    follows: Final = False

    def __init__(self, receiver: Receiver, parts: Parts) -> None:
        self.name = receiver.name
        self._keys = keys_of(receiver.secret)
        self._clock, self._public_url = parts.clock, parts.public_url
        self._wire = Wire(receiver.url, parts, _secrets(receiver.secret, self._keys))

    async def deliver(self, item: Item) -> Outcome:
        """Tries once; how the receiver answered, or why it could not be asked."""
        if isinstance(item, Incident):
            return Delivered()  # an event that was sent stays as it is
        outcome = await self._send(event_of(item, self._public_url))
        return Delivered() if isinstance(outcome, Delivered) and not isinstance(item, Order) else outcome

    async def probe(self) -> Outcome:
        """Sends a signed event of type `spendwarden.test`."""
        return await self._send(event_of_test(self.name, self._clock(), self._public_url))

    async def close(self) -> None:
        """Closes the connections."""
        await self._wire.close()

    async def _send(self, event: dict[str, Any]) -> Outcome:
        body = encoded(event)
        return self._wire.outcome(await self._wire.ask("POST", self._wire.url, content=body, headers=self._headers(event["id"], body)))

    def _headers(self, item_id: str, body: bytes) -> dict[str, str]:
        now_s = self._clock() // 1000
        return {
            "content-type": "application/cloudevents+json",
            "webhook-id": item_id,
            "webhook-timestamp": str(now_s),
            "webhook-signature": " ".join(sign(key, item_id, now_s, body.decode()) for key in self._keys),
        }


def _secrets(written: str, keys: list[bytes]) -> list[str]:
    """Each key as written and as base64."""
    return [*(part.removeprefix("whsec_") for part in written.split()), *(base64.b64encode(key).decode() for key in keys)]
