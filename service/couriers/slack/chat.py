"""The way back from Slack: whether a request is Slack's, and how the one who pressed is answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.couriers.port import Parts, Receiver
from service.couriers.slack.web import Said, Web

REPLAY_S: Final = 300  # how old a signed request may be, which is slack-sdk's own limit


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
            raise ValueError("its buttons need slack-sdk: install spendwarden[slack], or leave out signing_secret") from None
        self._verifier = SignatureVerifier(receiver.secrets["signing_secret"], clock=_Clock(parts.clock))  # type: ignore[arg-type]  # any object that says now()
        self._web = Web(receiver, parts)

    def signed(self, body: bytes, timestamp: str, signature: str) -> bool:
        """See `service.api.ports.Chat`."""
        try:
            return bool(self._verifier.is_valid(body, timestamp, signature))
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


def chats_of(receivers: Sequence[Receiver], parts: Parts) -> list[SlackChat]:
    """Of each Slack receiver that names its signing secret; raises ValueError, naming the receiver, where one cannot be made."""
    made: list[SlackChat] = []
    for receiver in receivers:
        if receiver.kind == "slack" and receiver.secrets.get("signing_secret"):
            try:
                made.append(SlackChat(receiver, parts))
            except ValueError as mistake:
                raise ValueError(f"receiver {receiver.name}: {mistake}") from None
    return made
