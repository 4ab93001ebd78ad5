"""Who is sent an order, and whether what waits may still be sent. No clock, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from service.couriers.deliveries import Sequences
from service.couriers.lane import NOTICE_AGE_MAX_MS
from service.couriers.parcel import Parcel
from service.couriers.port import Receiver
from service.facts import DAY_MS, Notice, Order

UNDO_MAX_MS: Final = DAY_MS


class Addressing:
    """`newest` is each scope's greatest sequence, and when its orders are over."""

    def __init__(self, receivers: Sequence[Receiver]) -> None:
        self._takers = [receiver for receiver in receivers if receiver.takes != "notices"]
        self.newest: Sequences = {}

    def takers(self, order: Order) -> list[str]:
        """Of those that take orders about such a scope: those it names; else all on the first way.

        One that ends an order goes both ways, since either may have begun it.
        """
        fit = [each for each in self._takers if order.scope.kind in (each.scopes or (order.scope.kind,))]
        if order.to:
            names = [each.name for each in fit]
            return [name for name in order.to if name in names]
        return [each.name for each in fit if order.action == "resume" or not each.second]

    def untaken(self) -> str:
        """Why an order went to nobody."""
        return "no receiver takes orders about this kind of scope" if self._takers else "no receiver takes orders"

    def note(self, order: Order) -> tuple[int, int]:
        """Notes an order as its scope's newest, if it is; what is then known of the scope."""
        sequence, over_ms = self.newest.get((order.tenant, order.scope), (order.sequence, order.expires_ms))
        self.newest[order.tenant, order.scope] = known = max(sequence, order.sequence), max(over_ms, order.expires_ms)
        return known

    def outdated(self, parcel: Parcel, now_ms: int) -> str:
        """Why this parcel must not be sent any more; empty when it may."""
        item = parcel.item
        if isinstance(item, Notice):
            return "nobody took it for a day" if now_ms - parcel.taken_ms > NOTICE_AGE_MAX_MS else ""
        if item.expires_ms <= now_ms:
            return "it expired before it could be delivered"
        newest = self._newest(item)
        return f"overtaken by order {newest} of its scope" if newest > item.sequence else ""

    def lapsed(self, order: Order, now_ms: int) -> bool:
        """Whether what an order may have done is to be undone: for a day, once it is over and no other order of its scope is there."""
        return order.action != "resume" and self._newest(order) == order.sequence and order.expires_ms <= now_ms < order.expires_ms + UNDO_MAX_MS

    def forget(self, now_ms: int) -> None:
        """Forgets the scopes whose orders are over."""
        self.newest = {key: seen for key, seen in self.newest.items() if seen[1] >= now_ms}

    def _newest(self, order: Order) -> int:
        return self.newest.get((order.tenant, order.scope), (order.sequence, 0))[0]
