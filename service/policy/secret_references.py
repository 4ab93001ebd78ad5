"""Secrets stand in no policy, only where to find them; this says which of them lead nowhere."""

from __future__ import annotations

from collections.abc import Callable

from service.policy.mistakes import Mistake
from service.policy.model import Policy


def secret_warnings(policy: Policy, lookup: Callable[[str], str | None], only: str = "") -> list[Mistake]:
    """Secrets left out or pointing nowhere; `lookup` answers a reference with what it names, which never shows here.

    Of the receiver `only`, or of all. A warning for who only reads the policy, an error for who must send.
    """
    found = []
    for index, receiver in enumerate(policy.receivers):
        if only and receiver.name != only:
            continue
        for key, reference in receiver.references.items():
            path = f"receivers[{index}].{key}"
            if reference is None:
                found.append(Mistake(path, "missing; nothing can be sent without it: name it as env:NAME or file:PATH"))
            elif not lookup(reference):
                found.append(Mistake(path, f"points nowhere: {reference} is empty or not there"))
    return found
