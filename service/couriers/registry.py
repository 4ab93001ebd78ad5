"""Every kind of courier by the name the policy uses; a new kind is one line here and one case in the conformance suite."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from service.couriers.command import CommandCourier
from service.couriers.console import ConsoleCourier
from service.couriers.email import EmailCourier
from service.couriers.http import HttpCourier
from service.couriers.jira import JiraCourier
from service.couriers.kubernetes import KubernetesCourier
from service.couriers.litellm import LiteLLMCourier
from service.couriers.pagerduty import PagerDutyCourier
from service.couriers.port import Courier, Parts, Receiver
from service.couriers.slack import SlackCourier
from service.couriers.teams import TeamsCourier
from service.couriers.unmade import Unmade
from service.couriers.webhook import WebhookCourier

COURIERS: Final[Mapping[str, Callable[[Receiver, Parts], Courier]]] = {
    "console": ConsoleCourier,
    "jira": JiraCourier,
    "slack": SlackCourier,
    "webhook": WebhookCourier,
    "email": EmailCourier,
    "teams": TeamsCourier,
    "pagerduty": PagerDutyCourier,
    "litellm": LiteLLMCourier,
    "kubernetes": KubernetesCourier,
    "http": HttpCourier,
    "command": CommandCourier,
}


def courier_of(receiver: Receiver, parts: Parts) -> Courier:
    """The courier of a receiver; raises ValueError, naming the receiver and never its secret, where it cannot be made.

    The HTTP library would write whole addresses into its log, and an address may be a secret, so it is kept to warnings.
    """
    logging.getLogger("httpx").setLevel(logging.WARNING)
    make = COURIERS.get(receiver.kind)
    if make is None:
        raise ValueError(f"receiver {receiver.name}: there is no kind {receiver.kind!r}; there are {', '.join(COURIERS)}")
    try:
        return make(receiver, parts)
    except ValueError as mistake:
        raise ValueError(f"receiver {receiver.name}: {mistake}") from None


def couriers_of(receivers: Sequence[Receiver], parts: Parts) -> dict[str, Courier]:
    """The couriers by their receivers' names; one that cannot be made is `Unmade`."""
    return {receiver.name: _courier_or_why(receiver, parts) for receiver in receivers}


def _courier_or_why(receiver: Receiver, parts: Parts) -> Courier:
    try:
        return courier_of(receiver, parts)
    except ValueError as mistake:
        return Unmade(receiver.name, str(mistake))
