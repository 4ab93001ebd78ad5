"""Entries that say who is told and by what way: owners, receivers, routes, sources."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Discriminator, Field, JsonValue

from service.policy.limits import Entry
from service.policy.scopes import FindingMatch, Match, RecordMatch
from service.policy.values import Duration, Name, SecretReference, Url

Takes: TypeAlias = Literal["orders", "notices", "all"]


class OwnerJira(Entry):
    """Where an owner's issues go instead of the receiver's own project."""

    project: Name
    issue_type: Name | None = None
    fields: dict[str, JsonValue] = Field(default_factory=dict)


class Owner(Entry):
    """Whose spend it is; the first that matches."""

    match: RecordMatch = Match()
    name: Name
    slack: Name | None = None
    jira: OwnerJira | None = None
    mention: Name | None = None
    escalate_after_ms: Duration | None = Field(default=None, alias="escalate_after")


class SlackReceiver(Entry):
    """A Slack channel."""

    name: Name
    kind: Literal["slack"]
    channel: Name
    token: SecretReference | None = None
    signing_secret: SecretReference | None = None
    base_url: Url = "https://slack.com/api"
    mention: Name | None = None
    takes: Takes = "notices"


class JiraReceiver(Entry):
    """A Jira project."""

    name: Name
    kind: Literal["jira"]
    url: Url
    project: Name
    user: SecretReference | None = None
    token: SecretReference | None = None
    issue_type: Name = "Task"
    fields: dict[str, JsonValue] = Field(default_factory=dict)
    takes: Takes = "notices"


class WebhookReceiver(Entry):
    """An address that gets signed CloudEvents."""

    name: Name
    kind: Literal["webhook"]
    url: Url
    secret: SecretReference | None = None
    takes: Takes = "notices"


class ConsoleReceiver(Entry):
    """The terminal of the service."""

    name: Name
    kind: Literal["console"]
    takes: Takes = "notices"


Receiver: TypeAlias = Annotated[SlackReceiver | JiraReceiver | WebhookReceiver | ConsoleReceiver, Discriminator("kind")]


class Route(Entry):
    """Which receivers hear of what; the first that matches."""

    match: FindingMatch = Match()
    to: tuple[Name, ...] = Field(min_length=1)


class Source(Entry):
    """A foreign topic and the format of its records."""

    topic: Name
    format: Name = "spendwarden"
