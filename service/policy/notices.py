"""Receivers that tell people of an incident where they are: by mail, in Teams, on a pager."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from service.policy.receiving import ReceiverEntry
from service.policy.values import Count, Name, SecretReference, Url

_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise ValueError("must be a mail address such as spend@acme.example, without a name before it")
    return text


MailAddress = Annotated[str, AfterValidator(_address)]


class EmailReceiver(ReceiverEntry):
    """A mail server and who is written to; `tls`: by STARTTLS, from the first byte (port 465), or not at all."""

    MAY_HAVE = ("user", "password")

    kind: Literal["email"]
    host: Annotated[Name, Field(pattern=r"^[A-Za-z0-9.:-]+$")]
    port: Annotated[Count, Field(ge=1, le=65535)] = 587
    tls: Literal["starttls", "tls", "none"] = "starttls"
    sender: MailAddress = Field(alias="from")
    to: Annotated[tuple[MailAddress, ...], Field(min_length=1, max_length=50)]
    user: SecretReference | None = None
    password: SecretReference | None = None
    takes: Literal["notices"] = "notices"


class TeamsReceiver(ReceiverEntry):
    """A channel of Microsoft Teams, by a workflow's webhook; its address is a secret, for who knows it may post."""

    NEEDS = ("address",)

    kind: Literal["teams"]
    address: SecretReference | None = None
    takes: Literal["notices"] = "notices"


class PagerDutyReceiver(ReceiverEntry):
    """A service of PagerDuty, by the key of its Events API v2 integration; in Europe another `url`."""

    NEEDS = ("routing_key",)

    kind: Literal["pagerduty"]
    url: Url = "https://events.pagerduty.com/v2/enqueue"
    routing_key: SecretReference | None = None
    takes: Literal["notices"] = "notices"
