"""Receivers that carry an order out where the agents run, with no orchestrator of one's own."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field

from service.policy.limits import Entry
from service.policy.receiving import ReceiverEntry, Scopes
from service.policy.templates import JsonTemplate, Template, UrlTemplate, places
from service.policy.values import Count, Duration, Name, SecretReference, Url, Usd

Ordered: TypeAlias = Literal["pause", "throttle", "degrade", "resume"]
Method: TypeAlias = Literal["POST", "PUT", "PATCH", "DELETE"]
SERVICE_ACCOUNT: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
_HEADER: Final = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$")
_SECRET_HEADER: Final = re.compile(r"(?i)auth|key|token|secret|cookie|password")


class LiteLLMLimits(Entry):
    """What a throttled key may still do; what is not named stays as it is."""

    rpm_limit: Count | None = None
    tpm_limit: Count | None = None
    max_budget_nanos: Usd | None = Field(default=None, alias="max_budget_usd")


class LiteLLMReceiver(ReceiverEntry):
    """A LiteLLM proxy: a pause blocks the key, a throttle limits it, a resume puts it back as it was."""

    NEEDS = ("token",)

    kind: Literal["litellm"]
    url: Url
    token: SecretReference | None = None
    throttle: LiteLLMLimits | None = None
    takes: Literal["orders"] = "orders"
    scopes: Scopes = ("api_key",)


class KubernetesReceiver(ReceiverEntry):
    """A cluster: a pause scales a deployment to zero, a resume scales it back. The files are those of a pod's service account."""

    kind: Literal["kubernetes"]
    url: Url = "https://kubernetes.default.svc"
    namespace: Template
    deployment: Template = "{name}"
    token_file: Name = f"{SERVICE_ACCOUNT}/token"
    ca_file: Name = f"{SERVICE_ACCOUNT}/ca.crt"
    takes: Literal["orders"] = "orders"
    scopes: Scopes = ("agent",)


class HttpRequest(Entry):
    """What is sent instead for one action; what is not named is the receiver's own."""

    method: Method | None = None
    url: UrlTemplate | None = None
    body: JsonTemplate = None


def _public(name: str) -> str:
    if not _HEADER.fullmatch(name):
        raise ValueError("must be the name of a header, such as Accept")
    if _SECRET_HEADER.search(name):
        raise ValueError("would hold a secret: name that by reference as `token`, and this header as `auth_header`")
    return name


class HttpReceiver(ReceiverEntry):
    """Any HTTP interface, by templates. `done`: what a 2xx means, that the order was carried out or only that it arrived.

    The token goes into `auth_header`, behind the word `auth_scheme` if there is one.
    """

    MAY_HAVE = ("token",)

    kind: Literal["http"]
    method: Method = "POST"
    url: UrlTemplate
    headers: dict[Annotated[Name, AfterValidator(_public)], Annotated[str, Field(max_length=1024, pattern=r"^[\x20-\x7e]*$")]] = Field(default_factory=dict)
    body: JsonTemplate = None
    token: SecretReference | None = None
    auth_header: Annotated[Name, Field(pattern=_HEADER.pattern)] = "Authorization"
    auth_scheme: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{0,32}$")] = "Bearer"
    actions: tuple[Ordered, ...] = ("pause", "resume")
    requests: dict[Ordered, HttpRequest] = Field(default_factory=dict)
    check: Url | None = None
    done: bool = False
    takes: Literal["orders"] = "orders"


def _program(argv: tuple[str, ...]) -> tuple[str, ...]:
    if not argv[0].startswith("/") or places(argv[0]):
        raise ValueError("must begin with the whole path of a program, without places")
    return argv


class CommandReceiver(ReceiverEntry):
    """A program on the service's own machine, without a shell; `environment` names the variables it may see."""

    kind: Literal["command"]
    argv: Annotated[tuple[Template, ...], Field(min_length=1, max_length=64), AfterValidator(_program)]
    timeout_ms: Annotated[Duration, Field(le=60_000)] = Field(default=10_000, alias="timeout")
    environment: tuple[Name, ...] = ()
    takes: Literal["orders"] = "orders"
