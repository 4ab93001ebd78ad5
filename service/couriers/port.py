"""The port that every courier fills: one item in, one outcome out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias, runtime_checkable

import httpx
from rich.console import Console

from service.facts import Control, Incident, Notice, Order

ANSWER_S: Final = 10.0
BODY_S: Final = 2.0
KEPT_DAYS: Final = 35

Item: TypeAlias = Order | Notice | Incident  # a bare incident is an edit: what was told of it is brought up to date
Takes: TypeAlias = Literal["orders", "notices", "all"]


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has it; `accepted` or `refused` where it answered an order at once."""

    state: Literal["delivered", "accepted", "refused"] = "delivered"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RetryLater:
    """It may work later; `after_s` is what the receiver asked for, None when it did not say: of this item `alone`, or of all."""

    after_s: float | None
    reason: str
    alone: bool = False


@dataclass(frozen=True, slots=True)
class GaveUp:
    """It will never work as it is; `reason` is for the person who looks."""

    reason: str


Outcome: TypeAlias = Delivered | RetryLater | GaveUp


def not_taken(item: Item, takes: Takes) -> Outcome:
    """What a courier of `takes` alone answers to any other item: an edit changes nothing there, all else does not belong there."""
    return Delivered() if isinstance(item, Incident) else GaveUp(f"takes {takes} only")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Where an owner is reached instead of the receiver's own place: a channel, a project and what its issues need."""

    slack: str = ""
    project: str = ""
    issue_type: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """One receiver with its secrets resolved; neither they nor its address show when it is printed.

    `scopes` are the kinds of scope whose orders come here, all where there are none; `second`: an order comes here only once it has
    failed elsewhere. `options`, `secrets` (by their names in the policy) and `fields` are its kind's own; `contacts` go by the owner's name.
    """

    name: str
    kind: str
    url: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    takes: Takes = "notices"
    scopes: tuple[str, ...] = ()
    second: bool = False
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    contacts: Mapping[str, Contact] = field(default_factory=dict, repr=False)


class Memory(Protocol):
    """What a courier has to remember of what it told: a thread, an issue. Raises LogError where another courier has taken it over."""

    async def kept(self, about: str) -> bytes | None:
        """What was kept last under this name."""
        ...

    async def keep(self, about: str, value: bytes) -> None:
        """Outlives a kill once it returns; forgotten KEPT_DAYS after the last time."""
        ...


@dataclass(slots=True)
class MemoryHere:
    """A memory that ends with the process: of a courier that only tries something out."""

    values: dict[str, bytes] = field(default_factory=dict)

    async def kept(self, about: str) -> bytes | None:
        """See Memory."""
        return self.values.get(about)

    async def keep(self, about: str, value: bytes) -> None:
        """See Memory."""
        self.values[about] = value


class Picture(NamedTuple):
    """A plot as PNG, and what it shows in one sentence."""

    png: bytes
    alt: str


Draws: TypeAlias = Callable[[str], Awaitable[Picture | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the shell gives to every courier: where links point, the clock (Unix milliseconds), memories by receiver, and what tests replace.

    `picture` draws an incident by its id; None where there are no books, and what it gives is None while they do not know it.

    A receiver may take `answer_s` to begin its answer and `body_s` to end it.
    """

    public_url: str
    clock: Callable[[], int]
    answer_s: float = ANSWER_S
    body_s: float = BODY_S
    memory: Callable[[str], Memory] = lambda _: MemoryHere()
    picture: Draws | None = None
    console: Console | None = None
    transport: httpx.AsyncBaseTransport | None = None


class Courier(Protocol):
    """Carries items to one receiver. Nothing of it raises for what the world does; no secret is in any outcome or log."""

    @property
    def name(self) -> str:
        """The receiver's name, as notices call it."""
        ...

    @property
    def follows(self) -> bool:
        """Whether what it told can be edited, so that it wants each further step of an incident."""
        ...

    async def deliver(self, item: Item) -> Outcome:
        """Tries once, within a bounded time. The same item twice carries the same id."""
        ...

    async def close(self) -> None:
        """Lets go of connections."""
        ...


@runtime_checkable
class Acts(Protocol):
    """A courier that carries orders out itself, where nobody else minds their end."""

    async def let_go(self, order: Order) -> Outcome:
        """Undoes what an order that nobody answered for, and that has expired, may have done all the same."""
        ...


@runtime_checkable
class Probes(Protocol):
    """A courier of orders that can try the whole way to its receiver without having anything stopped."""

    async def probe(self) -> Outcome:
        """Tries once: what an order would meet there, as far as can be known; a `reason` says what was tried."""
        ...


@runtime_checkable
class Merges(Protocol):
    """A courier that may find later that something was told twice, and then undoes one."""

    @property
    def told_twice(self) -> int:
        """How often that was."""
        ...


@runtime_checkable
class Hears(Protocol):
    """A courier at whose place people also act: they close an issue there, or take it over."""

    async def heard(self) -> Sequence[Control]:
        """What they did since it was asked last, as controls; the same deed always has the same id, so saying it again is harmless."""
        ...
