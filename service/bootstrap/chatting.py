"""Who may press buttons: the Slack receivers of the policy in force, made anew when it changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from service.clock import now_ms
from service.couriers.port import Parts
from service.couriers.receivers import receivers_of
from service.couriers.slack.chat import SlackChat, chats_of
from service.policy import Policy


@dataclass
class Chats:
    """`policy` is the one in force whenever it is asked."""

    policy: Callable[[], Policy]
    _digest: str = ""
    _chats: Sequence[SlackChat] = ()
    _former: list[SlackChat] = field(default_factory=list)

    def __call__(self) -> Sequence[SlackChat]:
        """Those of the policy in force; none where one of them cannot be made, which the log says."""
        policy = self.policy()
        if policy.digest != self._digest:
            self._digest = policy.digest
            self._former += self._chats
            try:
                self._chats = chats_of(receivers_of(policy), Parts(public_url="", clock=now_ms))
            except ValueError as mistake:
                self._chats = ()
                structlog.get_logger("door").warning("chat_unusable", reason=str(mistake))
        return self._chats

    async def close(self) -> None:
        """Closes the connections of them all."""
        await asyncio.gather(*(chat.close() for chat in (*self._chats, *self._former)), return_exceptions=True)
        self._chats, self._former, self._digest = (), [], ""
