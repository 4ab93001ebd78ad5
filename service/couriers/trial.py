"""A trial of one receiver: samples go the real way to it, and what happened is said in words, with what to mend.

Law of this file: a trial stops nothing and pauses nobody. Notices are real ones that say of themselves that they are a test; an order
is never given, only the way it would take is tried (`Probes`).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Final

from service.couriers.port import Courier, Delivered, Outcome, Probes, Receiver, RetryLater
from service.couriers.unmade import Unmade
from service.couriers.wire import address_shown
from service.messages.sample import sample_notices
from service.phrases import DETAIL_MAX, shown

_PLACES: Final = ("host", "channel", "project", "to", "namespace", "deployment", "argv")  # options that say where, in this order
_MEND: Final = {
    "3": "it redirects elsewhere, which is not followed: name the address that it redirects to",
    "400": "it does not understand what it was sent: is it a receiver of this kind, and is the rest of its entry right?",
    "401": "it does not accept who asks: is the secret that the policy names the one it knows?",
    "403": "it does not let this one in: has its token the right to do this?",
    "404": "there is nothing at this address: is it written right, and does its last part exist?",
    "405": "it takes no such request: is this its full address?",
    "413": "the message is too long for it: raise its limit",
    "422": "it does not understand what it was sent: is the rest of its entry in the policy right?",
    "429": "it is busy: wait, then try again",
    "5": "it has a fault of its own: look into its log, then try again",
    "no answer": "it is there and too slow: it must answer first and work after",
    "no connection": "it cannot be reached: does it run, and does this machine reach it (name, port, firewall, proxy, certificate)?",
    "(the bot token|the token|the app |no bot token)": "it must be the bot token (xoxb-...) of an app that is installed in the workspace, with the scopes it needs",
    "(the channel|there is no such channel|the bot )": "name a channel that is there and that the bot was invited to; an id (C...) is surest",
    "receiver ": "mend its entry in the policy, or the secret that it names",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One try: what was sent, what became of it, and how long it took."""

    what: str
    outcome: Outcome
    took_ms: int

    @property
    def good(self) -> bool:
        """Whether it arrived and was not refused."""
        return isinstance(self.outcome, Delivered) and self.outcome.state != "refused"

    @property
    def said(self) -> str:
        """What became of it, in words."""
        match self.outcome:
            case Delivered(state, reason):
                words = state if not reason else f"{state}: {reason}"
            case RetryLater(after_s, reason):
                words = f"not now: {reason}" + ("" if after_s is None else f"; it asks to wait {after_s:g} s")
            case other:
                words = f"given up: {other.reason}"
        return shown(words, DETAIL_MAX)

    @property
    def mend(self) -> str:
        """What to look at; empty where nothing is wrong."""
        if self.good:
            return ""
        if isinstance(self.outcome, Delivered):
            return "it got the message and refuses it: ask who runs it"
        reason = self.outcome.reason
        return next(
            (words for key, words in _MEND.items() if re.match(rf"(status )?{key}", reason)), "look for this reason in the documentation of the receiver"
        )


async def trial(receiver: Receiver, courier: Courier, clock: Callable[[], int]) -> list[Step]:
    """Sends what the receiver takes: a notice and its end, and the way of an order; ends with the first step that fails."""
    steps: list[Step] = []
    for what, attempt in _attempts(receiver, courier, clock):
        started = monotonic()
        outcome = await attempt()
        steps.append(Step(what, outcome, round((monotonic() - started) * 1000)))
        if not steps[-1].good:
            break
    return steps


def _attempts(receiver: Receiver, courier: Courier, clock: Callable[[], int]) -> Iterator[tuple[str, Callable[[], Awaitable[Outcome]]]]:
    if isinstance(courier, Unmade):
        yield "nothing", partial(_said, RetryLater(None, courier.reason))
        return
    if receiver.takes in ("notices", "all"):
        for what, notice in zip(("test notice", "its end"), sample_notices(receiver.name, clock()), strict=True):
            yield what, partial(courier.deliver, notice)
    if receiver.takes in ("orders", "all"):
        untried = partial(_said, Delivered(reason=f"not tried: a {receiver.kind} receiver has no way to try an order without giving it"))
        yield "way of an order", courier.probe if isinstance(courier, Probes) else untried


async def _said(outcome: Outcome) -> Outcome:
    return outcome


def places(receiver: Receiver) -> str:
    """Where it is, without anything secret."""
    url = receiver.url or receiver.options.get("base_url") or receiver.secrets.get("address", "")
    named = [value if isinstance(value, str) else " ".join(value) for key in _PLACES if (value := receiver.options.get(key))]
    return shown(", ".join([*([address_shown(url)] if url else []), *named]), DETAIL_MAX) or "here"


def signatures(receiver: Receiver) -> int:
    """With how many keys what it gets is signed; 0 where it is not."""
    return len(receiver.secret.split()) if receiver.kind == "webhook" else 0
