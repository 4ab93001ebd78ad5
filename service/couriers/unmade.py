"""What stands in for a courier that cannot be made: a policy in force names a receiver whose secret is not there, or is of no use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from service.couriers.port import GaveUp, Item, Outcome, RetryLater
from service.facts import Order


@dataclass(frozen=True, slots=True)
class Unmade:
    """Reaches nobody; `reason` names the receiver and what is wrong, never a secret."""

    name: str
    reason: str
    follows: ClassVar[bool] = False

    async def deliver(self, item: Item) -> Outcome:
        """An order fails at once, so that others are told of it while it matters; a notice waits for a policy that mends its receiver."""
        return GaveUp(self.reason) if isinstance(item, Order) else RetryLater(None, self.reason)

    async def close(self) -> None:
        """Nothing is held."""
