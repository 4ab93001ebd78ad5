"""Who is told, as the policy names them."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from service.couriers.port import Contact, Receiver
from service.couriers.registry import COURIERS
from service.policy import Policy
from service.policy.receiving import ReceiverEntry
from service.policy.telling import Owner
from service.policy.telling import Receiver as AnyReceiver
from service.settings import secret
from service.warden.plan import CONSOLE

_NAMED: Final = frozenset({"name", "kind", "url", "secret", "takes", "scopes", "fields"})  # what Receiver has a place for; the rest are options


def receivers_of(policy: Policy) -> list[Receiver]:
    """The policy's receivers with their secrets resolved; the console where none is named. Kinds without a courier yet are left out."""
    if not policy.receivers:
        return [Receiver(name=CONSOLE, kind="console", takes="notices")]
    contacts = {owner.name: _contact(owner) for owner in reversed(policy.owners)}  # the first of a name is the one that matches first
    offers = {"orders": any(each.takes != "notices" for each in policy.receivers), "tickets": any(each.kind == "jira" for each in policy.receivers)}
    return [
        _receiver(receiver, contacts, offers if receiver.kind == "slack" else {}, second=receiver.name in policy.pauses.second_route)
        for receiver in policy.receivers
        if receiver.kind in COURIERS
    ]


def secrets_of(policy: Policy) -> list[bytes]:
    """A digest for each receiver of what its references name now: whether one was replaced, not what it is."""
    return [blake2b(repr(sorted(_secrets(entry).items())).encode()).digest() for entry in policy.receivers]


def _secrets(entry: ReceiverEntry) -> dict[str, str]:
    """What its references name now, by their keys; empty where that is not there."""
    return {key: (secret(reference) or "") if reference else "" for key, reference in entry.references.items()}


def _receiver(entry: AnyReceiver, contacts: dict[str, Contact], offers: dict[str, bool], *, second: bool) -> Receiver:
    values = entry.model_dump()
    secrets = _secrets(entry)
    return Receiver(
        name=entry.name,
        kind=entry.kind,
        url=values.get("url", ""),
        secret=secrets.get("secret", ""),
        takes=entry.takes,
        scopes=entry.scopes,
        second=second,
        options={key: value for key, value in values.items() if key not in _NAMED and key not in secrets and value is not None} | offers,
        secrets=secrets,
        fields=values.get("fields", {}),
        contacts=contacts,
    )


def _contact(owner: Owner) -> Contact:
    jira = owner.jira
    return Contact(
        slack=owner.slack or "",
        project=jira.project if jira else "",
        issue_type=(jira.issue_type or "") if jira else "",
        fields=jira.fields if jira else {},
    )
