"""The fields of a new issue: ours, then what the receiver and the owner ask for in the policy. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from service.couriers.jira.ticket import PRODUCT, Ticket
from service.couriers.port import Contact, Receiver

MAY_GO: Final = ("priority", "labels", "components", "assignee")  # an issue without them is better than none
_OURS: Final = frozenset({"project", "issuetype", "summary", "description"})
_BY_NAME: Final = frozenset({"components", "versions", "fixVersions"})


def project_of(ticket: Ticket, receiver: Receiver) -> str:
    """The owner's project, else the receiver's."""
    return contact_of(ticket, receiver).project or str(receiver.options.get("project", ""))


def contact_of(ticket: Ticket, receiver: Receiver) -> Contact:
    """Where the owner is reached."""
    return receiver.contacts.get(ticket.owner, Contact())


def fields_of(ticket: Ticket, receiver: Receiver, priority: str) -> dict[str, Any]:
    """All fields but the description; the owner's replace the receiver's, neither replaces ours, labels join."""
    contact = contact_of(ticket, receiver)
    asked = {**receiver.fields, **contact.fields}
    labels = asked.pop("labels", [])
    return {
        **({"priority": {"id": priority}} if priority else {}),
        **{name: _value(name, value) for name, value in asked.items() if name not in _OURS},
        "project": {"key": project_of(ticket, receiver)},
        "issuetype": {"name": contact.issue_type or str(receiver.options.get("issue_type") or "Task")},
        "summary": ticket.summary,
        "labels": [*ticket.labels, *(str(each) for each in labels if isinstance(labels, list))],
    }


def may_go(ticket: Ticket, receiver: Receiver) -> frozenset[str]:
    """Fields that an issue may go without: ours, and in an owner's own project those that the policy names for the receiver's."""
    contact = contact_of(ticket, receiver)
    elsewhere = project_of(ticket, receiver) != receiver.options.get("project")
    return frozenset((*MAY_GO, *(receiver.fields.keys() - contact.fields.keys() if elsewhere else ())))


def property_of(ticket: Ticket) -> dict[str, Any]:
    """What the issue carries for programs: which incident it is, and which notice made it."""
    return {"key": PRODUCT, "value": {"id": ticket.identity, "tenant": ticket.tenant, "notice": ticket.told_by_issue}}


def mend(refused: Mapping[str, str], ticket: Ticket, receiver: Receiver) -> str:
    """Where in the policy the fields that Jira wants are named."""
    owner = f" or under `jira: fields:` of the owner {ticket.owner}" if contact_of(ticket, receiver).project else ""
    wanted = ", ".join(name for name in refused if name not in _OURS)
    if wanted:
        return f"; write {wanted} under `fields:` of the receiver {receiver.name}{owner} in the policy"
    if "issuetype" in refused:
        return f"; write its `issue_type:` at the receiver {receiver.name} in the policy"
    return f"; look at `project:` of the receiver {receiver.name} in the policy" if "project" in refused else ""


def _value(name: str, value: Any) -> Any:
    """Names in a list may be written as mere texts, and a priority as its name."""
    if name in _BY_NAME and isinstance(value, list):
        return [{"name": each} if isinstance(each, str) else each for each in value]
    return {"name": value} if name == "priority" and isinstance(value, str) else value
