"""Who is told, as the policy names them."""

from __future__ import annotations

from service.couriers.port import Receiver
from service.couriers.registry import COURIERS
from service.policy import ConsoleReceiver, Policy
from service.settings import secret
from service.warden.plan import CONSOLE


def receivers_of(policy: Policy) -> list[Receiver]:
    """The policy's receivers with their secrets resolved; the console where none is named. Kinds without a courier yet are left out."""
    if not policy.receivers:
        return [Receiver(name=CONSOLE, kind="console", takes="notices")]
    found: list[Receiver] = []
    for receiver in policy.receivers:
        if receiver.kind not in COURIERS:
            continue
        if isinstance(receiver, ConsoleReceiver):
            found.append(Receiver(name=receiver.name, kind="console", takes=receiver.takes))
        else:
            reference = getattr(receiver, "secret", None)
            url = getattr(receiver, "url", "")
            found.append(Receiver(name=receiver.name, kind=receiver.kind, url=url, secret=(secret(reference) or "") if reference else "", takes=receiver.takes))
    return found
