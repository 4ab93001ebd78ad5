"""Socket mode, for who has no address that Slack can call: we open a connection, and presses come over it. slack-sdk keeps it open.

Its log is shut: it would write addresses that let others in. Whether the connection stands is looked at and said by us instead.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import structlog

from service.couriers.port import Receiver
from service.couriers.slack.chat import MISSING
from service.couriers.slack.web import DEFAULT_URL

if TYPE_CHECKING:
    from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
    from slack_sdk.socket_mode.request import SocketModeRequest

LOOK_S: Final = 30.0
PING_S: Final = 5.0
Hear: TypeAlias = Callable[[str, Mapping[str, Any], bool], Awaitable[tuple[dict[str, Any] | None, Callable[[], Awaitable[None]] | None]]]


class Socket:
    """One receiver's connection; `hear` is given what comes: `interactive` or `slash_commands`, the payload, and whether it came before.

    Raises ValueError where slack-sdk or aiohttp is missing.
    """

    def __init__(self, receiver: Receiver, hear: Hear) -> None:
        try:
            from slack_sdk.socket_mode.aiohttp import SocketModeClient  # noqa: PLC0415 -- slow to import, and needed by few
            from slack_sdk.web.async_client import AsyncWebClient  # noqa: PLC0415
        except ImportError:
            raise ValueError(f"receiver {receiver.name}: socket mode needs slack-sdk and aiohttp: {MISSING}") from None
        self._name, self._hear = receiver.name, hear
        silent = logging.getLogger("spendwarden.slack-sdk")
        silent.disabled = True
        base_url = f"{str(receiver.options.get('base_url') or DEFAULT_URL).rstrip('/')}/"
        token = receiver.secrets["app_token"]
        self._made: Callable[[], Any] = lambda: SocketModeClient(token, silent, AsyncWebClient(base_url=base_url, logger=silent), ping_interval=PING_S)

    async def live(self) -> None:
        """Keeps the connection until it is cancelled, however often it breaks."""
        client = self._made()
        client.socket_mode_request_listeners.append(self._heard)
        connecting = asyncio.ensure_future(client.connect())
        try:
            await self._watch(client)
        finally:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
            await client.close()

    async def _watch(self, client: AsyncBaseSocketModeClient) -> None:
        stood = True
        while True:
            await asyncio.sleep(LOOK_S)
            stands = await client.is_connected()
            if stands != stood:
                structlog.get_logger("couriers").warning("chat_socket", receiver=self._name, connected=stands)
            stood = stands

    async def _heard(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        from slack_sdk.socket_mode.response import SocketModeResponse  # noqa: PLC0415

        body, after = await self._hear(request.type, request.payload, bool(request.retry_attempt))
        await client.send_socket_mode_response(SocketModeResponse(request.envelope_id, body))
        if after is not None:
            await after()
