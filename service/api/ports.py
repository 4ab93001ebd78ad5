"""What the door needs of the service behind it; `bootstrap` plugs in the engine, tests a fake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from service.books import Books, BudgetStanding
from service.facts import Control, Receipt, Scope
from service.intake import Refusal
from service.policy import Policy
from service.records import Record


class Check(NamedTuple):
    """One condition of being ready; `detail` says what is missing."""

    name: str
    ok: bool
    detail: str = ""


class BehindError(Exception):
    """More has been taken than was worked on; nothing of the call counts as written. The caller should come back after `retry_after_s`."""

    def __init__(self, detail: str, retry_after_s: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Applies(NamedTuple):
    """An entry of the policy that applies to a scope: where it stands (`budgets[2]`), its name, why, and the entry as written."""

    path: str
    name: str
    why: str
    entry: dict[str, Any]


class Chat(Protocol):
    """A place where people press buttons: one Slack receiver of the policy that names its signing secret."""

    @property
    def tenant(self) -> str:
        """Whose spend is asked for there."""
        ...

    def signed(self, body: bytes, timestamp: str, signature: str) -> bool:
        """Whether this request comes from there, and is at most five minutes old."""
        ...

    async def open(self, trigger: str, view: dict[str, Any]) -> bool:
        """Opens a modal for the one who pressed; whether it did."""
        ...

    async def answer(self, url: str, said: dict[str, Any]) -> bool:
        """Says something to an address that came with a press; whether it arrived."""
        ...


class Service(Protocol):
    """Everything behind the door. Calls that write return once it is durable and raise LogError when it cannot be."""

    @property
    def books(self) -> Books:
        """Whom to ask; its calls block, so they are made from a thread."""
        ...

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        ...

    def now_ms(self) -> int:
        """The shell's clock: by it a record is too early and a pause has expired."""
        ...

    def nonce(self) -> str:
        """A text that never came before, for the id of a control."""
        ...

    async def accept(self, records: Sequence[Record], refusals: Sequence[Refusal]) -> None:
        """Appends records to the stream and refusals to the dead letters, durably; raises BehindError when it cannot keep up."""
        ...

    async def tell(self, said: Control | Receipt) -> None:
        """Appends what a person or an orchestrator said to its tenant's journal, durably."""
        ...

    async def budgets(self, tenant: str | None, scope: Scope | None) -> Sequence[BudgetStanding]:
        """How the budgets stand, of one tenant or of all, of one scope or of all."""
        ...

    async def effective(self, tenant: str, scope: Scope) -> Sequence[Applies]:
        """Every budget, cap, quota, owner and route that applies to a scope."""
        ...

    async def readiness(self) -> Sequence[Check]:
        """All conditions, met or not."""
        ...

    async def metrics(self) -> str:
        """Prometheus text."""
        ...
