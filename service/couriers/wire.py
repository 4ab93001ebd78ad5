"""One HTTP exchange with a receiver that may be slow, hang in the middle, send gigabytes or rubbish: each is bounded by a limit named here.

Every courier that speaks HTTP goes through here. Whatever text of a receiver goes into an outcome is short, printable and free of our secrets.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import httpx

from service.couriers.answers import outcome_of, told_in
from service.couriers.port import Delivered, GaveUp, Outcome, Parts, RetryLater
from service.phrases import redacted

BODY_BYTES_MAX: Final = 64 * 1024
SECRET_LENGTH_MIN: Final = 4  # shorter ones would be found in any text
_PART_LENGTH_MIN: Final = 16  # of an address: what is long may be a token
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver answered; `body` is empty where it was too long, too slow or packed."""

    status: int
    retry_after: str | None = None
    body: bytes = field(default=b"", repr=False)

    def json(self) -> dict[str, Any]:
        """The object that the body is; empty where it is none."""
        return told_in(self.body)


class Wire:
    """The way to one address and its `secrets`, which never show. Raises ValueError when the address is of no use.

    A name and password in the address travel as a header instead and so reach no log. `verify` is for a receiver with a CA of its own.
    """

    def __init__(
        self,
        url: str,
        parts: Parts,
        secrets: Iterable[str] = (),
        *,
        headers: Mapping[str, str] | None = None,
        verify: ssl.SSLContext | bool = True,
        body_bytes_max: int = BODY_BYTES_MAX,
    ) -> None:
        self.url, auth = _address(url)
        self._clock = parts.clock
        self._answer_s, self._body_s, self._body_bytes_max = parts.answer_s, parts.body_s, body_bytes_max
        self._hidden = _hidden(url, secrets)
        self._client = httpx.AsyncClient(
            transport=parts.transport,
            auth=auth,
            verify=verify,
            timeout=parts.answer_s,
            follow_redirects=False,
            trust_env=self.url.host not in LOOPBACK,  # a proxy never stands before our own machine
            headers={"user-agent": "spendwarden", "accept": "application/json", "accept-encoding": "identity", **(headers or {})},
        )

    async def ask(self, method: str, url: httpx.URL | str, *, content: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer | RetryLater:
        """Asks once; why it could not be asked is an outcome already. A name and password in `url` are left out."""
        try:
            address = httpx.URL(url).copy_with(username=None, password=None)
        except httpx.InvalidURL:
            return Answer(HTTPStatus.REQUEST_URI_TOO_LONG)  # what else can be wrong with it was seen when it was made
        try:
            request = self._client.build_request(method, address, content=content or None, headers=headers)
            async with asyncio.timeout(self._answer_s):
                response = await self._client.send(request, stream=True)
        except (TimeoutError, httpx.TimeoutException):
            return RetryLater(None, f"no answer within {self._answer_s:g} s")
        except httpx.HTTPError as broken:
            return RetryLater(None, f"no connection ({type(broken).__name__})")
        try:
            body = await self._body(response)
        finally:
            await response.aclose()
        return Answer(response.status_code, response.headers.get("retry-after"), body)

    def hide(self, secret: str) -> None:
        """One more text that must never be shown: a token that is read anew now and then."""
        if len(secret) >= SECRET_LENGTH_MIN:
            self._hidden.add(secret)

    def outcome(self, answer: Answer | RetryLater) -> Outcome:
        """What an answer means where nothing more is known of the receiver."""
        if isinstance(answer, RetryLater):
            return answer
        return outcome_of(answer.status, answer.retry_after, answer.body, self._clock(), redact=self.redacted)

    def good(self, answer: Answer | RetryLater) -> Answer | RetryLater | GaveUp:
        """The answer, to be read further, where it is a 2xx; else what it means."""
        if isinstance(answer, RetryLater):
            return answer
        outcome = self.outcome(answer)
        return answer if isinstance(outcome, Delivered) else outcome

    def below(self, path: str) -> str:
        """The address of what is at `path`, which begins with a slash and may hold a query, below the receiver's own."""
        return f"{str(self.url).rstrip('/')}{path}"

    def redacted(self, text: str) -> str:
        """The text without our secrets."""
        return redacted(text, self._hidden)

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def _body(self, response: httpx.Response) -> bytes:
        """The answer's body, or nothing: the status alone already says what counts. We asked for no compression, so none is undone."""
        if response.headers.get("content-encoding", "identity") != "identity":
            return b""
        try:
            async with asyncio.timeout(self._body_s):
                return await _bounded(response.aiter_bytes(), self._body_bytes_max)
        except (TimeoutError, httpx.HTTPError, httpx.StreamError):
            return b""


def address_shown(url: str) -> str:
    """An address without what may be secret in it, to tell a person where something went.

    >>> address_shown("https://user:word@hooks.example/T0123456789abcdefXYZ/in?key=abc")
    'https://hooks.example/[secret]/in'
    >>> address_shown("nonsense")
    'no address'
    """
    try:
        text = str(_address(url)[0].copy_with(query=None, fragment=None))
    except ValueError:
        return "no address"
    return redacted(text, _hidden(url, ()))


async def _bounded(chunks: AsyncIterator[bytes], limit: int) -> bytes:
    """The whole body if it keeps to the limit, else nothing: half a JSON object means nothing."""
    kept = bytearray()
    async for chunk in chunks:
        kept += chunk
        if len(kept) > limit:
            return b""
    return bytes(kept)


def _address(url: str) -> tuple[httpx.URL, httpx.BasicAuth | None]:
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        raise ValueError("its url is no address") from None
    if address.scheme not in {"http", "https"} or not address.host:
        raise ValueError("its url must begin with https:// or http:// and name a host")
    auth = httpx.BasicAuth(address.username, address.password) if address.userinfo else None
    return address.copy_with(username=None, password=None), auth


def _hidden(url: str, secrets: Iterable[str]) -> set[str]:
    """Every text that must never be shown: the secrets, and long parts of the address."""
    address = httpx.URL(url)
    parts = [part for part in re.split(r"[/?&=]", address.raw_path.decode()) if len(part) >= _PART_LENGTH_MIN]
    return {text for text in (*secrets, *parts, address.password) if len(text) >= SECRET_LENGTH_MIN}
