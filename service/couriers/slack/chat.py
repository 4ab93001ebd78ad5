"""The way back from Slack: whether a request is Slack's, and how the one who pressed is answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.couriers.port import Parts, Receiver
from service.couriers.slack.web import Said, Web
from service.records import DEFAULT_TENANT

MISSING: Final = "install spendwarden[slack], or leave out signing_secret and app_token"
SECRETS: Final = ("signing_secret", "app_token")


@dataclass(frozen=True, slots=True)
class _Clock:
    """The shell's clock as slack-sdk asks it."""

    clock: Callable[[], int]

    def now(self) -> float:
        return self.clock() / 1000


class SlackChat:
    """One receiver's side of it. Raises ValueError where it cannot be made."""

    def __init__(self, receiver: Receiver, parts: Parts) -> None:
        try:
            from slack_sdk.signature import SignatureVerifier  # noqa: PLC0415 -- slow to import, and only needed where someone presses
        except ImportError:
            raise ValueError(f"its buttons need slack-sdk: {MISSING}") from None
        secret = receiver.secrets.get("signing_secret", "")
        self.tenant = str(receiver.options.get("tenant", DEFAULT_TENANT))
        self._verifier = SignatureVerifier(secret, clock=_Clock(parts.clock)) if secret else None  # type: ignore[arg-type]  # any object that says now()
        self._web = Web(receiver, parts)

    def signed(self, body: bytes, timestamp: str, signature: str) -> bool:
        """See `service.api.ports.Chat`."""
        try:
            return self._verifier is not None and bool(self._verifier.is_valid(body, timestamp, signature))
        except (ValueError, TypeError):
            return False

    async def open(self, trigger: str, view: dict[str, Any]) -> bool:
        """See Chat."""
        return isinstance(await self._web.call("views.open", trigger_id=trigger, view=view), Said)

    async def answer(self, url: str, said: dict[str, Any]) -> bool:
        """See Chat."""
        return isinstance(await self._web.send(url, json.dumps(said).encode(), "application/json"), Said)

    async def close(self) -> None:
        """Closes the connections."""
        await self._web.close()


def chats_of(receivers: Sequence[Receiver], parts: Parts) -> dict[str, SlackChat]:
    """By name, of each Slack receiver that people can press buttons of; raises ValueError, naming the receiver, where one cannot be made."""
    made: dict[str, SlackChat] = {}
    for receiver in receivers:
        if receiver.kind == "slack" and any(receiver.secrets.get(name) for name in SECRETS):
            try:
                made[receiver.name] = SlackChat(receiver, parts)
            except ValueError as mistake:
                raise ValueError(f"receiver {receiver.name}: {mistake}") from None
    return made
