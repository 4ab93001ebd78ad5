"""The port that every courier fills: one item in, one outcome out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, TypeAlias

import httpx
from rich.console import Console

from service.facts import Notice, Order

ANSWER_S: Final = 10.0
BODY_S: Final = 2.0

Item: TypeAlias = Order | Notice
Takes: TypeAlias = Literal["orders", "notices", "all"]


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has it; `accepted` or `refused` where it answered an order at once."""

    state: Literal["delivered", "accepted", "refused"] = "delivered"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RetryLater:
    """It may work later; `after_s` is what the receiver asked for, None when it did not say."""

    after_s: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class GaveUp:
    """It will never work as it is; `reason` is for the person who looks."""

    reason: str


Outcome: TypeAlias = Delivered | RetryLater | GaveUp


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """One receiver with its secrets resolved; neither they nor its address show when it is printed. `options` are its kind's own."""

    name: str
    kind: str
    url: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    takes: Takes = "notices"
    options: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the shell gives to every courier: where links point, the clock (Unix milliseconds), and what tests replace.

    A receiver may take `answer_s` to begin its answer and `body_s` to end it.
    """

    public_url: str
    clock: Callable[[], int]
    answer_s: float = ANSWER_S
    body_s: float = BODY_S
    console: Console | None = None
    transport: httpx.AsyncBaseTransport | None = None


class Courier(Protocol):
    """Carries items to one receiver. Nothing of it raises for what the world does; no secret is in any outcome or log."""

    @property
    def name(self) -> str:
        """The receiver's name, as notices call it."""
        ...

    async def deliver(self, item: Item) -> Outcome:
        """Tries once, within a bounded time. The same item twice carries the same id."""
        ...

    async def close(self) -> None:
        """Lets go of connections."""
        ...
