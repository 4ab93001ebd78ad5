"""Who may press buttons: the Slack receivers of the policy in force, made anew when it or a secret changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import structlog

from service.api.ports import Service
from service.api.slack.hearing import Heard, asked, pressed
from service.clock import now_ms
from service.couriers.port import Parts
from service.couriers.receivers import receivers_of, secrets_of
from service.couriers.slack.chat import SlackChat, chats_of
from service.couriers.slack.socket import Socket
from service.policy import Policy

LOOK_S: Final = 2.0


@dataclass
class Chats:
    """`policy` is the one in force whenever it is asked."""

    policy: Callable[[], Policy]
    _digest: str = ""
    _secrets: list[bytes] = field(default_factory=list)
    _chats: Mapping[str, SlackChat] = field(default_factory=dict)
    _former: list[SlackChat] = field(default_factory=list)

    def __call__(self) -> Sequence[SlackChat]:
        """Those of the policy in force; none where one of them cannot be made, which the log says."""
        policy = self.policy()
        if policy.digest != self._digest:
            self._digest, self._secrets = policy.digest, secrets_of(policy)  # first, so that what is replaced in between is seen later
            self._former += self._chats.values()
            try:
                self._chats = chats_of(receivers_of(policy), Parts(public_url="", clock=now_ms))
            except ValueError as mistake:
                self._chats = {}
                _unusable(mistake)
        return list(self._chats.values())

    async def listen(self, service: Service) -> None:
        """Keeps a socket open for each receiver that names an `app_token`, for ever; sees when a secret is replaced in its file."""
        while True:
            self()
            digest, sockets = self._digest, [asyncio.ensure_future(socket.live()) for socket in self._sockets(service)]
            try:
                while self.policy().digest == digest:
                    await asyncio.sleep(LOOK_S)
                    if await asyncio.to_thread(secrets_of, self.policy()) != self._secrets:
                        self._digest = ""  # the policy is the same, and whoever was made by it is not
                        break
            finally:
                for socket in sockets:
                    socket.cancel()
                await asyncio.gather(*sockets, return_exceptions=True)

    async def close(self) -> None:
        """Closes the connections of them all."""
        await asyncio.gather(*(chat.close() for chat in (*self._chats.values(), *self._former)), return_exceptions=True)
        self._chats, self._former, self._digest = {}, [], ""

    def _sockets(self, service: Service) -> list[Socket]:
        named = [each for each in receivers_of(self.policy()) if each.secrets.get("app_token") and each.name in self._chats]
        try:
            return [Socket(each, partial(_hear, service, self._chats[each.name])) for each in named]
        except ValueError as mistake:
            _unusable(mistake)
            return []


async def _hear(service: Service, chat: SlackChat, kind: str, payload: Mapping[str, Any], again: bool) -> Heard:
    match kind:
        case "interactive":
            return await pressed(service, chat, payload, again=again)
        case "slash_commands":
            return await asked(service, chat, payload)
        case _:
            return Heard()


def _unusable(mistake: ValueError) -> None:
    structlog.get_logger("door").warning("chat_unusable", reason=str(mistake))
