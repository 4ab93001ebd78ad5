"""The webhook courier: signed CloudEvents over HTTP, as the Standard Webhooks convention has it.

A receiver may be slow, hang in the middle, send gigabytes or rubbish: each is bounded by a limit named here. Whatever text of a
receiver goes into an outcome is short, printable and free of our secrets.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from typing import Final

import httpx

from service.couriers.answers import outcome_of
from service.couriers.events import encoded, event_of
from service.couriers.port import Delivered, Item, Outcome, Parts, Receiver, RetryLater
from service.facts import Incident, Order
from service.sdk.verify import keys_of, sign

BODY_BYTES_MAX: Final = 64 * 1024
_SECRET_LENGTH_MIN: Final = 4  # shorter ones would be found in any text
_PART_LENGTH_MIN: Final = 16  # of an address: what is long may be a token
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class WebhookCourier:
    """Sends to one address. Raises ValueError when the address or the secret is of no use."""

    follows: Final = False

    def __init__(self, receiver: Receiver, parts: Parts) -> None:
        self.name = receiver.name
        self._keys = keys_of(receiver.secret)
        self._clock, self._public_url = parts.clock, parts.public_url
        self._answer_s, self._body_s = parts.answer_s, parts.body_s
        self._url, auth = _address(receiver.url)
        self._hidden = _hidden(receiver, self._keys)
        self._client = httpx.AsyncClient(
            transport=parts.transport,
            auth=auth,
            timeout=parts.answer_s,
            follow_redirects=False,
            trust_env=self._url.host not in _LOOPBACK,  # a proxy never stands before our own machine
            headers={"user-agent": "spendwarden", "accept": "application/json", "accept-encoding": "identity"},
        )

    async def deliver(self, item: Item) -> Outcome:
        """Tries once; how the receiver answered, or why it could not be asked."""
        if isinstance(item, Incident):
            return Delivered()  # an event that was sent stays as it is
        try:
            request = self._client.build_request(
                "POST", self._url, content=(body := encoded(event_of(item, self._public_url))), headers=self._headers(item.id, body)
            )
            async with asyncio.timeout(self._answer_s):
                response = await self._client.send(request, stream=True)
        except (TimeoutError, httpx.TimeoutException):
            return RetryLater(None, f"no answer within {self._answer_s:g} s")
        except httpx.HTTPError as broken:
            return RetryLater(None, f"no connection ({type(broken).__name__})")
        try:
            answer = await self._body(response)
        finally:
            await response.aclose()
        outcome = outcome_of(response.status_code, response.headers.get("retry-after"), answer, self._clock(), redact=self._redacted)
        return Delivered() if isinstance(outcome, Delivered) and not isinstance(item, Order) else outcome

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    def _headers(self, item_id: str, body: bytes) -> dict[str, str]:
        now_s = self._clock() // 1000
        return {
            "content-type": "application/cloudevents+json",
            "webhook-id": item_id,
            "webhook-timestamp": str(now_s),
            "webhook-signature": " ".join(sign(key, item_id, now_s, body.decode()) for key in self._keys),
        }

    async def _body(self, response: httpx.Response) -> bytes:
        """The answer's body, or nothing: the status alone already says what counts. We asked for no compression, so none is undone."""
        if response.headers.get("content-encoding", "identity") != "identity":
            return b""
        try:
            async with asyncio.timeout(self._body_s):
                return await _bounded(response.aiter_bytes())
        except (TimeoutError, httpx.HTTPError, httpx.StreamError):
            return b""

    def _redacted(self, text: str) -> str:
        for secret in self._hidden:
            text = text.replace(secret, "[secret]")
        return text


async def _bounded(chunks: AsyncIterator[bytes]) -> bytes:
    """The whole body if it keeps to the limit, else nothing: half a JSON object means nothing."""
    kept = bytearray()
    async for chunk in chunks:
        kept += chunk
        if len(kept) > BODY_BYTES_MAX:
            return b""
    return bytes(kept)


def _address(url: str) -> tuple[httpx.URL, httpx.BasicAuth | None]:
    """The address without a name and password in it, which travel as a header instead and so reach no log."""
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        raise ValueError("its url is no address") from None
    if address.scheme not in {"http", "https"} or not address.host:
        raise ValueError("its url must begin with https:// or http:// and name a host")
    auth = httpx.BasicAuth(address.username, address.password) if address.userinfo else None
    return address.copy_with(username=None, password=None), auth


def _hidden(receiver: Receiver, keys: list[bytes]) -> list[str]:
    """Every text that must never be shown, the longest first: secrets as written and as base64, and long parts of the address."""
    address = httpx.URL(receiver.url)
    written = [part.removeprefix("whsec_") for part in receiver.secret.split()]
    encodings = [base64.b64encode(key).decode() for key in keys]
    parts = [part for part in re.split(r"[/?&=]", address.raw_path.decode()) if len(part) >= _PART_LENGTH_MIN]
    texts = {text for text in (*written, *encodings, *parts, address.password) if len(text) >= _SECRET_LENGTH_MIN}
    return sorted(texts, key=lambda text: (-len(text), text))
