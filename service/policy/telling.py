"""Entries that say who is told and by what way: owners, receivers, routes, sources."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Discriminator, Field, JsonValue, StrictBool

from service.policy.adapters import CommandReceiver, HttpReceiver, KubernetesReceiver, LiteLLMReceiver
from service.policy.limits import Entry
from service.policy.notices import EmailReceiver, PagerDutyReceiver, TeamsReceiver
from service.policy.receiving import ReceiverEntry
from service.policy.scopes import FindingMatch, Match, RecordMatch
from service.policy.values import Duration, Name, SecretReference, Url
from service.records import DEFAULT_TENANT


class OwnerJira(Entry):
    """Where an owner's issues go instead of the receiver's own project."""

    project: Name
    issue_type: Name | None = None
    fields: dict[str, JsonValue] = Field(default_factory=dict)


class Owner(Entry):
    """Whose spend it is; the first that matches. Who is on duty by `rota` is mentioned instead of `mention`.

    What nobody has acknowledged `escalate_after` is told again, to `escalate_to` as well, and to who has the next turn.
    """

    match: RecordMatch = Match()
    name: Name
    slack: Name | None = None
    jira: OwnerJira | None = None
    mention: Name | None = None
    rota: Name | None = None
    escalate_after_ms: Duration | None = Field(default=None, alias="escalate_after")
    escalate_to: tuple[Name, ...] = ()


class SlackReceiver(ReceiverEntry):
    """A Slack channel. Presses come to our door with the `signing_secret`, or over a socket that is opened with the `app_token`.

    `tenant`: whose spend `/spend` tells and plans there; whose incidents are told there, routes say.
    """

    NEEDS = ("token",)
    MAY_HAVE = ("signing_secret", "app_token")

    kind: Literal["slack"]
    channel: Name
    token: SecretReference | None = None
    signing_secret: SecretReference | None = None
    app_token: SecretReference | None = None
    base_url: Url = "https://slack.com/api"
    mention: Name | None = None
    tenant: Name = DEFAULT_TENANT


class JiraReceiver(ReceiverEntry):
    """A Jira project.

    `resolve`: whether an issue is closed when its incident is over, or only commented on. `wont_fix` names the resolutions (or statuses)
    that mute an incident, where they are not called as in English. `flavour`: which Jira it is, where the way of signing in does not say.
    """

    NEEDS = ("token",)
    MAY_HAVE = ("user",)

    kind: Literal["jira"]
    url: Url
    project: Name
    user: SecretReference | None = None
    token: SecretReference | None = None
    issue_type: Name = "Task"
    fields: dict[str, JsonValue] = Field(default_factory=dict)
    resolve: StrictBool = True
    wont_fix: tuple[Name, ...] | None = None
    flavour: Literal["cloud", "data_center"] | None = None


class WebhookReceiver(ReceiverEntry):
    """An address that gets signed CloudEvents."""

    NEEDS = ("secret",)

    kind: Literal["webhook"]
    url: Url
    secret: SecretReference | None = None


class ConsoleReceiver(ReceiverEntry):
    """The terminal of the service."""

    kind: Literal["console"]


Telling: TypeAlias = SlackReceiver | JiraReceiver | WebhookReceiver | ConsoleReceiver | EmailReceiver | TeamsReceiver | PagerDutyReceiver
Acting: TypeAlias = LiteLLMReceiver | KubernetesReceiver | HttpReceiver | CommandReceiver
Receiver: TypeAlias = Annotated[Telling | Acting, Discriminator("kind")]


class Route(Entry):
    """Which receivers hear of what; the first that matches."""

    match: FindingMatch = Match()
    to: tuple[Name, ...] = Field(min_length=1)


class Source(Entry):
    """A foreign topic and the format of its records."""

    topic: Name
    format: Name = "spendwarden"
