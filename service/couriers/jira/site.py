"""One Jira site: how it is asked, how it wants texts and people named, and what its refusals mean.

Jira Cloud has version 3 of the interface and its own document format, Data Center version 2 and wiki text. Which one it is says the
policy (`flavour`), else the way of signing in: a user with a token is Cloud, a token alone is a personal one of Data Center; where the
site knows no such address, it is asked what it is.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from service.couriers.answers import json_in, wait_s
from service.couriers.jira.reading import mapping
from service.couriers.jira.unanswered import Unanswered, refusal
from service.couriers.port import Parts, Receiver, RetryLater
from service.couriers.wire import Answer, Wire
from service.messages.adf import adf
from service.messages.message import Message
from service.messages.wiki import wiki

BODY_BYTES_MAX: Final = 8 * 1024 * 1024  # an issue with its changes and comments, or a page of issues
CLOUD_HOST: Final = ".atlassian.net"


@dataclass(frozen=True, slots=True)
class Flavour:
    """What differs between the two: the version in addresses, where is searched, by what a person is named, and how texts are written."""

    name: str
    version: str
    search: str
    person: str
    rendered: Callable[[Message], Any]


CLOUD: Final = Flavour("cloud", "3", "search/jql", "accountId", adf)
DATA_CENTER: Final = Flavour("data_center", "2", "search", "name", wiki)
FLAVOURS: Final[Mapping[str, Flavour]] = {flavour.name: flavour for flavour in (CLOUD, DATA_CENTER)}


@dataclass(slots=True)
class Site:
    """The way to one site. Raises ValueError when its address or its token is of no use, Unanswered for what the site does."""

    receiver: Receiver
    parts: Parts
    wire: Wire = field(init=False, repr=False)
    flavour: Flavour = field(init=False)
    me: str = ""
    _known: bool = False

    def __post_init__(self) -> None:
        user, token = self.receiver.secrets.get("user", ""), self.receiver.secrets.get("token", "")
        if not token:
            raise ValueError("its token is missing: name it as env:NAME or file:PATH")
        basic = base64.b64encode(f"{user}:{token}".encode()).decode()
        headers = {"authorization": f"Basic {basic}" if user else f"Bearer {token}"}
        self.wire = Wire(self.receiver.url, self.parts, [token, basic, user], headers=headers, body_bytes_max=BODY_BYTES_MAX)
        if not user and self.wire.url.host.endswith(CLOUD_HOST):
            raise ValueError("Jira Cloud signs in with an e-mail address beside the token: name it as `user:`")
        self.flavour = FLAVOURS.get(str(self.receiver.options.get("flavour")), CLOUD if user else DATA_CENTER)

    async def ready(self) -> None:
        """Knows which Jira it is and who we are there."""
        if self._known:
            return
        try:
            me = await self.read("myself")
        except Unanswered as no:
            if no.status != HTTPStatus.NOT_FOUND or self.receiver.options.get("flavour"):
                raise
            self.flavour = await self._other()
            me = await self.read("myself")
        self.me, self._known = person_of(me), True

    async def ask(self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None) -> Any:
        """The answer's JSON, None where it holds none. `path` is without the version. Raises Unanswered where it is no 2xx."""
        return await self._ask(method, f"/rest/api/{self.flavour.version}/{path}", body, query)

    async def read(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """What is asked for, an object or a list; what cannot be read is never taken for nothing. Raises Unanswered."""
        return _readable(await self.ask("GET", path, query=query))

    async def search(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """A page of a search, which holds `issues`. Raises Unanswered."""
        page = _readable(await self.ask("POST", self.flavour.search, body))
        if not isinstance(page, dict) or not isinstance(page.get("issues"), list):
            raise _unreadable()
        return page

    async def _other(self) -> Flavour:
        """What a site says it is that does not know the address tried; Cloud answers this one too."""
        about = await self._ask("GET", "/rest/api/2/serverInfo", None, None)
        return CLOUD if mapping(about).get("deploymentType") == "Cloud" else DATA_CENTER

    async def _ask(self, method: str, path: str, body: Any, query: Mapping[str, str] | None) -> Any:
        base = self.wire.url
        url = base.copy_with(path=f"{base.path.rstrip('/')}{path}", params=dict(query) if query else None)
        headers = {"content-type": "application/json"} if body is not None else None
        content = json.dumps(body, allow_nan=False).encode() if body is not None else b""
        answer = await self.wire.ask(method, url, content=content, headers=headers)
        if isinstance(answer, RetryLater):
            raise Unanswered(answer, maybe_done=True)
        if not 200 <= answer.status < 300:
            raise self._refused(answer)
        return json_in(answer.body)

    def _refused(self, answer: Answer) -> Unanswered:
        return refusal(answer.status, wait_s(answer.retry_after, self.parts.clock()), json_in(answer.body), redact=self.wire.redacted)


def person_of(user: Any) -> str:
    """By what a person is known for sure: Cloud has account ids, Data Center keys and names.

    >>> person_of({"accountId": "5b10", "displayName": "Maria"}), person_of({"key": "JIRAUSER1", "name": "maria"}), person_of(None)
    ('5b10', 'JIRAUSER1', '')
    """
    told = mapping(user)
    return next((name for key in ("accountId", "key", "name") if isinstance(name := told.get(key), str) and name), "")


def _readable(told: Any) -> Any:
    if not isinstance(told, dict | list):
        raise _unreadable()
    return told


def _unreadable() -> Unanswered:
    return Unanswered(RetryLater(None, "Jira's answer cannot be read"))
