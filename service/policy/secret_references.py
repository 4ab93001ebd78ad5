"""Secrets stand in no policy, only where to find them; this says which of them lead nowhere."""

from __future__ import annotations

from collections.abc import Callable

from service.policy.mistakes import Mistake
from service.policy.model import Policy
from service.policy.telling import ConsoleReceiver, JiraReceiver, Receiver, SlackReceiver, WebhookReceiver


def secret_warnings(policy: Policy, lookup: Callable[[str], str | None]) -> list[Mistake]:
    """Secrets left out or pointing nowhere; `lookup` answers a reference with what it names, which never shows here.

    A warning for who only reads the policy, an error for who must send.
    """
    found = []
    for index, receiver in enumerate(policy.receivers):
        for key, reference in _secrets(receiver):
            path = f"receivers[{index}].{key}"
            if reference is None:
                found.append(Mistake(path, "missing; nothing can be sent without it: name it as env:NAME or file:PATH"))
            elif not lookup(reference):
                found.append(Mistake(path, f"points nowhere: {reference} is empty or not there"))
    return found


def _secrets(receiver: Receiver) -> list[tuple[str, str | None]]:
    """Key and reference of what a receiver cannot do without, and of what it names beside that."""
    match receiver:
        case SlackReceiver():
            optional = [("signing_secret", receiver.signing_secret)] if receiver.signing_secret else []
            return [("token", receiver.token), *optional]
        case JiraReceiver():
            return [("user", receiver.user), ("token", receiver.token)]
        case WebhookReceiver():
            return [("secret", receiver.secret)]
        case ConsoleReceiver():
            return []
