"""An item on its way to one receiver."""

from __future__ import annotations

from dataclasses import dataclass

from service.couriers.pacing import LaneName
from service.facts import Notice, Order, Scope
from service.warden.routing import URGENT


@dataclass(slots=True, kw_only=True, eq=False)
class Parcel:
    """An item on its way to a receiver; `taken_ms` is when the outbox gave it, `place` its position among all."""

    receiver: str
    item: Order | Notice
    place: int
    taken_ms: int
    attempts: int = 0
    next_ms: int = 0

    @property
    def lane(self) -> LaneName:
        """Where it travels."""
        return "orders" if isinstance(self.item, Order) else "notices"

    @property
    def rank(self) -> int:
        """Of all that may go now, what goes first: the lesser."""
        return 0 if isinstance(self.item, Order) or self.item.reason in URGENT else 1

    @property
    def about(self) -> tuple[str, str | Scope]:
        """What it is about: parcels about one thing keep their order."""
        return self.item.tenant, self.item.scope if isinstance(self.item, Order) else self.item.incident
